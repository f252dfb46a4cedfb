//! The annotations that this library uses on a Lease.
//!
//! Each purpose has its own prefix, followed by the name of the task. So a task may have any name, and requests about
//! two tasks are two annotations.

/// `tick.lease-runtime.dev/report`: the record of the task `report`, written by the leader.
pub const RECORD: &str = "tick.lease-runtime.dev/";
/// `pause.lease-runtime.dev/report`, with any value: while it exists, no tick of the task is run.
pub const PAUSE: &str = "pause.lease-runtime.dev/";
/// `trigger.lease-runtime.dev/report`, with an id: run the task now, once for each id. The write that takes the run
/// removes it.
pub const TRIGGER: &str = "trigger.lease-runtime.dev/";
/// `backfill.lease-runtime.dev/report`, with `from/to`: run the ticks of this range of the past. Each write that takes
/// one of them replaces the range with the rest.
pub const BACKFILL: &str = "backfill.lease-runtime.dev/";

/// Which tasks the holder runs, as JSON, written by the holder: `{"holder": "pod-7_..", "tasks": ["report"], "more": 0}`.
pub const TASKS: &str = "lease-runtime.dev/tasks";

/// Kubernetes' limit for all annotations of an object together, names and values.
pub const ANNOTATIONS_BYTES: usize = 256 * 1024;
/// Every record is shorter than this.
pub const RECORD_BYTES: usize = 512;
/// How many scheduled tasks a lease may have. Their names and records then take less than two thirds of
/// [`ANNOTATIONS_BYTES`].
pub const MOST_TASKS: usize = 256;

/// Text from the Lease for a log line: quoted, so that it cannot forge a line, and shortened.
pub fn shown(text: &str) -> String {
    const MOST: usize = 80;
    let cut = text.char_indices().nth(MOST).map_or(text.len(), |(at, _)| at);
    let more = if cut < text.len() { format!(" and {} bytes more", text.len() - cut) } else { String::new() };
    format!("{:?}{more}", &text[..cut])
}

/// The first of many names, for a log line.
pub fn some(names: &[String]) -> Vec<String> {
    const MOST: usize = 10;
    let mut some: Vec<String> = names.iter().take(MOST).map(|name| shown(name)).collect();
    if names.len() > MOST {
        some.push(format!("and {} more", names.len() - MOST));
    }
    some
}

/// Whether an annotation belongs to this library.
pub fn is_ours(name: &str) -> bool {
    name.split_once('/').is_some_and(|(domain, _)| domain.ends_with(".lease-runtime.dev"))
}
