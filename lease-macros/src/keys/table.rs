//! The table of keys. To add a key, add a row.

use super::key::{Key, Kind, Sets};
use super::words::Words;
use lease_grammar::schedule;

/// All tasks: continuous ones, and scheduled ones with each trigger.
pub(super) const ALL: &str = "continuous cron every delay once";

/// In the order of the expansion. The methods of `LeaseSpec` check timings against the lease duration, so it comes before them.
pub(crate) static KEYS: [Key; 31] = [
    Key {
        name: "lease",
        example: "\"ledger\"",
        kind: Kind::LeaseName,
        sets: Sets::Place,
        of: ALL,
        others: "lock lock_name lock_id lease_name lease_lock lease_lock_name election election_id election_name \
                 leader_election leader_election_id resource resource_name resource_lock id key mutex role",
    },
    Key {
        name: "namespace",
        example: "\"payments\"",
        kind: Kind::Namespace,
        sets: Sets::Lease,
        of: ALL,
        others: "ns lease_namespace lock_namespace leader_election_namespace",
    },
    Key {
        name: "name",
        example: "\"nightly-report\"",
        kind: Kind::TaskName,
        sets: Sets::Place,
        of: ALL,
        others: "task task_name label title job job_name child_id",
    },
    Key {
        name: "lease_duration",
        example: "\"15s\"",
        kind: Kind::Duration,
        sets: Sets::Lease,
        of: ALL,
        others: "ttl lease_ttl lease_time lease_timeout lease_duration_seconds duration lock_timeout lock_duration \
                 time_to_live expiry expires expiration session_timeout",
    },
    Key {
        name: "renew_deadline",
        example: "\"10s\"",
        kind: Kind::Duration,
        sets: Sets::Lease,
        of: ALL,
        others: "deadline renew_timeout renew_time renew_grace_period",
    },
    Key {
        name: "retry_period",
        example: "\"2s\"",
        kind: Kind::Duration,
        sets: Sets::Lease,
        of: ALL,
        others: "retry_interval retry_delay poll_interval busy_wait_millis",
    },
    Key {
        name: "leader_label",
        example: "",
        kind: Kind::Flag,
        sets: Sets::Lease,
        of: ALL,
        others: "pod_label leader_pod_label role_label label_pod label_leader",
    },
    Key {
        name: "leader_service",
        example: "\"orders\"",
        kind: Kind::Service,
        sets: Sets::Lease,
        of: ALL,
        others: "service service_name svc leader_svc endpoint endpoints endpoint_slice traffic route",
    },
    Key {
        name: "cron",
        example: "\"0 2 * * *\"",
        kind: Kind::Cron,
        sets: Sets::Task,
        of: "cron",
        others: "schedule schedule_expression cron_expression cron_schedule cron_string crontab on_calendar calendar at \
                 trigger spec daily hourly weekly",
    },
    Key {
        name: "time_zone",
        example: "\"Europe/Prague\"",
        kind: Kind::TimeZone,
        sets: Sets::Task,
        of: schedule::TIME_ZONE.triggers,
        others: "tz zone zone_id time_zone_id tz_name cron_tz location locale",
    },
    Key {
        name: "every",
        example: "\"5m\"",
        kind: Kind::Duration,
        sets: Sets::Task,
        of: "every",
        others: "fixed_rate fixed_rate_string interval interval_seconds period rate frequency repeat repeat_every \
                 repeat_interval seconds minutes hours on_unit_active_sec",
    },
    Key {
        name: "offset",
        example: "\"30s\"",
        kind: Kind::Duration,
        sets: Sets::Task,
        of: schedule::OFFSET.triggers,
        others: "schedule_offset offset_seconds shift anchor start_at",
    },
    Key {
        name: "delay",
        example: "\"1m\"",
        kind: Kind::Duration,
        sets: Sets::Task,
        of: "delay",
        others: "fixed_delay fixed_delay_string pause sleep cooldown on_unit_inactive_sec",
    },
    Key {
        name: "once",
        example: "",
        kind: Kind::Flag,
        sets: Sets::Task,
        of: "once",
        others: "run_once one_shot only_once single_run migration",
    },
    Key {
        name: "jitter",
        example: "\"30s\"",
        kind: Kind::Duration,
        sets: Sets::Task,
        of: schedule::JITTER.triggers,
        others: "randomized_delay_sec random_delay splay spread fuzz accuracy_sec max_jitter",
    },
    Key {
        name: "overlap",
        example: "skip",
        kind: Kind::Word(Words {
            words: &[
                (
                    "skip",
                    "skips a tick that falls due during a run",
                    "forbid forbidden disallow deny no never none false drop ignore reject",
                ),
                (
                    "buffer_one",
                    "runs the latest of them after the run has ended",
                    "buffer queue enqueue wait delay pending one latest coalesce",
                ),
                (
                    "cancel_other",
                    "asks the run to end and then runs the tick",
                    "replace cancel cancel_running terminate_other terminate restart kill abort interrupt stop",
                ),
                ("allow_all", "runs up to that many at the same time", "allow yes true parallel concurrent"),
            ],
            absent: &[(
                "buffer_all all",
                "to run every tick, one after the other, write `catch_up = all` without `overlap`",
            )],
            counted: Some(("allow_all", *schedule::AT_ONCE.start(), *schedule::AT_ONCE.end())),
        }),
        sets: Sets::Task,
        of: schedule::OVERLAP.triggers,
        others: "overlap_policy overlaps allow_overlap no_overlap without_overlapping concurrency concurrency_policy \
                 concurrent_execution disallow_concurrent_execution allow_concurrent max_instances max_active_runs \
                 max_running_jobs singleton skip_if_running",
    },
    Key {
        name: "catch_up",
        example: "latest",
        kind: Kind::Word(Words {
            words: &[
                (
                    "none",
                    "runs only ticks that fall due while this replica leads",
                    "no never false off skip ignore do_nothing discard drop nothing",
                ),
                (
                    "latest",
                    "runs the latest tick that no replica could run",
                    "fire_once fire_now fire_once_now fire_and_proceed run_once once one last newest most_recent yes \
                     true on coalesce smart_policy",
                ),
                (
                    "all",
                    "runs all of them, oldest first",
                    "fire_all ignore_misfires ignore_misfire_policy every each everything backfill replay unlimited",
                ),
            ],
            absent: &[],
            counted: None,
        }),
        sets: Sets::Task,
        of: schedule::CATCHING_UP.triggers,
        others: "misfire misfires misfire_policy misfire_instruction misfire_handling coalesce missed missed_runs \
                 run_missed persistent backfill replay",
    },
    Key {
        name: "max_catch_up",
        example: "100",
        kind: Kind::Count(*schedule::CATCH_UP.start(), *schedule::CATCH_UP.end()),
        sets: Sets::Task,
        of: schedule::MAX_CATCH_UP.triggers,
        others: "catch_up_limit backfill_limit max_backfill max_missed max_misfires max_misfires_to_handle_at_a_time",
    },
    Key {
        name: "start_deadline",
        example: "\"5m\"",
        kind: Kind::Deadline,
        sets: Sets::Task,
        of: schedule::START_DEADLINE.triggers,
        others: "starting_deadline starting_deadline_seconds start_deadline_seconds misfire_grace_time \
                 misfire_threshold catch_up_window start_within max_lateness schedule_to_start_timeout expires_after",
    },
    Key {
        name: "delivery",
        example: "at_least_once",
        kind: Kind::Word(Words {
            words: &[
                (
                    "at_most_once",
                    "does not run a tick again if its run was interrupted",
                    "most_once at_most best_effort no false",
                ),
                (
                    "at_least_once",
                    "runs it again, on the next leader",
                    "least_once at_least guaranteed durable yes true",
                ),
            ],
            absent: &[(
                "exactly_once exactly once effectively_once",
                "a replica may crash at any time, so no tick can be guaranteed to run exactly once; write \
                 `delivery = at_least_once` and make the effect idempotent, as with `tick.nominal()` as a key",
            )],
            counted: None,
        }),
        sets: Sets::Task,
        of: schedule::DELIVERY.triggers,
        others: "delivery_guarantee guarantee semantics qos at_least_once at_most_once exactly_once acks_late \
                 acknowledge_late requests_recovery recovery reject_on_worker_lost idempotent",
    },
    Key {
        name: "retry",
        example: "3",
        kind: Kind::Count(*schedule::RETRY.start(), *schedule::RETRY.end()),
        sets: Sets::Task,
        of: schedule::RETRIES.triggers,
        others: "retry_limit retry_count max_retry retry_policy tries max_tries",
    },
    Key {
        name: "restart",
        example: "on_failure",
        kind: Kind::Word(Words {
            words: &[
                (
                    "always",
                    "runs a body again whenever it has ended",
                    "permanent yes true unless_stopped forever repeat loop",
                ),
                (
                    "on_failure",
                    "only if it failed or panicked",
                    "transient on_error on_panic on_abnormal on_abort on_failures failure",
                ),
                ("never", "not at all", "temporary no false none off once"),
            ],
            absent: &[],
            counted: None,
        }),
        sets: Sets::Task,
        of: "continuous",
        others: "restart_policy restart_strategy on_failure on_error on_panic retry_on respawn",
    },
    Key {
        name: "backoff",
        example: "\"1s..1m\"",
        kind: Kind::Range,
        sets: Sets::Task,
        of: ALL,
        others: "back_off backoff_policy restart_sec restart_delay restart_backoff restart_max_delay_sec \
                 restart_steps initial_backoff max_backoff min_backoff error_backoff",
    },
    Key {
        name: "max_restarts",
        example: "\"5 in 1m\"",
        kind: Kind::Rate,
        sets: Sets::Task,
        of: "continuous",
        others: "restart_limit restart_intensity intensity \
                 max_seconds max_r max_t start_limit start_limit_burst start_limit_interval start_limit_interval_sec \
                 failure_threshold",
    },
    Key {
        name: "on_exhausted",
        example: "resign",
        kind: Kind::Word(Words {
            words: &[
                ("resign", "lets another replica try", "resignation step_down release give_up failover escalate yield"),
                ("exit", "ends the process", "abort panic terminate kill crash shutdown die reboot"),
                ("stop", "gives up only this task", "ignore continue none finish end remove"),
            ],
            absent: &[],
            counted: None,
        }),
        sets: Sets::Task,
        of: "continuous",
        others: "exhausted on_giving_up on_give_up on_max_restarts start_limit_action failure_action escalation \
                 on_restart_limit",
    },
    Key {
        name: "initial_delay",
        example: "\"5s\"",
        kind: Kind::Duration,
        sets: Sets::Task,
        of: ALL,
        others: "delayed initial_delay_seconds initial_delay_string start_delay startup_delay",
    },
    Key {
        name: "timeout",
        example: "\"30s\"",
        kind: Kind::Duration,
        sets: Sets::Task,
        of: ALL,
        others: "timeout_sec timeout_start_sec runtime_max_sec active_deadline_seconds execution_timeout run_timeout \
                 max_run_time max_duration time_limit",
    },
    Key {
        name: "grace",
        example: "\"10s\"",
        kind: Kind::Duration,
        sets: Sets::Task,
        of: ALL,
        others: "graceful grace_period graceful_shutdown grace_time grace_seconds shutdown shutdown_timeout \
                 drain_timeout drain stop_timeout timeout_stop_sec cancellation_timeout termination_grace_period \
                 termination_grace_period_seconds",
    },
    Key {
        name: "on_overrun",
        example: "report",
        kind: Kind::Word(Words {
            words: &[
                ("abort", "ends the process", "exit kill panic terminate die"),
                ("report", "logs it and continues", "log warn ignore continue none"),
            ],
            absent: &[],
            counted: None,
        }),
        sets: Sets::Task,
        of: ALL,
        others: "overrun overrun_policy on_stuck on_hang on_block panic abort watchdog_sec",
    },
    Key {
        name: "on_loss",
        example: "exit",
        kind: Kind::Word(Words {
            words: &[
                (
                    "reelect",
                    "takes part in the election again",
                    "re_election retry rejoin campaign restart again continue resume standby follow",
                ),
                ("exit", "ends the process", "abort panic terminate fatal kill shutdown die os_exit"),
            ],
            absent: &[],
            counted: None,
        }),
        sets: Sets::Task,
        of: ALL,
        others: "loss lost on_lost on_lose on_lease_lost on_lock_lost on_leadership_lost on_revoked \
                 on_stopped_leading lease_lost",
    },
    Key {
        name: "crate",
        example: "my_runtime",
        kind: Kind::Path,
        sets: Sets::Place,
        of: ALL,
        others: "krate crate_path runtime path",
    },
];
