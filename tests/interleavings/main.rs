//! Runs each case in all orders of its threads, and prints how many there were. An argument selects the cases whose name contains it.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lease_interleavings::clock::{Clock, SystemClock};
use lease_interleavings::term::cases::{CASES, Case};
use loom::model::Builder;

fn main() -> ExitCode {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let cases = || CASES.iter().copied().flatten().filter(|case| case.name.contains(&*filter));
    let explored: Vec<_> = cases().map(explore).collect();
    let broken: Vec<_> = explored.iter().filter(|explored| explored.is_broken).map(|explored| explored.name).collect();
    let orders: u64 = explored.iter().map(|explored| explored.orders).sum();
    let lasted: Duration = explored.iter().map(|explored| explored.lasted).sum();
    println!("\n{} cases, {orders} orders, {:.1} s", explored.len(), lasted.as_secs_f64());
    if explored.is_empty() {
        eprintln!("error: no case has {filter:?} in its name");
    }
    if !broken.is_empty() {
        eprintln!("error: broken: {}", broken.join(", "));
    }
    if broken.is_empty() && !explored.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What came of a case.
struct Explored {
    name: &'static str,
    /// How many orders were run.
    orders: u64,
    lasted: Duration,
    is_broken: bool,
}

fn explore(case: &Case) -> Explored {
    // First, because a panic in a drop ends the process.
    print!("{:16} ", case.name);
    let _ = std::io::stdout().flush();
    let begun = SystemClock.now();
    let orders = Arc::new(AtomicU64::new(0));
    let mut builder = Builder::new();
    // A limit in the environment wins.
    builder.preemption_bound = builder.preemption_bound.or(case.preemptions);
    let bound = builder.preemption_bound.map_or("all".to_owned(), |bound| format!("≤{bound}"));
    let is_broken = catch_unwind(AssertUnwindSafe(|| {
        let (orders, run) = (Arc::clone(&orders), case.run);
        builder.check(move || {
            orders.fetch_add(1, Ordering::Relaxed);
            run();
        });
    }))
    .is_err();
    let (orders, lasted) = (orders.load(Ordering::Relaxed), SystemClock.now().since(begun));
    let verdict = if is_broken { "BROKEN: " } else { "" };
    println!("{orders:>9} orders, {bound:>3} preemptions, {:5.1} s: {verdict}{}", lasted.as_secs_f64(), case.promise);
    Explored { name: case.name, orders, lasted, is_broken }
}
