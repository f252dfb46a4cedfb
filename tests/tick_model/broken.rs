//! What a step can break, in words.

use std::fmt;

/// A rule of `docs/schedules.md`, or one of the rules on which it rests.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Rule {
    /// With `at_most_once`, a tick is started at most once.
    T1,
    /// With `at_least_once` and `catch_up = all`, each tick completes.
    T2,
    /// The newest tick runs.
    T3,
    /// Each tick is run, or counted once as not run.
    T4,
    /// The ticks that are taken become newer.
    T5,
    /// A run is taken before it starts.
    Taken,
    /// An end is recorded for the run that has ended.
    End,
    /// No run is taken while bodies are asked to end.
    Drain,
    /// A run that has begun is not given back.
    Back,
    /// The overlap policy limits how many runs are under way.
    Overlap,
    /// A tick that could be taken makes a write urgent.
    Urgent,
    /// The record can be read, and nothing removes it.
    Record,
}

/// A rule that does not hold.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Broken {
    pub(crate) rule: Rule,
    pub(crate) what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.what)
    }
}

/// Returns the broken rule, unless the condition holds.
macro_rules! must {
    ($rule:ident, $holds:expr, $($text:tt)+) => {
        if !$holds {
            return Err(Broken { rule: Rule::$rule, what: format!($($text)+) });
        }
    };
}
pub(crate) use must;
