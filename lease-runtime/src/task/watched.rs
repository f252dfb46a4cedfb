//! Bodies that somebody watches, and what a simulation has to know about a task.

use std::sync::Arc;

use super::entry::Entry;
use super::member::{Member, MemberStart, MemberWork};
use crate::tick::Tick;
use lease_protocol::ticks::TimetableKind;

/// Is told of each run as its body is called.
pub(crate) type Watcher = Arc<dyn Fn(&Arc<str>, Option<&Tick>) -> Box<dyn WatchedRun> + Send + Sync>;

/// A run that somebody watches. Dropped with the body, whether or not that has ended by itself.
pub(crate) trait WatchedRun: Send {
    /// The body has returned: an error, if it says so; or for no other reason than that it was asked to, as far as one can
    /// tell.
    fn returned(&mut self, failure: Option<&str>, obeyed: bool);
}

impl Entry {
    /// Has each run of each body watched.
    pub(crate) fn watch(&self, watcher: &Watcher) {
        for member in self.member.all() {
            if let MemberWork::Body(body) = &member.work {
                body.wrap(|start| wrapped(start, member.name.clone(), watcher.clone()));
            }
        }
    }

    /// Something of it runs all through a term.
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

    /// It is done when the Lease says so.
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
        // Before the user's function is called, which may panic.
        let mut watched = watcher(&name, tick.as_ref());
        let body = start(term, tick);
        Box::pin(async move {
            let verdict = body.await;
            watched.returned(verdict.failure.as_deref(), verdict.asked && !verdict.tells);
            verdict
        })
    })
}
