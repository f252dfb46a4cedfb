//! Compares the tasks of this replica with those that the holder of the Lease runs.
//!
//! Two programs may use one Lease by mistake, or two versions of one program. Then each keeps the tasks of the other from running,
//! and the only sign is that it follows. So the holder names its tasks in an annotation, and a follower compares. This needs no
//! additional write: the annotation goes with a renewal, and only when it has changed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::log::ElectionLog;
use crate::clock::Moment;
use lease_protocol::ticks::names::{ANNOTATIONS_BYTES, TASKS};
use lease_protocol::ticks::{Annotations, Edits};

/// The most bytes for the names in the annotation. Names that do not fit are counted.
const MOST_BYTES: usize = 4096;

/// The names of the tasks that a replica has for a lease, sorted and unique.
pub(crate) type Names = Arc<[Arc<str>]>;

/// The tasks that this replica has for a lease, as the candidate last announced them.
#[derive(Debug, Default)]
pub(crate) struct AnnouncedTasks(Mutex<Names>);

impl AnnouncedTasks {
    pub(crate) fn set(&self, names: Names) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = names;
    }

    fn get(&self) -> Names {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Compares the tasks of this replica with those of the holder.
#[derive(Debug)]
pub(super) struct TaskComparison {
    tasks: Arc<AnnouncedTasks>,
    seen: Option<SeenHolder>,
    /// The holder that was logged.
    said: Option<String>,
}

/// Another process holds the lease, with this annotation.
#[derive(Debug)]
struct SeenHolder {
    holder: String,
    ours: Names,
    annotation: Option<String>,
    since: Moment,
    judged: bool,
}

/// The tasks of this replica that the holder does not name.
#[derive(PartialEq, Eq, Debug)]
enum TasksNotRun {
    /// The holder does not run these.
    NotRun(Vec<String>),
    /// The holder does not say which tasks it runs.
    NotKnown,
}

impl TaskComparison {
    pub(super) fn new(tasks: Arc<AnnouncedTasks>) -> TaskComparison {
        TaskComparison { tasks, seen: None, said: None }
    }

    /// Adds the names of our tasks to a renewal by `identity`, if the Lease does not have them yet and there is room.
    pub(super) fn edit(&self, identity: &str, annotations: &Annotations, edits: &mut Edits) -> bool {
        let ours = self.tasks.get();
        if ours.is_empty() {
            return false;
        }
        let value = written(identity, &ours);
        if annotations.get(TASKS) == Some(&value) || !has_room(annotations, edits, &value) {
            return false;
        }
        edits.insert(TASKS.to_owned(), Some(value));
        true
    }

    /// Compares with the annotation of the holder, and returns which of our tasks it does not run, as far as that is known. `None` if
    /// nothing has changed. A holder has `patience` for its first renewal, and for tasks that it is about to add.
    pub(super) fn compare(
        &mut self,
        holder: Option<&str>,
        annotations: Option<&Annotations>,
        now: Moment,
        patience: Duration,
        log: &ElectionLog,
    ) -> Option<Vec<String>> {
        let Some(holder) = holder else {
            // There is no holder, or this process is the holder.
            return self.seen.take().map(|_| Vec::new());
        };
        let (ours, annotation) = (self.tasks.get(), annotations.and_then(|annotations| annotations.get(TASKS)));
        let same = |seen: &SeenHolder| {
            seen.holder == holder && seen.annotation.as_ref() == annotation && Arc::ptr_eq(&seen.ours, &ours)
        };
        if !self.seen.as_ref().is_some_and(same) {
            let annotation = annotation.cloned();
            self.seen = Some(SeenHolder { holder: holder.to_owned(), ours, annotation, since: now, judged: false });
        }
        let seen = self.seen.as_mut().filter(|seen| !seen.judged)?;
        let missing = seen.missing();
        if missing != TasksNotRun::NotRun(Vec::new()) && now.since(seen.since) < patience {
            return None;
        }
        seen.judged = true;
        let first = self.said.as_deref() != Some(holder);
        let (known, tasks) = match missing {
            TasksNotRun::NotRun(tasks) => (true, tasks),
            TasksNotRun::NotKnown => (false, seen.ours.iter().map(ToString::to_string).collect()),
        };
        if first && !tasks.is_empty() {
            self.said = Some(holder.to_owned());
            log.not_run(holder, &tasks, known);
        }
        Some(tasks)
    }
}

impl SeenHolder {
    fn missing(&self) -> TasksNotRun {
        let Some((names, complete)) = self.annotation.as_deref().and_then(|text| read(text, &self.holder)) else {
            // The annotation is of an earlier holder, or this one is a program that does not name its tasks.
            return if self.ours.is_empty() { TasksNotRun::NotRun(Vec::new()) } else { TasksNotRun::NotKnown };
        };
        // They are sorted, so names that did not fit come after the last one.
        let known = |name: &str| complete || names.last().is_some_and(|last| name <= last.as_str());
        let missing = self.ours.iter().filter(|name| !names.contains(&***name) && known(name));
        TasksNotRun::NotRun(missing.map(ToString::to_string).collect())
    }
}

/// The value of the annotation. It names the holder, because a program that does not know it leaves it in place when it takes over.
fn written(identity: &str, names: &[Arc<str>]) -> String {
    let mut bytes = 0;
    let fit = names.iter().take_while(|name| {
        bytes += name.len() + 3;
        bytes <= MOST_BYTES
    });
    let fit: Vec<&str> = fit.map(|name| &**name).collect();
    let more = names.len() - fit.len();
    json!({ "holder": identity, "tasks": fit, "more": more }).to_string()
}

/// The names, and whether they are complete, if the annotation belongs to this holder.
fn read(text: &str, holder: &str) -> Option<(BTreeSet<String>, bool)> {
    let value: Value = serde_json::from_str(text).ok()?;
    if value.get("holder")?.as_str()? != holder {
        return None;
    }
    let names = value.get("tasks")?.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    Some((names, value.get("more").is_none_or(|more| *more == 0)))
}

/// Whether this holder names its tasks, as every holder of this library does from its first renewal on.
pub(crate) fn names_tasks(annotations: &Annotations, holder: &str) -> bool {
    annotations.get(TASKS).is_some_and(|text| read(text, holder).is_some())
}

fn has_room(annotations: &Annotations, edits: &Edits, value: &str) -> bool {
    let unchanged = annotations.iter().filter(|(name, _)| !edits.contains_key(*name) && *name != TASKS);
    let unchanged: usize = unchanged.map(|(name, value)| name.len() + value.len()).sum();
    let said: usize =
        edits.iter().filter_map(|(name, value)| value.as_ref().map(|value| name.len() + value.len())).sum();
    unchanged + said + TASKS.len() + value.len() <= ANNOTATIONS_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::LeaseId;

    fn names(names: &[&str]) -> Names {
        names.iter().map(|name| Arc::from(*name)).collect()
    }

    fn task_comparison(ours: &[&str]) -> TaskComparison {
        let tasks = Arc::new(AnnouncedTasks::default());
        tasks.set(names(ours));
        TaskComparison::new(tasks)
    }

    /// What a follower with the tasks `ours` finds after its patience.
    fn found(ours: &[&str], annotation: Option<String>) -> Option<Vec<String>> {
        let annotations = annotation.map(|value| Annotations::from([(TASKS.to_owned(), value)]));
        let (mut comparison, log) =
            (task_comparison(ours), ElectionLog::new(LeaseId::new("jobs", "ledger"), "b".into()));
        let patience = Duration::from_secs(15);
        let mut compare = |now| comparison.compare(Some("a"), annotations.as_ref(), Moment::ZERO + now, patience, &log);
        compare(Duration::ZERO).or_else(|| compare(patience))
    }

    #[test]
    fn what_the_holder_does_not_name_is_not_run() {
        let of_a = |tasks: &[&str]| Some(written("a", &names(tasks)));
        assert_eq!(found(&["bills"], of_a(&["bills", "mails"])).unwrap(), [""; 0]);
        assert_eq!(found(&["bills", "dunning"], of_a(&["bills", "mails"])).unwrap(), ["dunning"]);
        assert_eq!(found(&[], None).unwrap(), [""; 0]);
    }

    #[test]
    fn a_holder_that_says_nothing_runs_nothing_of_ours_as_far_as_is_known() {
        for annotation in [None, Some(written("z", &names(&["bills"]))), Some("{".to_owned()), Some("7".to_owned())] {
            assert_eq!(found(&["bills"], annotation).unwrap(), ["bills"]);
        }
    }

    #[test]
    fn it_is_bounded_and_what_has_no_room_is_not_called_missing() {
        let many: Vec<String> = (0..1000).map(|number| format!("task-{number:04}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let value = written("a", &names(&many));
        assert!(value.len() < MOST_BYTES + 512, "{}", value.len());
        assert_eq!(found(&["task-0000", "task-0000b", "task-0999", "zz"], Some(value)).unwrap(), ["task-0000b"]);
    }

    #[test]
    fn it_is_written_once_and_where_there_is_room() {
        let comparison = task_comparison(&["bills"]);
        let (mut annotations, mut edits) = (Annotations::new(), Edits::new());
        assert!(comparison.edit("a", &annotations, &mut edits));
        annotations.insert(TASKS.to_owned(), edits.remove(TASKS).unwrap().unwrap());
        assert!(!comparison.edit("a", &annotations, &mut edits) && edits.is_empty());
        assert!(comparison.edit("b", &annotations, &mut edits), "it is another's");
        let full = Annotations::from([("example.com/full".to_owned(), "x".repeat(ANNOTATIONS_BYTES - 50))]);
        assert!(!comparison.edit("a", &full, &mut Edits::new()));
    }
}
