//! Lets a simulation watch runs, and tells it what it has to know about a task.

use std::sync::Arc;

use super::entry::Entry;
use super::member::{Member, MemberStart, MemberWork};
use crate::tick::Tick;
use lease_protocol::ticks::TimetableKind;

/// Called for each run when its body is called.
pub(crate) type Watcher = Arc<dyn Fn(&Arc<str>, Option<&Tick>) -> Box<dyn WatchedRun> + Send + Sync>;

/// A run that is being watched. Dropped with the body.
pub(crate) trait WatchedRun: Send {
    /// The body has returned, with this failure if it says so. `obeyed`: it returned because it was asked to, as far as that is
    /// known.
    fn returned(&mut self, failure: Option<&str>, obeyed: bool);
}

impl Entry {
    /// Watches each run of each body.
    pub(crate) fn watch(&self, watcher: &Watcher) {
        for member in self.member.all() {
            if let MemberWork::Body(body) = &member.work {
                body.wrap(|start| wrapped(start, member.name.clone(), watcher.clone()));
            }
        }
    }

    /// A part of it is a continuous task.
    pub(crate) fn is_continuous(&self) -> bool {
        fn continuous(member: &Member) -> bool {
            member.ticking.is_none()
                && match &member.work {
                    MemberWork::Body(_) => true,
                    MemberWork::Group(_, members) => members.iter().any(continuous),
                }
        }
        continuous(&self.member)
    }

    /// It runs once.
    pub(crate) fn runs_once(&self) -> bool {
        self.member.ticking.as_ref().is_some_and(|ticking| ticking.timetable.kind == TimetableKind::Once)
    }

    /// Whether this is the name of the task, or of a part of it.
    pub(crate) fn has_part(&self, name: &str) -> bool {
        self.member.all().into_iter().any(|member| &*member.name == name)
    }
}

fn wrapped(mut start: MemberStart, name: Arc<str>, watcher: Watcher) -> MemberStart {
    Box::new(move |term, tick| {
        // Before the user's function is called, because that may panic.
        let mut watched = watcher(&name, tick.as_ref());
        let body = start(term, tick);
        Box::pin(async move {
            let result = body.await;
            watched.returned(result.failure.as_deref(), result.asked_to_end && !result.says_done);
            result
        })
    })
}
