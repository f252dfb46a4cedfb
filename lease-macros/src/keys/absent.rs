//! Keys that other systems have, and this one has not.

/// What other systems can be told, and this one needs not, or in another place: words and answers.
pub(super) static ABSENT: [(&str, &str); 12] = [
    (
        "identity holder holder_id holder_identity claimant candidate candidate_id hostname pod_name",
        "the identity is the candidate's, not the task's",
    ),
    (
        "release_on_cancel leader_election_release_on_cancel release auto_release",
        "the lease is always released when its work has ended",
    ),
    (
        "lock_at_most_for default_lock_at_most_for",
        "the lease is renewed for as long as the body runs, which `timeout = \"30m\"` limits",
    ),
    (
        "lock_at_least_for default_lock_at_least_for min_hold_time",
        "ticks need none, since what has run is recorded with the lease; a body without a trigger stays in its loop for as \
         long as nobody else is to run it",
    ),
    (
        "renew_interval renew_period renew renewal heartbeat heart_beat_millis keepalive refresh_interval",
        "a lease is renewed every third of its `lease_duration`, so set that",
    ),
    (
        "retries max_retries max_attempts attempts backoff_limit",
        "a tick that has failed is tried again with `retry = 3`, and a body that runs all the time with \
         `max_restarts = \"5 in 1m\"`",
    ),
    (
        "parallelism completions replicas",
        "a tick is one run on one replica, so write a function for each that is to run beside it",
    ),
    (
        "warm_up prepare before_start pre_start on_start exec_start_pre init",
        "what is to be done before the election is set on the task, as in `.warm_up(fill_cache())`",
    ),
    (
        "signals_readiness ready notify readiness sd_notify type",
        "whether a layer of a stack says so itself is set on the task, as in `.signals_readiness()`",
    ),
    (
        "contend_when condition when only_if run_if skip_if enabled enabled_if conditional suspend paused",
        "a condition is set on the task, as in `.contend_when(ready)` with a `watch::Receiver<bool>`",
    ),
    (
        "after before depends_on requires wants part_of order priority phase start_order group sequence stack concurrent",
        "tasks are put in an order where they are added, as in `TaskGroup::stack(\"work\").with(connect()).with(consume())`",
    ),
    (
        "callbacks leader_callbacks on_started_leading on_new_leader on_start_leading",
        "write what is to be done into the body, which begins when this replica leads",
    ),
];
