//! Finds and reports bodies that do not yield when their time is up.

use std::io::Write;
use std::time::Duration;

use super::{GateUse, TermState, exit};
use crate::clock::Moment;
use crate::policy::OnOverrun;
use lease_protocol::election::shown;

/// Handles user code that still runs although the term is over, unless the watchdog does. The elector calls it from its own
/// thread at the hard stop if the term is not drained, and then from time to time until it is. Each overrun is reported once.
pub(crate) fn enforce(term_state: &TermState, now: Moment) {
    if term_state.is_watched() {
        return;
    }
    let overruns = find(term_state, now, OnOverrun::Abort);
    if !overruns.is_empty() {
        exit::say(move || say(&overruns));
        std::process::abort();
    }
    report(term_state, now);
}

/// Reports the overruns that may continue.
pub(crate) fn report(term_state: &TermState, now: Moment) {
    let overruns = find(term_state, now, OnOverrun::Report);
    if !overruns.is_empty() {
        // This thread does not wait for the message. If no thread can be started, the process continues without it.
        let _ = std::thread::Builder::new().name("lease-overrun".to_owned()).spawn(move || say(&overruns));
    }
}

/// Reports all of these: first on stderr, for people, and then in the log.
pub(crate) fn say(overruns: &[Overrun]) {
    overruns.iter().for_each(Overrun::say_on_stderr);
    overruns.iter().for_each(Overrun::say_in_log);
}

/// User code that is inside a poll, a closure or a drop at the hard stop.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Overrun {
    task: String,
    lease: String,
    namespace: String,
    identity: String,
    term: u64,
    place: &'static str,
    lasted: Duration,
    policy: OnOverrun,
}

/// Shuts every gate, so that nothing enters any more. Returns the overruns with this policy that were not reported before.
pub(crate) fn find(term_state: &TermState, now: Moment, policy: OnOverrun) -> Vec<Overrun> {
    if now < term_state.deadlines().hard_stop {
        return Vec::new();
    }
    term_state
        .shut_gates()
        .into_iter()
        .filter_map(|(gate, inside)| {
            let wanted = gate.scope().on_overrun() == policy && inside.is_overrun(now, term_state.poll_margin());
            if !wanted || !gate.first_report() {
                return None;
            }
            Some(Overrun {
                task: gate.scope().task().to_string(),
                lease: term_state.lease().name.to_string(),
                namespace: term_state.lease().namespace.to_string(),
                identity: term_state.identity().to_owned(),
                term: term_state.token().get(),
                place: match (inside.dropping, gate.kind()) {
                    (true, _) => "the drop of its future",
                    (false, GateUse::Future) => "one poll",
                    (false, GateUse::Blocking) => "a blocking closure",
                },
                lasted: now.since(inside.since),
                policy,
            })
        })
        .collect()
}

impl Overrun {
    fn message(&self) -> String {
        let Overrun { task, lease, namespace, term, place, lasted, .. } = self;
        let consequence = match self.policy {
            OnOverrun::Abort => "ending the process so that two never run at once",
            OnOverrun::Report => "it goes on beside its successor, as `on_overrun = report` asks for",
        };
        format!(
            "task `{task}` of lease `{namespace}/{lease}` (term {term}) has been inside {place} for {lasted:.1?} and the \
             lease may pass to another replica now; {consequence}: yield in long loops, move what blocks to `term.blocking(..)` \
             and let it ask its check between two steps"
        )
    }

    /// On stderr as well as in the log: the log may go elsewhere or nowhere, or may be buffered, and the process may end next.
    fn say_on_stderr(&self) {
        // This error cannot be reported anywhere.
        let _ = writeln!(std::io::stderr(), "lease-runtime: {}", self.message());
    }

    fn say_in_log(&self) {
        let message = self.message();
        tracing::error!(
            target: "lease_runtime",
            task = %self.task,
            lease = %self.lease,
            namespace = %self.namespace,
            identity = %shown(&self.identity),
            term = self.term,
            "overrun: {message}"
        );
    }
}

#[cfg(test)]
mod tests;
