//! The messages about keys of other systems.

use super::mistakes::{HELLO, says};
use super::*;

/// The message about each of the keys.
fn says_to(keys: &str) -> String {
    let said = keys.split_whitespace().map(|key| {
        let key = proc_macro2::Ident::new(key, proc_macro2::Span::call_site());
        says(quote!(#key = 7, lease = "a"), HELLO)
    });
    said.collect()
}

#[test]
fn misspelled() {
    let said = says_to("leese Lease lase leaseduraton name_space on_overun restrat bakcoff max_restart tiemout colour");
    expect![[r#"
        there is no key `leese`: did you mean `lease`, as in `lease = "ledger"`?
        there is no key `Lease`: did you mean `lease`, as in `lease = "ledger"`?
        there is no key `lase`: did you mean `lease`, as in `lease = "ledger"`?
        there is no key `leaseduraton`: did you mean `lease_duration`, as in `lease_duration = "15s"`?
        there is no key `name_space`: did you mean `namespace`, as in `namespace = "payments"`?
        there is no key `on_overun`: did you mean `on_overrun`, as in `on_overrun = report`?
        there is no key `restrat`: did you mean `restart`, as in `restart = on_failure`?
        there is no key `bakcoff`: did you mean `backoff`, as in `backoff = "1s..1m"`?
        there is no key `max_restart`: did you mean `max_restarts`, as in `max_restarts = "5 in 1m"`?
        there is no key `tiemout`: did you mean `timeout`, as in `timeout = "30s"`?
        there is no key `colour`: there are `lease`, `namespace`, `name`, `lease_duration`, `renew_deadline`, `retry_period`, `leader_label`, `leader_service`, `cron`, `time_zone`, `every`, `offset`, `delay`, `once`, `jitter`, `overlap`, `catch_up`, `max_catch_up`, `start_deadline`, `delivery`, `retry`, `restart`, `backoff`, `max_restarts`, `on_exhausted`, `initial_delay`, `timeout`, `grace`, `on_overrun`, `on_loss` and `crate`
    "#]].assert_eq(&said);
}

#[test]
fn of_client_go() {
    let said = says_to(
        "Lock LeaseDuration RenewDeadline RetryPeriod ReleaseOnCancel Callbacks OnStoppedLeading OnStartedLeading \
         OnNewLeader LeaderElectionID LeaderElectionNamespace identity",
    );
    expect![[r#"
        there is no key `Lock`: did you mean `lease`, as in `lease = "ledger"`?
        there is no key `LeaseDuration`: did you mean `lease_duration`, as in `lease_duration = "15s"`?
        there is no key `RenewDeadline`: did you mean `renew_deadline`, as in `renew_deadline = "10s"`?
        there is no key `RetryPeriod`: did you mean `retry_period`, as in `retry_period = "2s"`?
        there is no key `ReleaseOnCancel`: the lease is always released after its tasks have ended
        there is no key `Callbacks`: write the work into the body, which starts when this replica leads
        there is no key `OnStoppedLeading`: did you mean `on_loss`, as in `on_loss = exit`?
        there is no key `OnStartedLeading`: write the work into the body, which starts when this replica leads
        there is no key `OnNewLeader`: write the work into the body, which starts when this replica leads
        there is no key `LeaderElectionID`: did you mean `lease`, as in `lease = "ledger"`?
        there is no key `LeaderElectionNamespace`: did you mean `namespace`, as in `namespace = "payments"`?
        there is no key `identity`: the identity is a setting of the candidate, not of the task
    "#]]
    .assert_eq(&said);
}

#[test]
fn of_schedulers() {
    let said = says_to(
        "schedule cronExpression OnCalendar at fixedRate interval period rate OnUnitActiveSec fixedDelay OnUnitInactiveSec \
         run_once timeZone timezone tz zone RandomizedDelaySec phase concurrencyPolicy max_instances without_overlapping \
         misfire coalesce catchup backfill startingDeadlineSeconds misfire_grace_time catchup_window acks_late \
         requestsRecovery exactly_once retries max_retries backoffLimit retry_policy lockAtMostFor lockAtLeastFor delayed \
         activeDeadlineSeconds parallelism every_ ofset overlaps delivry",
    );
    expect![[r#"
        there is no key `schedule`: did you mean `cron`, as in `cron = "0 2 * * *"`?
        there is no key `cronExpression`: did you mean `cron`, as in `cron = "0 2 * * *"`?
        there is no key `OnCalendar`: did you mean `cron`, as in `cron = "0 2 * * *"`?
        there is no key `at`: did you mean `cron`, as in `cron = "0 2 * * *"`?
        there is no key `fixedRate`: did you mean `every`, as in `every = "5m"`?
        there is no key `interval`: did you mean `every`, as in `every = "5m"`?
        there is no key `period`: did you mean `every`, as in `every = "5m"`?
        there is no key `rate`: did you mean `every`, as in `every = "5m"`?
        there is no key `OnUnitActiveSec`: did you mean `every`, as in `every = "5m"`?
        there is no key `fixedDelay`: did you mean `delay`, as in `delay = "1m"`?
        there is no key `OnUnitInactiveSec`: did you mean `delay`, as in `delay = "1m"`?
        there is no key `run_once`: did you mean `once`?
        there is no key `timeZone`: did you mean `time_zone`, as in `time_zone = "Europe/Prague"`?
        there is no key `timezone`: did you mean `time_zone`, as in `time_zone = "Europe/Prague"`?
        there is no key `tz`: did you mean `time_zone`, as in `time_zone = "Europe/Prague"`?
        there is no key `zone`: did you mean `time_zone`, as in `time_zone = "Europe/Prague"`?
        there is no key `RandomizedDelaySec`: did you mean `jitter`, as in `jitter = "30s"`?
        there is no key `phase`: set the order of tasks where you add them, as in `TaskGroup::stack("work").with(connect()).with(consume())`
        there is no key `concurrencyPolicy`: did you mean `overlap = allow_all(4)`?
        there is no key `max_instances`: did you mean `overlap = allow_all(4)`?
        there is no key `without_overlapping`: did you mean `overlap = allow_all(4)`?
        there is no key `misfire`: did you mean `catch_up`, as in `catch_up = latest`?
        there is no key `coalesce`: did you mean `catch_up`, as in `catch_up = latest`?
        there is no key `catchup`: did you mean `catch_up`, as in `catch_up = latest`?
        there is no key `backfill`: did you mean `catch_up`, as in `catch_up = latest`?
        there is no key `startingDeadlineSeconds`: did you mean `start_deadline`, as in `start_deadline = "5m"`?
        there is no key `misfire_grace_time`: did you mean `start_deadline`, as in `start_deadline = "5m"`?
        there is no key `catchup_window`: did you mean `start_deadline`, as in `start_deadline = "5m"`?
        there is no key `acks_late`: did you mean `delivery`, as in `delivery = at_least_once`?
        there is no key `requestsRecovery`: did you mean `delivery`, as in `delivery = at_least_once`?
        there is no key `exactly_once`: did you mean `delivery`, as in `delivery = at_least_once`?
        there is no key `retries`: write `retry = 3` to try a failed tick again, or `max_restarts = "5 in 1m"` to limit the restarts of a continuous task
        there is no key `max_retries`: write `retry = 3` to try a failed tick again, or `max_restarts = "5 in 1m"` to limit the restarts of a continuous task
        there is no key `backoffLimit`: write `retry = 3` to try a failed tick again, or `max_restarts = "5 in 1m"` to limit the restarts of a continuous task
        there is no key `retry_policy`: did you mean `retry`, as in `retry = 3`?
        there is no key `lockAtMostFor`: the lease is renewed while the body runs, and `timeout = "30m"` limits a run
        there is no key `lockAtLeastFor`: a scheduled task does not need it, because the Lease records which ticks have run; a continuous body keeps the lease until it returns
        there is no key `delayed`: did you mean `initial_delay`, as in `initial_delay = "5s"`?
        there is no key `activeDeadlineSeconds`: did you mean `timeout`, as in `timeout = "30s"`?
        there is no key `parallelism`: each tick runs once, on one replica, so write a function for each part that should run at the same time
        there is no key `every_`: did you mean `every`, as in `every = "5m"`?
        there is no key `ofset`: did you mean `offset`, as in `offset = "30s"`?
        there is no key `overlaps`: did you mean `overlap = allow_all(4)`?
        there is no key `delivry`: did you mean `delivery`, as in `delivery = at_least_once`?
    "#]].assert_eq(&said);
}

#[test]
fn of_systemd_and_otp() {
    let said = says_to(
        "Restart RestartSec StartLimitBurst StartLimitIntervalSec StartLimitAction TimeoutStartSec RuntimeMaxSec \
         TimeoutStopSec WatchdogSec intensity max_seconds shutdown on_failure",
    );
    expect![[r#"
        there is no key `Restart`: did you mean `restart`, as in `restart = on_failure`?
        there is no key `RestartSec`: did you mean `backoff`, as in `backoff = "1s..1m"`?
        there is no key `StartLimitBurst`: did you mean `max_restarts`, as in `max_restarts = "5 in 1m"`?
        there is no key `StartLimitIntervalSec`: did you mean `max_restarts`, as in `max_restarts = "5 in 1m"`?
        there is no key `StartLimitAction`: did you mean `on_exhausted`, as in `on_exhausted = resign`?
        there is no key `TimeoutStartSec`: did you mean `timeout`, as in `timeout = "30s"`?
        there is no key `RuntimeMaxSec`: did you mean `timeout`, as in `timeout = "30s"`?
        there is no key `TimeoutStopSec`: did you mean `grace`, as in `grace = "10s"`?
        there is no key `WatchdogSec`: did you mean `on_overrun`, as in `on_overrun = report`?
        there is no key `intensity`: did you mean `max_restarts`, as in `max_restarts = "5 in 1m"`?
        there is no key `max_seconds`: did you mean `max_restarts`, as in `max_restarts = "5 in 1m"`?
        there is no key `shutdown`: did you mean `grace`, as in `grace = "10s"`?
        there is no key `on_failure`: did you mean `restart`, as in `restart = on_failure`?
    "#]]
    .assert_eq(&said);
}

#[test]
fn of_other_libraries() {
    let said = says_to("ttl lease_ttl holder_id claimant renew_grace_period heartBeatMillis role retries krate");
    expect![[r#"
        there is no key `ttl`: did you mean `lease_duration`, as in `lease_duration = "15s"`?
        there is no key `lease_ttl`: did you mean `lease_duration`, as in `lease_duration = "15s"`?
        there is no key `holder_id`: the identity is a setting of the candidate, not of the task
        there is no key `claimant`: the identity is a setting of the candidate, not of the task
        there is no key `renew_grace_period`: did you mean `renew_deadline`, as in `renew_deadline = "10s"`?
        there is no key `heartBeatMillis`: the lease is renewed three times in each `lease_duration`, so set that
        there is no key `role`: did you mean `lease`, as in `lease = "ledger"`?
        there is no key `retries`: write `retry = 3` to try a failed tick again, or `max_restarts = "5 in 1m"` to limit the restarts of a continuous task
        there is no key `krate`: did you mean `crate`, as in `crate = my_runtime`?
    "#]]
    .assert_eq(&said);
}

/// The message also translates a value that is a word of another system.
#[test]
fn with_their_values() {
    let arguments = [
        quote!(concurrencyPolicy = "Forbid"),
        quote!(concurrencyPolicy = Replace),
        quote!(concurrencyPolicy = Allow),
        quote!(max_instances = 3),
        quote!(misfire = MISFIRE_INSTRUCTION_DO_NOTHING),
        quote!(misfire_policy = "DoNothing"),
        quote!(coalesce = true),
        quote!(restartPolicy = "Always"),
        quote!(run_once = true),
        quote!(overlap_policy = ScheduleOverlapPolicy::CancelOther),
    ];
    let said = arguments.map(|argument| says(quote!(lease = "a", #argument), HELLO));
    expect![[r#"
        there is no key `concurrencyPolicy`: did you mean `overlap = skip`?
        there is no key `concurrencyPolicy`: did you mean `overlap = cancel_other`?
        there is no key `concurrencyPolicy`: did you mean `overlap = allow_all(2)`?
        there is no key `max_instances`: did you mean `overlap = allow_all(3)`?
        there is no key `misfire`: did you mean `catch_up`, as in `catch_up = latest`?
        there is no key `misfire_policy`: did you mean `catch_up = none`?
        there is no key `coalesce`: did you mean `catch_up = latest`?
        there is no key `restartPolicy`: did you mean `restart = always`?
        there is no key `run_once`: did you mean `once`?
        there is no key `overlap_policy`: did you mean `overlap = cancel_other`?
    "#]]
    .assert_eq(&said.concat());
}
