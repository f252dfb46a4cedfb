//! What threads do in one case, and what must hold in all orders.

mod bodies;
mod deadlines;
mod drains;
mod gates;
mod handover;
mod notifications;
mod signals;
mod support;

/// A few threads, and what must hold however they run.
pub struct Case {
    /// Names the case on the command line.
    pub name: &'static str,
    /// What holds.
    pub promise: &'static str,
    /// How often a thread may be interrupted between two operations, in one order. `None` if all orders are tried.
    pub preemptions: Option<usize>,
    /// Runs the threads once. Panics if the promise is broken. A lost wake-up is a deadlock, which loom reports.
    pub run: fn(),
}

/// All cases, by subject.
pub const CASES: &[&[Case]] = &[
    gates::CASES,
    deadlines::CASES,
    drains::CASES,
    signals::CASES,
    bodies::CASES,
    notifications::CASES,
    handover::CASES,
];
