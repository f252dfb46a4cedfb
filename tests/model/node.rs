//! One process: the production core, the guard that its actions feed, its bodies, and what it has sent.

use lease_protocol::election::{
    Action, Answer, Deadlines, Election, Event, Now, Observation, Record, Request, RequestId, Role,
};
use lease_runtime::clock::{Moment, WallTime};

use super::config::Config;
use super::mutant::Mutant;
use super::world::Broken;

/// The present of every clock. Instead of advancing it, normalization moves the past.
pub(crate) const NOW: Moment = Moment::from_nanos(1_000_000_000_000);

/// The calendar stands still. The protocol must not depend on its progress.
pub(crate) const STEP: Now = Now { moment: NOW, wall: WallTime(0), random: 0 };

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Node {
    /// The identity of the process. No two processes have the same, also not one after the other.
    pub(crate) name: &'static str,
    /// How many processes were in this place before.
    pub(crate) start: u8,
    pub(crate) core: Election,
    /// From `Begin` until the last body is gone, however late that is.
    pub(crate) bodies: Option<Bodies>,
    pub(crate) get: Option<Get>,
    pub(crate) write: Option<Write>,
    /// A write in flight that the core no longer tracks, because it has sent another one.
    pub(crate) dropped: Option<Request>,
    /// What the watch will show: a state of the Lease, which may be old when it arrives.
    pub(crate) watched: Option<Observation>,
    /// Until when the bodies of the process run that was in this place before, cut off from everything.
    pub(crate) ghost: Option<Moment>,
    /// The node has seen the Lease, or the one that was created after a deletion.
    pub(crate) seen_lease: bool,
    /// The node was not asked to leave.
    pub(crate) wants: bool,
    /// A late answer that is taken for the answer to another request. For mutants only.
    pub(crate) stray: Option<Answer>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Bodies {
    /// The deadline of the guard: no poll begins after it. Only actions set it, as in the guard of a real term.
    pub(crate) drop_at: Moment,
    /// They were asked to end.
    pub(crate) cancelled: bool,
    /// The term is over.
    pub(crate) over: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Get {
    pub(crate) id: RequestId,
    pub(crate) shown: Option<Observation>,
    /// For one mutant only.
    pub(crate) sent: Option<Moment>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Write {
    pub(crate) id: RequestId,
    /// `None` if it names a version that is gone. The answer is then a conflict, whatever the content.
    pub(crate) request: Option<Request>,
    pub(crate) answer: Option<Answer>,
}

impl Node {
    pub(crate) fn new(start: u8, index: usize, config: &Config) -> Node {
        let name = config.identity(index, start);
        Node {
            name,
            start,
            core: Election::new(name.to_owned(), config.timing(index)),
            ghost: None,
            bodies: None,
            get: None,
            write: None,
            dropped: None,
            watched: None,
            seen_lease: false,
            wants: true,
            stray: None,
        }
    }

    /// Whether a body may be polled at this instant, even if nothing else of the process runs.
    pub(crate) fn runs(&self) -> bool {
        self.bodies.as_ref().is_some_and(|bodies| !bodies.over && NOW < bodies.drop_at)
    }

    pub(crate) fn leads(&self) -> bool {
        self.runs() && self.core.role() == Role::Leading
    }

    /// A proof of this death says something new to the node.
    pub(crate) fn can_learn(&self, dead: &str) -> bool {
        self.name != dead && !self.core.is_proven_dead(dead)
    }

    pub(crate) fn is_due(&self) -> bool {
        self.core.wake_at().is_some_and(|at| at <= NOW)
    }

    /// Gives the core an event and carries out its actions. `newest` is the highest token so far.
    pub(crate) fn feed(
        &mut self,
        event: Event,
        now: Now,
        config: &Config,
        index: usize,
        newest: &mut u64,
    ) -> Result<(), Broken> {
        for action in self.core.step(event, now) {
            match action {
                Action::Send { id, request: Request::Get } => {
                    let sent = config.is(Mutant::CountsFromAsking).then_some(NOW);
                    self.get = Some(Get { id, shown: None, sent });
                }
                Action::Send { id, request } => {
                    if self.bodies.is_some() {
                        if holder_of(&request).is_none() {
                            return Err(Broken::ReleasedWithBodies);
                        }
                        if self.core.is_acquiring() {
                            return Err(Broken::CompetedWithBodies);
                        }
                    }
                    let old = self.write.take().filter(|write| write.answer.is_none());
                    self.dropped = old.and_then(|write| write.request).or(self.dropped.take());
                    self.write = Some(Write { id, request: Some(request), answer: None });
                }
                Action::Begin(grant) => {
                    if self.bodies.is_some() {
                        return Err(Broken::TwoTermsInOneProcess);
                    }
                    let token = match config.mutant {
                        Some(Mutant::TokenIsTransitions) => u64::from(grant.transitions.unsigned_abs()) + 1,
                        _ => grant.token.get(),
                    };
                    if token <= *newest {
                        return Err(Broken::TokenDidNotGrow);
                    }
                    *newest = token;
                    let drop_at = believe(&grant.deadlines, config, index);
                    self.bodies = Some(Bodies { drop_at, cancelled: false, over: false });
                }
                Action::Extend(deadlines) => {
                    if let Some(bodies) = &mut self.bodies {
                        bodies.drop_at = believe(&deadlines, config, index);
                    }
                }
                Action::Cancel(_) => {
                    if let Some(bodies) = &mut self.bodies {
                        bodies.cancelled = true;
                    }
                    if config.is(Mutant::ReleasesBeforeStop) {
                        self.feed(Event::Drained, now, config, index, newest)?;
                    }
                }
                Action::Expire => {
                    if let Some(bodies) = &mut self.bodies {
                        bodies.over = true;
                    }
                    if config.is(Mutant::ForgetsBlockedBodies) {
                        self.feed(Event::Drained, now, config, index, newest)?;
                    }
                }
                Action::Altered(_) => {}
                Action::Disqualified { .. } => return Err(Broken::Disqualified),
                Action::Rewatch | Action::Left { .. } => {}
            }
        }
        Ok(())
    }
}

/// Until when the guard lets bodies run.
fn believe(deadlines: &Deadlines, config: &Config, index: usize) -> Moment {
    let timing = config.timing(index);
    match config.mutant {
        Some(Mutant::CountsFromReceipt) => NOW + timing.drop_after(),
        Some(Mutant::StopsAtLeaseDuration) => deadlines.drop_at - timing.drop_after() + timing.lease_duration,
        Some(Mutant::ClockNotRead) => Moment::FAR,
        _ => deadlines.drop_at,
    }
}

fn holder_of(request: &Request) -> Option<&str> {
    record_of(request).and_then(Record::holder)
}

pub(crate) fn record_of(request: &Request) -> Option<&Record> {
    match request {
        Request::Create(record) | Request::Replace { record, .. } => Some(record),
        Request::Get => None,
    }
}
