//! The parts of a task, without the types of its bodies and outputs: one body, or several in an order.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

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
    /// Runs for ticks, and not continuously.
    pub(super) ticking: Option<MemberTicks>,
    pub(crate) work: MemberWork,
}

/// The settings of a scheduled member.
#[derive(Clone, Debug)]
pub(crate) struct MemberTicks {
    pub(super) timetable: Timetable,
    /// The time zone of the schedule, for the body.
    pub(super) zone: TimeZone,
    /// How many more attempts are made at a tick whose run has failed.
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
    /// Each when the one before it is up. Each is asked to end when those after it are gone.
    Stack,
}

/// How a run ended.
pub(super) enum RunResult {
    /// The body ended by itself.
    Ended(BodyResult),
    Panicked(String),
    TimedOut(Duration),
    /// Its time was up, or its task was given up.
    Dropped,
}

impl Member {
    /// This member and all below it.
    pub(crate) fn all(&self) -> Vec<&Member> {
        let below = match &self.work {
            MemberWork::Body(_) => &[][..],
            MemberWork::Group(_, members) => members,
        };
        std::iter::once(self).chain(below.iter().flat_map(Member::all)).collect()
    }

    /// How long it may take to end after it is asked to: its grace. The members of a stack end one after the other.
    pub(crate) fn longest_end(&self) -> Duration {
        match &self.work {
            MemberWork::Body(_) => self.policy.grace,
            MemberWork::Group(GroupOrder::Stack, members) => {
                members.iter().map(Member::longest_end).fold(Duration::ZERO, Duration::saturating_add)
            }
            MemberWork::Group(_, members) => members.iter().map(Member::longest_end).max().unwrap_or_default(),
        }
    }
}

/// How a run of a body ended by itself.
#[derive(Debug)]
pub(crate) struct BodyResult {
    /// The failure that it reports.
    pub(super) failure: Option<String>,
    /// It had been asked to end, so that "done" may only mean "stopped".
    pub(super) asked_to_end: bool,
    /// Its output says whether the work is done: `Ok` does, `()` does not.
    pub(super) says_done: bool,
}

pub(super) type MemberStart = Box<dyn FnMut(Term, Option<Tick>) -> BoxFuture<'static, BodyResult> + Send>;

/// A body without its type. It is shared with its runs, which call the user's function inside the guard.
#[derive(Clone)]
pub(crate) struct Body(Arc<Mutex<Option<MemberStart>>>);

impl Body {
    pub(super) fn new(
        start: impl FnMut(Term, Option<Tick>) -> BoxFuture<'static, BodyResult> + Send + 'static,
    ) -> Body {
        Body(Arc::new(Mutex::new(Some(Box::new(start)))))
    }

    /// A run of the body. The first poll calls the user's function, inside the guard.
    pub(super) fn run(&self, term: Term, tick: Option<Tick>) -> BoxFuture<'static, BodyResult> {
        let Body(start) = self.clone();
        Box::pin(async move {
            // A function that panics while it is being called leaves nothing half done here.
            let body = start.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(|start| start(term, tick));
            match body {
                Some(body) => body.await,
                None => BodyResult { failure: None, asked_to_end: true, says_done: false },
            }
        })
    }

    /// Wraps the user's function.
    #[cfg(feature = "testing")]
    pub(super) fn wrap(&self, wrap: impl FnOnce(MemberStart) -> MemberStart) {
        let mut start = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *start = start.take().map(wrap);
    }

    /// Removes the user's function with its captures, for the caller to drop. Not if a body that does not return is calling it.
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
