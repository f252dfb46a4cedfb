//! [`Election::step`], the only entry to an election.

use super::outstanding::{OutstandingGet, OutstandingWrite, WritePurpose};
use super::plan::Intent;
use super::state::Election;
use super::step::{Action, Event, LossReason, Now, Request, RequestId, StopReason};
use super::term::Phase;
use crate::clock::Moment;

impl Election {
    /// Takes one event and returns what to do. Begin with [`Event::Woken`].
    pub fn step(&mut self, event: Event, now: Now) -> Vec<Action> {
        let mut out = Vec::new();
        // Deadlines come before events: an answer that arrives after the deadline must find that the term is over.
        self.pass_deadlines(now.moment, &mut out);
        self.forget_old_writes(now.moment);
        // C3: a process that was asleep or cut off does not create a Lease because of what it saw before.
        self.stale |= self.term.is_none() && self.seen.is_some() && self.has_gap(now.moment);
        match event {
            Event::Woken => {}
            Event::Seen(observation) => self.observe_watched(observation, now, &mut out),
            Event::Answered { id, answer } => self.take_answer(id, answer, now, &mut out),
            Event::WatchOpened => self.watching = true,
            Event::WatchLost => {
                self.watching = false;
                self.poll_at = now.moment + self.timing.jittered(self.timing.retry_period, now.random);
            }
            Event::Hurry => self.term.iter_mut().for_each(|term| term.hurry = true),
            Event::Withdraw(reason) => self.withdraw(reason, &mut out),
            Event::Contend => {
                self.contending = true;
                self.left = false;
                self.leave_by = None;
                if !self.watching {
                    // Changes may have been missed in between, so nothing that was seen before counts (rule C3).
                    self.stale |= self.seen.is_some();
                    self.blind_at = Moment::ZERO;
                }
            }
            Event::Drained => self.drained(&mut out),
            Event::Dead(identity) => self.note_dead(identity, now.moment),
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

    /// H2: each step begins by comparing the deadlines with the clock, and a phase never goes back. Otherwise a late
    /// answer to a renewal would revive a term that other processes already count as over.
    fn pass_deadlines(&mut self, now: Moment, out: &mut Vec<Action>) {
        let Some(term) = &mut self.term else { return };
        let deadlines = term.deadlines(&self.timing);
        if now >= deadlines.drop_at {
            term.expire(StopReason::Lost(LossReason::NotRenewed), out);
        } else if now >= deadlines.cancel_at {
            term.cancel(StopReason::Lost(LossReason::NotRenewed), out);
        }
    }

    fn withdraw(&mut self, reason: StopReason, out: &mut Vec<Action>) {
        self.contending = false;
        if std::mem::take(&mut self.altered) > 0 {
            // The pause delays the next attempt to lead, but it must not delay the release: the altered record may keep
            // other candidates waiting.
            self.pace.not_before = Moment::ZERO;
        }
        if let Some(term) = &mut self.term {
            term.cancel(reason, out);
        }
    }

    fn drained(&mut self, out: &mut Vec<Action>) {
        let Some(mut term) = self.term.take() else { return };
        // Writes that would have extended this term extend no other term.
        self.given_up.clear();
        if term.phase == Phase::Running {
            // The bodies are gone although nothing asked them to end, so the runtime that ran them is gone. Holding the
            // lease without doing the work would keep other replicas from doing it. Acquiring it again would not start
            // the bodies either.
            term.cancel(StopReason::RuntimeGone, out);
            self.contending = false;
        }
    }

    /// D1: a proof about this process itself is wrong, because this process is not dead.
    fn note_dead(&mut self, identity: String, now: Moment) {
        if identity != self.identity {
            self.dead.add(identity, now);
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

    /// Turns an intent into a request, and notes it as in flight.
    fn carry_out(&mut self, intent: Intent, id: RequestId, now: Now) -> Request {
        let (purpose, record) = match intent {
            Intent::Get { probe } => {
                let outstanding = self.writing.is_some() || !self.given_up.is_empty();
                let evidence = outstanding.then_some(now.moment);
                self.getting = Some(OutstandingGet { id, sent: now.moment, probe, evidence });
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
            get_at: self.next_get(now.moment, now.moment),
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
        // A write that is in flight, or whose outcome is unknown, may still make this process the holder.
        let unsettled = self.writing.is_some() || self.stale;
        let holds = self.is_mine() && !self.disqualified;
        if (unsettled || holds) && now < leave_by {
            return;
        }
        // Past this bound, the lease has expired for every candidate that waits for it, so this process can leave
        // without a release.
        self.left = true;
        self.leave_by = None;
        self.writing = None;
        self.given_up.clear();
        self.getting = None;
        let released = !unsettled && !self.is_mine();
        out.push(Action::Left { released });
    }
}
