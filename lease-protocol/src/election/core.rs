//! The state of one process in one election, and its one entry: [`Election::step`].

use std::time::Duration;

use super::outstanding::{OutstandingWrite, WritePurpose};
use super::pace::Pace;
use super::plan::Intent;
use super::record::{Observation, Version, View};
use super::step::{Action, Event, Now, Request, RequestId, StopReason};
use super::term::{HeldTerm, Phase};
use super::timing::Timing;
use crate::clock::{Moment, WallTime};

/// One process in the election of one lease.
///
/// Call [`step`](Self::step) with every event and whenever [`wake_at`](Self::wake_at) has come, and carry out the actions in
/// their order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Election {
    pub(super) identity: String,
    pub(super) timing: Timing,
    /// Takes part; `false` after a withdrawal.
    pub(super) contending: bool,
    /// The withdrawal was reported as complete.
    pub(super) left: bool,
    /// When a withdrawal that cannot release gives up.
    pub(super) leave_by: Option<Moment>,
    /// The newest state of the Lease that was seen.
    pub(super) seen: Option<SeenState>,
    /// A write needs a fresh look first (rule W1).
    pub(super) stale: bool,
    /// There has been such a Lease, as far back as this process remembers (rule C3).
    pub(super) met: bool,
    /// The uid of the Lease that is known to exist (rule C3).
    pub(super) known: Option<String>,
    /// How long the last holder that was seen may go on believing: its record's duration, and not less than ours (C3).
    pub(super) last_duration: Duration,
    /// Until then the holder of a Lease that is gone may go on believing (rule C3).
    pub(super) clear_at: Moment,
    /// From then on, what was last seen of a missing Lease is too old to go by (rule C3).
    pub(super) blind_at: Moment,
    /// The highest revision seen (rule W3).
    pub(super) highest: u64,
    /// The highest revision that this process has seen in the cluster before this election began (rule W3).
    pub(super) floor: u64,
    /// Revisions went backwards: this process leads no more.
    pub(super) barred: bool,
    /// The revision that showed it.
    pub(super) barred_by: u64,
    /// The term whose bodies are not known to be gone.
    pub(super) term: Option<HeldTerm>,
    /// The look in flight.
    pub(super) looking: Option<OutstandingGet>,
    /// The write in flight. Never two, so that writes of one process cannot overtake each other.
    pub(super) writing: Option<OutstandingWrite>,
    /// Writes that were given up and may yet take effect, or have taken it (rule R1).
    pub(super) given_up: Vec<OutstandingWrite>,
    /// The latest calendar time in a record of ours, acknowledged or not: the next one is later, so that no two are the same.
    pub(super) written: Option<WallTime>,
    /// How many writes in a row were stored otherwise than they were sent.
    pub(super) altered: u32,
    pub(super) next_id: RequestId,
    pub(super) pace: Pace,
    /// A watch is open.
    pub(super) watching: bool,
    /// When to look next if there is no watch.
    pub(super) poll_at: Moment,
}

/// The newest state of the Lease that was seen.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct SeenState {
    pub(super) sight: Observation,
    /// When this record was first seen (rule C1).
    pub(super) since: Moment,
    /// When it was last confirmed.
    pub(super) confirmed: Moment,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct OutstandingGet {
    pub(super) id: RequestId,
    pub(super) sent: Moment,
    /// Sent because a watch had been quiet for suspiciously long.
    pub(super) probe: bool,
    /// When it was sent, if a write was outstanding then (rule R2).
    pub(super) evidence: Option<Moment>,
}

/// Where a process stands in an election.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// Not taking part, and holding nothing.
    Out,
    /// Waiting for the lease.
    Standby,
    /// Holding it, with bodies that may run.
    Leading,
    /// The term is over or ending, and its bodies are not gone yet.
    Draining,
    /// Leaving: the bodies are gone, the release is being written.
    Releasing,
}

impl Election {
    /// A process that takes part in an election under `identity`, which must be unique to this start of this process:
    /// two processes of one name would each take the other's record for their own.
    pub fn new(identity: String, timing: Timing) -> Election {
        Election {
            identity,
            timing,
            contending: true,
            left: false,
            leave_by: None,
            seen: None,
            stale: false,
            met: false,
            known: None,
            last_duration: timing.lease_duration,
            clear_at: Moment::ZERO,
            blind_at: Moment::ZERO,
            highest: 0,
            floor: 0,
            barred: false,
            barred_by: 0,
            term: None,
            looking: None,
            writing: None,
            given_up: Vec::new(),
            written: None,
            altered: 0,
            next_id: RequestId::default(),
            pace: Pace::new(&timing),
            watching: false,
            poll_at: Moment::ZERO,
        }
    }

    /// Takes in one event and tells what to do. Begin with [`Event::Woken`].
    pub fn step(&mut self, event: Event, now: Now) -> Vec<Action> {
        let mut out = Vec::new();
        // Deadlines before events: an answer that comes after the deadline must find the term over.
        self.pass_deadlines(now.moment, &mut out);
        self.forget_the_old(now.moment);
        // C3: who has been asleep, or cut off, does not create a Lease by what it saw before.
        self.stale |= self.term.is_none() && self.seen.is_some() && self.has_gap(now.moment);
        match event {
            Event::Woken => {}
            Event::Seen(sight) => self.observe_watched(sight, now, &mut out),
            Event::Answered { id, answer } => self.take_answer(id, answer, now, &mut out),
            Event::WatchOpened => self.watching = true,
            Event::WatchLost => {
                self.watching = false;
                self.poll_at = now.moment + self.timing.jittered(self.timing.retry_period, now.dice);
            }
            Event::Hurry => self.term.iter_mut().for_each(|term| term.hurry = true),
            Event::Withdraw(loss) => self.withdraw(loss, &mut out),
            Event::Contend => {
                self.contending = true;
                self.left = false;
                self.leave_by = None;
                if !self.watching {
                    // Nothing was seen in between, so that nothing that was seen before counts (rule C3).
                    self.stale |= self.seen.is_some();
                    self.blind_at = Moment::ZERO;
                }
            }
            Event::Drained => self.drained(&mut out),
        }
        self.send_what_is_due(now, &mut out);
        self.leave_if_done(now.moment, &mut out);
        out
    }

    /// When to call [`step`](Self::step) next if nothing else happens.
    pub fn wake_at(&self) -> Option<Moment> {
        let deadline = self.term.as_ref().and_then(|term| term.next_deadline(&self.timing));
        let request = self.plan().map(|(at, _)| at);
        [deadline, request, self.leave_by].into_iter().flatten().min()
    }

    /// Where this process stands.
    pub fn role(&self) -> Role {
        match &self.term {
            Some(term) if term.phase == Phase::Running => Role::Leading,
            Some(_) => Role::Draining,
            None if self.contending => Role::Standby,
            None if self.left => Role::Out,
            None => Role::Releasing,
        }
    }

    /// Revisions went backwards, from the first to the second, and this process does not lead again.
    pub fn barred(&self) -> Option<(u64, u64)> {
        self.barred.then_some((self.highest, self.barred_by))
    }

    /// Who holds the lease, as last seen.
    pub fn holder(&self) -> Option<&str> {
        self.view().and_then(|view| view.record.holder())
    }

    /// Whether it makes sense to [hurry](Event::Hurry): a term is held, and no write is on its way that may say it already.
    pub fn can_hurry(&self) -> bool {
        self.may_take() && self.writing.is_none() && self.term.as_ref().is_some_and(|term| !term.hurry)
    }

    /// A term is held, and nobody has asked its bodies to end.
    pub fn may_take(&self) -> bool {
        self.role() == Role::Leading
    }

    /// Whether a body may be polled at `now`: what the guard of the term says, as a pure function for a model checker.
    pub fn may_run(&self, now: Moment) -> bool {
        self.term.as_ref().is_some_and(|term| term.may_run(&self.timing, now))
    }

    /// The state of the Lease that this process' term rests on: the newest that was seen, if it is this term's.
    pub fn rests_on(&self) -> Option<&Version> {
        self.term.as_ref().filter(|term| term.phase != Phase::Expired).and(self.view()).map(|view| &view.version)
    }

    /// The newest state of the Lease that was seen, whoever has written it.
    pub fn newest(&self) -> Option<&Version> {
        self.view().map(|view| &view.version)
    }

    /// The version to write from, if the Lease exists.
    pub(super) fn view(&self) -> Option<&View> {
        match &self.seen {
            Some(SeenState { sight: Observation::Present(view), .. }) => Some(view),
            _ => None,
        }
    }

    /// The Lease names this process.
    pub(super) fn is_mine(&self) -> bool {
        self.holder() == Some(self.identity.as_str())
    }

    fn withdraw(&mut self, loss: StopReason, out: &mut Vec<Action>) {
        self.contending = false;
        if std::mem::take(&mut self.altered) > 0 {
            // The next try to lead was to wait; what that has left in the Lease may keep others waiting.
            self.pace.not_before = Moment::ZERO;
        }
        if let Some(term) = &mut self.term {
            term.cancel(loss, out);
        }
    }

    fn drained(&mut self, out: &mut Vec<Action>) {
        let Some(mut term) = self.term.take() else { return };
        // What was to extend this term extends no other.
        self.given_up.clear();
        if term.phase == Phase::Running {
            // Nobody asked the bodies to go: whoever ran them is gone. To hold a lease without the work would keep others
            // from doing it, and to acquire again would find nobody to do it either.
            term.cancel(StopReason::RuntimeGone, out);
            self.contending = false;
        }
    }

    fn send_what_is_due(&mut self, now: Now, out: &mut Vec<Action>) {
        while let Some((at, intent)) = self.plan() {
            if at > now.moment {
                break;
            }
            let id = self.next_id;
            self.next_id = RequestId(id.0.wrapping_add(1));
            self.pace.spend(now.moment);
            let request = self.carry_out(intent, id, now);
            out.push(Action::Send { id, request });
        }
    }

    /// Turns an intent into a request, and remembers it as being in flight.
    fn carry_out(&mut self, intent: Intent, id: RequestId, now: Now) -> Request {
        let (purpose, record) = match intent {
            Intent::Look { probe } => {
                let outstanding = self.writing.is_some() || !self.given_up.is_empty();
                let evidence = outstanding.then_some(now.moment);
                self.looking = Some(OutstandingGet { id, sent: now.moment, probe, evidence });
                return Request::Get;
            }
            Intent::Create | Intent::Acquire => (WritePurpose::Acquire, self.acquiring(now)),
            Intent::Renew => (WritePurpose::Renew, self.renewing(now)),
            Intent::Release => (WritePurpose::Release, self.releasing(now)),
        };
        let base = self.view().map(|view| view.version.clone());
        self.writing = Some(OutstandingWrite {
            id,
            purpose,
            base: base.clone(),
            sent: now.moment,
            from: now.moment,
            look_at: self.next_look(now.moment, now.moment),
            record: record.clone(),
            floor: self.highest.max(self.floor),
        });
        match base {
            Some(base) => Request::Replace { base, record },
            None => Request::Create(record),
        }
    }

    fn leave_if_done(&mut self, now: Moment, out: &mut Vec<Action>) {
        if self.contending || self.term.is_some() || self.left {
            return;
        }
        let leave_by = *self.leave_by.get_or_insert(now + self.timing.lease_duration);
        // A write that is on its way, or whose outcome is unknown, may yet make this process the holder.
        let unsettled = self.writing.is_some() || self.stale;
        let holds = self.is_mine() && !self.barred;
        if (unsettled || holds) && now < leave_by {
            return;
        }
        // Past the bound the lease has run out for everybody who waits for it, whether it says so or not.
        self.left = true;
        self.leave_by = None;
        self.writing = None;
        self.given_up.clear();
        self.looking = None;
        let released = !unsettled && !self.is_mine();
        out.push(Action::Left { released });
    }
}
