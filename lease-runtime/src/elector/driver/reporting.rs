//! Reports the terms of the election as Kubernetes Events.

use std::sync::Arc;

use super::ElectionDriver;
use super::reported::Takeover;
use lease_protocol::election::{Role, StopReason};
use lease_protocol::ticks::{TaskTicks, TickCounts};

impl ElectionDriver {
    pub(super) fn report_begin(&mut self) {
        self.report_stopped();
        if self.out.reporter.is_on() {
            self.out.reporter.saw(self.election.newest());
            self.out.reporter.became_leader();
            let until = self.out.clock.now() + self.out.timing.lease_duration;
            self.reported.takeover = Some(Takeover { until, ticks: Arc::clone(&self.out.status.ticks) });
        }
    }

    /// The bodies were asked to end.
    pub(super) fn report_cancel(&mut self, reason: &StopReason) {
        self.report_missed_ticks();
        self.out.reporter.saw(self.election.newest());
        self.out.reporter.leader_lost(reason);
    }

    /// Nothing of the term is left. That is reported when the lease is released, so that the Event cannot delay the release.
    pub(super) fn report_end(&mut self) {
        self.reported.stopped = self.out.reporter.is_on().then(|| self.out.clock.wall());
    }

    pub(super) fn report_stopped(&mut self) {
        if let Some(at) = self.reported.stopped.take() {
            self.out.reporter.saw(self.election.newest());
            self.out.reporter.stopped_leading(at);
        }
    }

    /// Reports what was waiting for its time.
    pub(super) fn report_due(&mut self) {
        if !matches!(self.election.role(), Role::Draining | Role::Releasing) {
            self.report_stopped();
        }
        if self.reported.takeover.as_ref().is_some_and(|takeover| self.out.clock.now() >= takeover.until) {
            self.report_missed_ticks();
        }
    }

    fn report_missed_ticks(&mut self) {
        let Some(Takeover { ticks: before, .. }) = self.reported.takeover.take() else { return };
        let missed = self.out.status.ticks.iter().filter_map(|(task, ticks)| {
            let before = before.get(task).map(TaskTicks::counts).unwrap_or_default();
            let count = missed(&ticks.counts().since(before));
            (count > 0).then(|| (task.clone(), count))
        });
        self.out.reporter.ticks_missed(missed.collect());
    }
}

/// The ticks that were not run because nobody led when they were due, or not in time. A tick that was due while its task was paused
/// or still ran was left out on purpose.
fn missed(added: &TickCounts) -> u64 {
    added.superseded + added.expired + added.over_limit + added.not_leading
}
