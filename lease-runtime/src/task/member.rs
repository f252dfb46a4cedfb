//! What a task consists of, whatever its bodies and their outputs are: one body, or others in an order.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;

use super::policy::Policy;
use crate::term::Term;
use crate::tick::Tick;
use lease_protocol::ticks::Timetable;

/// A task, or a part of a group.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: Arc<str>,
    pub(crate) policy: Policy,
    /// Runs for ticks, rather than all through a term.
    pub(super) ticking: Option<MemberTicks>,
    pub(crate) work: MemberWork,
}

/// How a member's runs begin.
#[derive(Clone, Debug)]
pub(crate) struct MemberTicks {
    pub(super) timetable: Timetable,
    /// Of the schedule, for the body.
    pub(super) zone: TimeZone,
    /// Further attempts at a tick whose run has failed.
    pub(super) retry: u32,
}

#[derive(Debug)]
pub(crate) enum MemberWork {
    Body(Body),
    Group(GroupOrder, Vec<Member>),
}

/// In which order the members of a group start and end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GroupOrder {
    /// All at once.
    Concurrent,
    /// Each when the one before is done.
    Sequence,
    /// Each when the one before is up; asked to end when those after it are gone.
    Stack,
}

impl Member {
    /// This one and all below it.
    pub(crate) fn all(&self) -> Vec<&Member> {
        let below = match &self.work {
            MemberWork::Body(_) => &[][..],
            MemberWork::Group(_, members) => members,
        };
        std::iter::once(self).chain(below.iter().flat_map(Member::all)).collect()
    }
}

/// How a run of a body ended by itself.
#[derive(Debug)]
pub(crate) struct BodyVerdict {
    /// What it says went wrong.
    pub(super) failure: Option<String>,
    /// It had been asked to end, so that "done" may only mean "stopped".
    pub(super) asked: bool,
    /// What it returned says whether it was done: `Ok` does, `()` does not.
    pub(super) tells: bool,
}

pub(super) type MemberStart = Box<dyn FnMut(Term, Option<Tick>) -> BoxFuture<'static, BodyVerdict> + Send>;

/// A body whose type is erased. Shared with its runs, which call the user's function inside the guard.
#[derive(Clone)]
pub(crate) struct Body(Arc<Mutex<Option<MemberStart>>>);

impl Body {
    pub(super) fn new(
        start: impl FnMut(Term, Option<Tick>) -> BoxFuture<'static, BodyVerdict> + Send + 'static,
    ) -> Body {
        Body(Arc::new(Mutex::new(Some(Box::new(start)))))
    }

    /// A run of the body. The user's function is called by the first poll, inside the guard.
    pub(super) fn run(&self, term: Term, tick: Option<Tick>) -> BoxFuture<'static, BodyVerdict> {
        let Body(start) = self.clone();
        Box::pin(async move {
            // A function that panics while it is being called leaves nothing half done here.
            let body = start.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(|start| start(term, tick));
            match body {
                Some(body) => body.await,
                None => BodyVerdict { failure: None, asked: true, tells: false },
            }
        })
    }

    /// Puts something around the user's function.
    #[cfg(feature = "testing")]
    pub(super) fn wrap(&self, wrap: impl FnOnce(MemberStart) -> MemberStart) {
        let mut start = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *start = start.take().map(wrap);
    }

    /// Takes out what it has captured, which is the user's, for the caller to drop; not if it is being called, by a body
    /// that does not come back.
    pub(super) fn retire(&self) -> Option<MemberStart> {
        match self.0.try_lock() {
            Ok(mut start) => start.take(),
            Err(TryLockError::Poisoned(start)) => start.into_inner().take(),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}
