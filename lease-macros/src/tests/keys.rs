//! Keys of other systems.

use super::mistakes::{HELLO, says};
use super::*;

/// What is said to each of the keys.
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
        there is no key `colour`: there are `lease`, `namespace`, `name`, `lease_duration`, `renew_deadline`, `retry_period`, `cron`, `time_zone`, `every`, `offset`, `delay`, `once`, `jitter`, `overlap`, `catch_up`, `max_catch_up`, `start_deadline`, `delivery`, `retry`, `restart`, `backoff`, `max_restarts`, `on_exhausted`, `initial_delay`, `timeout`, `grace`, `on_overrun`, `on_loss` and `crate`
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
        there is no key `ReleaseOnCancel`: the lease is always released when its work has ended
        there is no key `Callbacks`: write what is to be done into the body, which begins when this replica leads
        there is no key `OnStoppedLeading`: did you mean `on_loss`, as in `on_loss = exit`?
        there is no key `OnStartedLeading`: write what is to be done into the body, which begins when this replica leads
        there is no key `OnNewLeader`: write what is to be done into the body, which begins when this replica leads
        there is no key `LeaderElectionID`: did you mean `lease`, as in `lease = "ledger"`?
        there is no key `LeaderElectionNamespace`: did you mean `namespace`, as in `namespace = "payments"`?
        there is no key `identity`: the identity is the candidate's, not the task's
    "#]]
    .assert_eq(&said);
}

#[test]
fn of_schedulers() {
    let said = says_to(
        "cron every schedule fixedRate fixedDelay interval timeZone concurrencyPolicy lockAtMostFor lockAtLeastFor \
         delayed activeDeadlineSeconds backoffLimit once",
    );
    expect![[r#"
        `cron` takes a string or a constant: write `cron = "0 2 * * *"`
        a duration needs a unit: write `every = "7s"`
        there is no key `schedule`: did you mean `cron`, as in `cron = "0 2 * * *"`?
        there is no key `fixedRate`: did you mean `every`, as in `every = "5m"`?
        there is no key `fixedDelay`: did you mean `delay`, as in `delay = "1m"`?
        there is no key `interval`: did you mean `every`, as in `every = "5m"`?
        there is no key `timeZone`: did you mean `time_zone`, as in `time_zone = "Europe/Prague"`?
        there is no key `concurrencyPolicy`: did you mean `overlap`, as in `overlap = skip`?
        there is no key `lockAtMostFor`: the lease is renewed for as long as the body runs, which `timeout = "30m"` limits
        there is no key `lockAtLeastFor`: ticks need none, since what has run is recorded with the lease; a body without a trigger stays in its loop for as long as nobody else is to run it
        there is no key `delayed`: did you mean `initial_delay`, as in `initial_delay = "5s"`?
        there is no key `activeDeadlineSeconds`: did you mean `timeout`, as in `timeout = "30s"`?
        there is no key `backoffLimit`: a tick that has failed is tried again with `retry = 3`, and a body that runs all the time with `max_restarts = "5 in 1m"`
        `once` takes no value: write `once` alone
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
        there is no key `holder_id`: the identity is the candidate's, not the task's
        there is no key `claimant`: the identity is the candidate's, not the task's
        there is no key `renew_grace_period`: did you mean `renew_deadline`, as in `renew_deadline = "10s"`?
        there is no key `heartBeatMillis`: a lease is renewed every third of its `lease_duration`, so set that
        there is no key `role`: did you mean `lease`, as in `lease = "ledger"`?
        there is no key `retries`: a tick that has failed is tried again with `retry = 3`, and a body that runs all the time with `max_restarts = "5 in 1m"`
        there is no key `krate`: did you mean `crate`, as in `crate = my_runtime`?
    "#]]
    .assert_eq(&said);
}
