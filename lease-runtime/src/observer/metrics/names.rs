//! The names of all metrics. `docs/metrics.md` has the same table, and a test compares the two.

/// One metric.
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: MetricKind,
    /// Its labels, in the order of the table.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests compare it with the labels in use"))]
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

/// Declares the metrics, and the list of all of them.
macro_rules! metrics {
    ($($constant:ident: $kind:ident $name:literal [$($label:literal)*] $help:literal;)*) => {
        $(pub(super) const $constant: Metric =
            Metric { name: $name, kind: MetricKind::$kind, labels: &[$($label),*], help: $help };)*
        pub(super) const ALL: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    MASTER_STATUS: Gauge "leader_election_master_status" ["name"]
        "1 while this process leads, from the start of a term until its bodies are gone.";
    SLOWPATH: Counter "leader_election_slowpath_total" ["name"]
        "How often the holder had to read the Lease before it could write again.";
    LEASES: Gauge "lease_runtime_leases" ["lease"]
        "1 while this process has tasks for the lease, whether it leads or not.";
    TERMS: Counter "lease_runtime_terms_total" ["lease" "how"]
        "Terms that began here, by the state in which the lease was taken.";
    TERMS_ENDED: Counter "lease_runtime_terms_ended_total" ["lease" "reason"]
        "Terms whose bodies were asked to end, by reason.";
    RENEWALS: Counter "lease_runtime_renewals_total" ["lease" "result"]
        "Writes of the holder, by result.";
    RENEWAL_DURATION: Histogram "lease_runtime_renewal_duration_seconds" ["lease"]
        "How long a write of the holder took.";
    VACANCY: Histogram "lease_runtime_vacancy_seconds" ["lease"]
        "From when this process saw the lease free, or from when it had run out, until a term began.";
    HARD_STOP_MARGIN: Gauge "lease_runtime_hard_stop_margin_seconds" ["lease"]
        "The smallest time before the hard stop at which a write of the current or last term ended.";
    TASK_RUNNING: Gauge "lease_runtime_task_running" ["lease" "task"]
        "Runs of the body that have begun and not ended.";
    TASK_RUNS: Counter "lease_runtime_task_runs_total" ["lease" "task" "outcome"]
        "Runs of the body, by outcome.";
    OVERRUNS: Counter "lease_runtime_overruns_total" ["lease" "task"]
        "How often a body did not yield although its time was up.";
    EXHAUSTED: Counter "lease_runtime_exhausted_total" ["lease" "task"]
        "How often a task failed and its settings allowed no further attempt.";
    TICKS: Counter "lease_runtime_ticks_total" ["lease" "task" "outcome"]
        "Ticks that this process recorded, by outcome.";
    TICK_LAST_SUCCESS: Gauge "lease_runtime_tick_last_success_timestamp_seconds" ["lease" "task"]
        "When the last tick that is done was recorded, as Unix time.";
    TICK_NEXT: Gauge "lease_runtime_tick_next_timestamp_seconds" ["lease" "task"]
        "When the next tick is due, as Unix time. NaN if this process does not lead, or no tick is planned.";
    TICK_LATENESS: Histogram "lease_runtime_tick_lateness_seconds" ["lease" "task"]
        "How much later than its nominal time the run of a tick began.";
    ELECTOR_LAG: Gauge "lease_runtime_elector_lag_seconds" []
        "How much later than planned the loop of the elections turned last.";
    CLOCK_AHEAD: Gauge "lease_runtime_clock_ahead_seconds" []
        "How far the clock of this process is ahead of the API server's, if ticks wait for the server's clock.";
    DROPPED: Counter "lease_runtime_observer_dropped_total" []
        "Events that were dropped because the observers took too long.";
}
