//! The annotations of a Lease that are ours.
//!
//! One prefix for each purpose and the task's name after it, so that no task can be called like a purpose, and two requests
//! about two tasks are two annotations.

/// `tick.lease-runtime.dev/report`: the record of the task `report`, written by the leader.
pub const RECORD: &str = "tick.lease-runtime.dev/";
/// `pause.lease-runtime.dev/report`, with any value: no tick of it is run as long as this stands.
pub const PAUSE: &str = "pause.lease-runtime.dev/";
/// `trigger.lease-runtime.dev/report`, with an id: run it now, once for each id. Removed by the write that takes the run.
pub const TRIGGER: &str = "trigger.lease-runtime.dev/";
/// `backfill.lease-runtime.dev/report`, with `from/to`: run the ticks of this stretch of the past. What is left of it is
/// rewritten by each write that takes one.
pub const BACKFILL: &str = "backfill.lease-runtime.dev/";

/// Which tasks the holder runs, as JSON, written by the holder: `{"holder": "pod-7_..", "tasks": ["report"], "more": 0}`.
pub const TASKS: &str = "lease-runtime.dev/tasks";

/// What all annotations of an object may take together, names and values, says Kubernetes.
pub const ANNOTATIONS_BYTES: usize = 256 * 1024;
/// A record is shorter than this.
pub const RECORD_BYTES: usize = 512;
/// How many scheduled tasks a lease may have: their records and names take less than two thirds of what there is.
pub const MOST_TASKS: usize = 256;

/// Text from the Lease as it may be logged: quoted, so that it forges no line, and not longer than one.
pub fn shown(text: &str) -> String {
    const MOST: usize = 80;
    let cut = text.char_indices().nth(MOST).map_or(text.len(), |(at, _)| at);
    let more = if cut < text.len() { format!(" and {} bytes more", text.len() - cut) } else { String::new() };
    format!("{:?}{more}", &text[..cut])
}

/// Some of many names, for a line of the log.
pub fn some(names: &[String]) -> Vec<String> {
    const MOST: usize = 10;
    let mut some: Vec<String> = names.iter().take(MOST).map(|name| shown(name)).collect();
    if names.len() > MOST {
        some.push(format!("and {} more", names.len() - MOST));
    }
    some
}

/// An annotation of this library.
pub fn is_ours(name: &str) -> bool {
    name.split_once('/').is_some_and(|(domain, _)| domain.ends_with(".lease-runtime.dev"))
}
