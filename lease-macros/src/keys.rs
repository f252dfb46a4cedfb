//! The attribute's keys, one a row: a new key is a new row.

use syn::Ident;

use crate::meaning;
use crate::value::{Kind, Name};

/// A key, and what is known about it.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// A value that fits.
    pub(crate) example: &'static str,
    /// How its value is read.
    pub(crate) kind: Kind,
    pub(crate) sets: Sets,
    /// What other systems call it, in their spelling; `leaseTTL` and `lease_ttl` are one.
    others: &'static str,
}

/// Where a key's value goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sets {
    /// To a place of its own in the expansion.
    Place,
    /// To the method of the same name of `LeaseSpec`.
    Lease,
    /// To the method of the same name of `LeaderTask`.
    Task,
}

/// In the order of the expansion. The methods of `LeaseSpec` want the lease duration before what has to fit into it.
pub(crate) static KEYS: [Key; 16] = [
    Key {
        name: "lease",
        example: "\"ledger\"",
        kind: Kind::Name(Name::LEASE),
        sets: Sets::Place,
        others: "lock lock_name lock_id lease_name lease_lock lease_lock_name election election_id election_name \
                 leader_election leader_election_id resource resource_name resource_lock id key mutex role",
    },
    Key {
        name: "namespace",
        example: "\"payments\"",
        kind: Kind::Name(Name::NAMESPACE),
        sets: Sets::Lease,
        others: "ns lease_namespace lock_namespace leader_election_namespace",
    },
    Key {
        name: "name",
        example: "\"nightly-report\"",
        kind: Kind::TaskName,
        sets: Sets::Place,
        others: "task task_name label title job job_name child_id",
    },
    Key {
        name: "lease_duration",
        example: "\"15s\"",
        kind: Kind::Duration,
        sets: Sets::Lease,
        others: "ttl lease_ttl lease_time lease_timeout lease_duration_seconds duration lock_timeout lock_duration \
                 time_to_live expiry expires expiration session_timeout",
    },
    Key {
        name: "renew_deadline",
        example: "\"10s\"",
        kind: Kind::Duration,
        sets: Sets::Lease,
        others: "deadline renew_timeout renew_time renew_grace_period",
    },
    Key {
        name: "retry_period",
        example: "\"2s\"",
        kind: Kind::Duration,
        sets: Sets::Lease,
        others: "retry_interval retry_delay poll_interval busy_wait_millis",
    },
    Key {
        name: "restart",
        example: "on_failure",
        kind: Kind::Word(&[
            ("always", "runs a body again however it ended", "permanent yes true unless_stopped forever repeat loop"),
            (
                "on_failure",
                "only if it failed or panicked",
                "transient on_error on_panic on_abnormal on_abort on_failures failure",
            ),
            ("never", "not at all", "temporary no false none off once"),
        ]),
        sets: Sets::Task,
        others: "restart_policy restart_strategy on_failure on_error on_panic retry_on respawn",
    },
    Key {
        name: "backoff",
        example: "\"1s..1m\"",
        kind: Kind::Range,
        sets: Sets::Task,
        others: "back_off backoff_policy restart_sec restart_delay restart_backoff restart_max_delay_sec \
                 restart_steps initial_backoff max_backoff min_backoff error_backoff",
    },
    Key {
        name: "max_restarts",
        example: "\"5 in 1m\"",
        kind: Kind::Rate,
        sets: Sets::Task,
        others: "retry retries max_retries max_attempts attempts restart_limit restart_intensity intensity \
                 max_seconds max_r max_t start_limit start_limit_burst start_limit_interval start_limit_interval_sec \
                 backoff_limit failure_threshold",
    },
    Key {
        name: "on_exhausted",
        example: "resign",
        kind: Kind::Word(&[
            ("resign", "lets another replica try", "resignation step_down release give_up failover escalate yield"),
            ("exit", "ends the process", "abort panic terminate kill crash shutdown die reboot"),
            ("stop", "gives up this task alone", "ignore continue none finish end remove"),
        ]),
        sets: Sets::Task,
        others: "exhausted on_giving_up on_give_up on_max_restarts start_limit_action failure_action escalation \
                 on_restart_limit",
    },
    Key {
        name: "initial_delay",
        example: "\"5s\"",
        kind: Kind::Duration,
        sets: Sets::Task,
        others: "delay delayed initial_delay_seconds initial_delay_string start_delay startup_delay",
    },
    Key {
        name: "timeout",
        example: "\"30s\"",
        kind: Kind::Duration,
        sets: Sets::Task,
        others: "timeout_sec timeout_start_sec runtime_max_sec active_deadline_seconds execution_timeout run_timeout \
                 max_run_time max_duration time_limit",
    },
    Key {
        name: "grace",
        example: "\"10s\"",
        kind: Kind::Duration,
        sets: Sets::Task,
        others: "graceful grace_period graceful_shutdown grace_time grace_seconds shutdown shutdown_timeout \
                 drain_timeout drain stop_timeout timeout_stop_sec cancellation_timeout termination_grace_period \
                 termination_grace_period_seconds",
    },
    Key {
        name: "on_overrun",
        example: "report",
        kind: Kind::Word(&[
            ("abort", "ends the process", "exit kill panic terminate die"),
            ("report", "logs it and goes on", "log warn ignore continue none"),
        ]),
        sets: Sets::Task,
        others: "overrun overrun_policy on_stuck on_hang on_block panic abort watchdog_sec",
    },
    Key {
        name: "on_loss",
        example: "exit",
        kind: Kind::Word(&[
            (
                "reelect",
                "takes part in the election again",
                "re_election retry rejoin campaign restart again continue resume standby follow",
            ),
            ("exit", "ends the process", "abort panic terminate fatal kill shutdown die os_exit"),
        ]),
        sets: Sets::Task,
        others: "loss lost on_lost on_lose on_lease_lost on_lock_lost on_leadership_lost on_revoked \
                 on_stopped_leading lease_lost",
    },
    Key {
        name: "crate",
        example: "my_runtime",
        kind: Kind::Path,
        sets: Sets::Place,
        others: "krate crate_path runtime path",
    },
];

/// What other systems can be told, and this one needs not, or in another place: words and answers.
static ABSENT: [(&str, &str); 13] = [
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
        "a body that returns gives the lease up, and the next replica runs it, so stay in the body for as long as nobody else is to run it",
    ),
    (
        "cron schedule every at fixed_rate fixed_delay fixed_rate_string fixed_delay_string interval period rate \
         on_calendar on_unit_active_sec time_zone tz zone",
        "loop in the body until `term.cancelled()`, with a `tokio::select!` of that and `tokio::time::sleep(..)` between two rounds",
    ),
    (
        "renew_interval renew_period renew renewal heartbeat heart_beat_millis keepalive refresh_interval",
        "a lease is renewed every third of its `lease_duration`, so set that",
    ),
    ("once run_once one_shot", "a body that returns is done, and with `restart = never` one that fails is, too"),
    (
        "overlap concurrency_policy concurrent_execution max_instances parallelism completions",
        "a task has one body at a time, always, so write a function for each that is to run beside it",
    ),
    (
        "warm_up prepare before_start pre_start on_start exec_start_pre init",
        "what is to be done before the election is set on the task, as in `.warm_up(fill_cache())`",
    ),
    (
        "says_when_ready ready notify readiness sd_notify type",
        "whether a layer of a stack says so itself is set on the task, as in `.says_when_ready()`",
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

/// What to say to a key that there is not, and which one was meant.
pub(crate) struct Unknown {
    pub(crate) says: String,
    pub(crate) meant: Option<&'static Key>,
}

impl Key {
    /// How it is written, with `value`.
    pub(crate) fn form(&self, value: &str) -> String {
        format!("{} = {value}", self.name)
    }

    /// How it is written, with a value that fits.
    pub(crate) fn example(&self) -> String {
        self.form(self.example)
    }
}

/// The key of this name.
pub(crate) fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Which key was meant by one that there is not: by its meaning elsewhere, or else by its spelling.
pub(crate) fn unknown(word: &Ident) -> Unknown {
    let word = word.to_string();
    let there_is_none = format!("there is no key `{word}`");
    if let Some((_, answer)) = ABSENT.iter().find(|(words, _)| meaning::is_among(&word, words)) {
        return Unknown { says: format!("{there_is_none}: {answer}"), meant: None };
    }
    let by_meaning = KEYS.iter().find(|key| meaning::is_among(&word, key.others));
    let by_spelling = || meaning::closest(&word, KEYS.iter().map(|key| (key.name, key)));
    let meant = by_meaning.or_else(by_spelling);
    let answer = match meant {
        Some(key) => format!("did you mean `{}`, as in `{}`?", key.name, key.example()),
        None => format!("there are {}", meaning::list(KEYS.iter().map(|key| key.name), "and")),
    };
    Unknown { says: format!("{there_is_none}: {answer}"), meant }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_one_meaning() {
        let rows = KEYS.iter().map(|key| (key.name, key.others)).chain(ABSENT.map(|(words, answer)| (answer, words)));
        let mut seen = std::collections::HashMap::new();
        for (row, words) in rows {
            for word in words.split_whitespace() {
                assert!(key(word).is_none(), "`{word}` is a key");
                if let Some(before) = seen.insert(meaning::plain(word), row) {
                    panic!("`{word}` means `{before}` and `{row}`");
                }
            }
        }
    }

    #[test]
    fn the_table_is_ordered_as_the_lease_wants_it() {
        let place = |name| KEYS.iter().position(|key| key.name == name);
        assert!(place("lease_duration") < place("renew_deadline") && place("renew_deadline") < place("retry_period"));
    }
}
