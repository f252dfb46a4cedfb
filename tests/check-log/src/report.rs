//! What a check has found, and what it has checked.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// A line of a log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// The file, as it was named.
    pub file: Rc<str>,
    /// Counted from 1.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A rule of this check. The documentation of the crate says what each demands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Rule {
    /// When and with what a term begins.
    Begin,
    /// Tokens grow.
    Token,
    /// What is said about a term.
    End,
    /// Terms of two replicas.
    Overlap,
    /// The release of a lease.
    Release,
    /// The start of a task or tick.
    Run,
    /// The starts of a tick with `at_most_once`.
    Repeated,
    /// A log without gaps.
    Complete,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rule::Begin => "begin",
            Rule::Token => "token",
            Rule::End => "end",
            Rule::Overlap => "overlap",
            Rule::Release => "release",
            Rule::Run => "run",
            Rule::Repeated => "repeated",
            Rule::Complete => "complete",
        })
    }
}

/// A line that breaks a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The line.
    pub place: Place,
    /// The rule.
    pub rule: Rule,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.rule, self.what)
    }
}

/// What a check has read and found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// All lines.
    pub lines: u64,
    /// The lines of the library that name a lease.
    pub own: u64,
    /// The lines that name the library but cannot be read, such as the last one of a process that was killed.
    pub unreadable: u64,
    /// Leases.
    pub leases: u64,
    /// Replicas, each counted once for each lease.
    pub replicas: u64,
    /// Terms.
    pub terms: u64,
    /// Terms whose beginning was compared with the answer before it.
    pub answered: u64,
    /// Renewals.
    pub renewals: u64,
    /// Releases.
    pub releases: u64,
    /// Terms that were compared with a term of another replica before it.
    pub handovers: u64,
    /// Terms that were compared with none, because the process was killed between the release of the lease and its line.
    pub unlogged_ends: u64,
    /// The shortest time from the end of a term to the beginning of the next one on another replica. Negative if they overlap within
    /// the tolerance.
    pub shortest_handover: Option<f64>,
    /// Starts of tasks and ticks.
    pub runs: u64,
    /// Ticks with `at_most_once`.
    pub at_most_once: u64,
    /// Starts whose term was not logged, because the process ended right after the start.
    pub cut_off: u64,
    /// What is wrong, in the order in which it was found.
    pub violations: Vec<Violation>,
}

impl Report {
    pub(crate) fn violates(&mut self, rule: Rule, place: &Place, what: String) {
        self.violations.push(Violation { place: place.clone(), rule, what });
    }

    pub(crate) fn handover(&mut self, seconds: f64) {
        self.handovers += 1;
        self.shortest_handover = Some(self.shortest_handover.map_or(seconds, |shortest| shortest.min(seconds)));
    }

    /// Whether something was checked, and nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.terms > 0 && self.violations.is_empty()
    }

    /// The figures as text, with the tolerance that was used.
    pub fn figures(&self, tolerance: Duration) -> String {
        let shortest = match self.shortest_handover {
            Some(shortest) => format!(", the shortest {shortest:.3} s after the last term"),
            None => String::new(),
        };
        format!(
            "lines: {}, of the library: {}, unreadable: {}\n\
             leases: {}, replicas: {}, terms: {} ({} compared with an answer), renewals: {}, releases: {}\n\
             handovers between replicas: {}{shortest} (tolerance {tolerance:?}), not compared: {}\n\
             runs: {} ({} cut off), ticks with at_most_once: {}\n\
             violations: {}\n",
            self.lines,
            self.own,
            self.unreadable,
            self.leases,
            self.replicas,
            self.terms,
            self.answered,
            self.renewals,
            self.releases,
            self.handovers,
            self.unlogged_ends,
            self.runs,
            self.cut_off,
            self.at_most_once,
            self.violations.len(),
        )
    }
}
