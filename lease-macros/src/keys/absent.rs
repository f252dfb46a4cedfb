//! Settings that other systems have and this attribute does not.

/// Names in other systems, and the answer to each: why the setting is not needed, or where it is set instead.
pub(super) static ABSENT: [(&str, &str); 12] = [
    (
        "identity holder holder_id holder_identity claimant candidate candidate_id hostname pod_name",
        "the identity is a setting of the candidate, not of the task",
    ),
    (
        "release_on_cancel leader_election_release_on_cancel release auto_release",
        "the lease is always released after its tasks have ended",
    ),
    (
        "lock_at_most_for default_lock_at_most_for",
        "the lease is renewed while the body runs, and `timeout = \"30m\"` limits a run",
    ),
    (
        "lock_at_least_for default_lock_at_least_for min_hold_time",
        "a scheduled task does not need it, because the Lease records which ticks have run; a continuous body keeps the \
         lease until it returns",
    ),
    (
        "renew_interval renew_period renew renewal heartbeat heart_beat_millis keepalive refresh_interval",
        "the lease is renewed three times in each `lease_duration`, so set that",
    ),
    (
        "retries max_retries max_attempts attempts backoff_limit",
        "write `retry = 3` to try a failed tick again, or `max_restarts = \"5 in 1m\"` to limit the restarts of a continuous \
         task",
    ),
    (
        "parallelism completions replicas",
        "each tick runs once, on one replica, so write a function for each part that should run at the same time",
    ),
    (
        "warm_up prepare before_start pre_start on_start exec_start_pre init",
        "set the work that comes before the election on the task, as in `.warm_up(fill_cache())`",
    ),
    (
        "signals_readiness ready notify readiness sd_notify type",
        "set it on the task if a layer of a stack signals its own readiness, as in `.signals_readiness()`",
    ),
    (
        "contend_when condition when only_if run_if skip_if enabled enabled_if conditional suspend paused",
        "set a condition on the task, as in `.contend_when(ready)` with a `watch::Receiver<bool>`",
    ),
    (
        "after before depends_on requires wants part_of order priority phase start_order group sequence stack concurrent",
        "set the order of tasks where you add them, as in `TaskGroup::stack(\"work\").with(connect()).with(consume())`",
    ),
    (
        "callbacks leader_callbacks on_started_leading on_new_leader on_start_leading",
        "write the work into the body, which starts when this replica leads",
    ),
];
