//! Connects the ticks with the election: its states of the Lease, its writes, and the status.

use std::sync::Arc;

use super::ElectionDriver;
use crate::elector::handle::Standing;
use lease_protocol::election::{Event, Request, RequestId, Role};
use lease_protocol::ticks::{Edits, TaskTicks, TickTime};

impl ElectionDriver {
    /// What a write says in the annotations. A renewal takes runs, and a release says how the last runs ended. Every write removes
    /// requests for earlier terms.
    pub(super) fn edits(&mut self, id: Option<RequestId>, request: &Request) -> Edits {
        let (Some(id), Request::Replace { base, .. }) = (id, request) else { return Edits::new() };
        let acquires = self.election.is_acquiring();
        let (time, renews) = (self.time(), self.election.may_take());
        let Some(annotations) = self.requests.annotations(base) else { return Edits::new() };
        let mut edits = match acquires {
            // No term has begun yet, so there are no ticks.
            true => self.ticking.compose_nothing(id, self.last_sent),
            false => self.ticking.compose(id, annotations, time, self.last_sent, renews),
        };
        if self.ticking.may_say(id) {
            let names = renews && self.task_comparison.edit(&self.out.identity, annotations, &mut edits);
            if self.edit_handover(annotations, &mut edits) || names {
                self.ticking.says();
            }
        }
        edits
    }

    pub(super) fn time(&mut self) -> TickTime {
        TickTime {
            wall: self.out.clock.wall(),
            server: self.server_time.at(self.out.clock.now()),
            random: self.rng.u64(..),
        }
    }

    /// Shows the state of the Lease to the ticks, and renews early if they have something to write.
    pub(super) fn tick(&mut self) {
        let time = self.time();
        if let Some(version) = self.election.rests_on()
            && let Some(annotations) = self.requests.annotations(version)
        {
            self.ticking.show(version, annotations, time, &self.log);
        }
        let ahead = self.ticking.ahead(time);
        self.observe_clock(ahead);
        let now = self.out.clock.now();
        if self.ticking.turn(time, now, &self.log) && self.election.can_hurry() {
            self.step(Event::Hurry);
        }
    }

    pub(super) fn publish(&mut self) {
        let standing = match self.election.role() {
            Role::Out => Standing::Out,
            Role::Standby => Standing::Follower,
            Role::Leading => Standing::Leader(self.token),
            Role::Draining | Role::Releasing => Standing::Draining,
        };
        let holder = self.election.holder();
        self.log.holder(holder);
        let status = &mut self.out.status;
        if self.election.newest().is_none() && self.ticks_of.take().is_some() {
            // The Lease is gone, and so are its records.
            status.ticks = Arc::default();
        }
        if let Some(newest) = self.election.newest().filter(|newest| self.ticks_of.as_ref() != Some(newest))
            && let Some(annotations) = self.requests.annotations(newest)
        {
            status.ticks = Arc::new(TaskTicks::all(annotations));
            self.ticks_of = Some(newest.clone());
            self.observed.show_ticks(&self.out.observer, &status.ticks, self.out.term_state.as_deref(), &self.ticking);
        }
        let annotations = self.election.newest().and_then(|newest| self.requests.annotations(newest));
        let other = holder.filter(|holder| !holder.is_empty() && *holder != &*self.out.identity);
        let (now, patience) = (self.out.clock.now(), self.out.timing.lease_duration);
        if let Some(not_run) = self.task_comparison.compare(other, annotations, now, patience, &self.log) {
            status.not_run = not_run;
        }
        status.standing = standing;
        let problem = self.ticking.problem().filter(|_| matches!(standing, Standing::Leader(_)));
        if status.tick_problem.as_ref() != problem {
            status.tick_problem = problem.cloned();
        }
        let problem = self.traffic.problem();
        if status.traffic_problem != problem {
            status.traffic_problem = problem;
        }
        if status.holder.as_deref() != holder {
            status.holder = holder.map(str::to_owned);
        }
        self.out.publish();
    }
}
