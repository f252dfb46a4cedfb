//! The expansion of scheduled tasks.

use super::*;

#[test]
fn a_body_by_cron() {
    check(
        quote!(
            delivery = at_least_once,
            retry = 3,
            start_deadline = "2h",
            max_catch_up = 10,
            catch_up = all,
            overlap = allow_all(3),
            jitter = "10m",
            time_zone = "Europe/Prague",
            cron = "0 2 * * *",
            backoff = "1s..1m",
            timeout = "1h",
            grace = "2s",
            initial_delay = "5s",
            name = "nightly-report",
            lease = "billing"
        ),
        quote! {
            async fn report(db: Db, tick: Tick, term: Term) -> Result<(), Error> {}
        },
        expect![[r#"
            fn report(db: Db) -> ::lease_runtime::LeaderTask<Result<(), Error>> {
                async fn report(db: Db, tick: Tick, term: Term) -> Result<(), Error> {}
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
                    "billing",
                );
                ::lease_runtime::LeaderTask::scheduled(
                        "nightly-report",
                        __LEASE,
                        move |term, tick| report(::core::clone::Clone::clone(&db), tick, term),
                    )
                    .cron("0 2 * * *")
                    .time_zone("Europe/Prague")
                    .jitter(::core::time::Duration::from_secs(600))
                    .overlap(::lease_runtime::Overlap::AllowAll(3))
                    .catch_up(::lease_runtime::CatchUp::All)
                    .max_catch_up(10)
                    .start_deadline(::core::time::Duration::from_secs(7200))
                    .delivery(::lease_runtime::Delivery::AtLeastOnce)
                    .retry(3)
                    .backoff(
                        ::core::time::Duration::from_secs(1)..=::core::time::Duration::from_secs(60),
                    )
                    .initial_delay(::core::time::Duration::from_secs(5))
                    .timeout(::core::time::Duration::from_secs(3600))
                    .grace(::core::time::Duration::from_secs(2))
            }
        "#]],
    );
}

#[test]
fn a_body_at_a_fixed_rate() {
    check(
        quote!(
            lease = "billing",
            every = "1h",
            offset = "5m",
            jitter = "500ms",
            overlap = buffer_one,
            catch_up = latest,
            start_deadline = unlimited,
            delivery = at_most_once,
        ),
        quote! {
            async fn poll() {}
        },
        expect![[r#"
            fn poll() -> ::lease_runtime::LeaderTask<()> {
                async fn poll() {}
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
                    "billing",
                );
                ::lease_runtime::LeaderTask::scheduled("poll", __LEASE, move |_, _| poll())
                    .every(::core::time::Duration::from_secs(3600))
                    .offset(::core::time::Duration::from_secs(300))
                    .jitter(::core::time::Duration::from_millis(500))
                    .overlap(::lease_runtime::Overlap::BufferOne)
                    .catch_up(::lease_runtime::CatchUp::Latest)
                    .start_deadline(::lease_runtime::StartDeadline::Unlimited)
                    .delivery(::lease_runtime::Delivery::AtMostOnce)
            }
        "#]],
    );
}

#[test]
fn a_body_after_a_delay() {
    check(
        quote!(lease = "billing", delay = "1s", catch_up = none, jitter = "500ms", retry = 0),
        quote! {
            async fn poll(_: Tick, (left, right): (u8, u8)) {}
        },
        expect![[r#"
            fn poll(arg1: (u8, u8)) -> ::lease_runtime::LeaderTask<()> {
                async fn poll(_: Tick, (left, right): (u8, u8)) {}
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
                    "billing",
                );
                ::lease_runtime::LeaderTask::scheduled(
                        "poll",
                        __LEASE,
                        move |_, tick| poll(tick, ::core::clone::Clone::clone(&arg1)),
                    )
                    .delay(::core::time::Duration::from_secs(1))
                    .jitter(::core::time::Duration::from_millis(500))
                    .catch_up(::lease_runtime::CatchUp::None)
                    .retry(0)
            }
        "#]],
    );
}

#[test]
fn a_body_that_runs_once() {
    check(
        quote!(once, lease = "billing", delivery = at_least_once, retry = 5),
        quote! {
            async fn migrate(_tick: lease_runtime::Tick) -> anyhow::Result<()> {}
        },
        expect![[r#"
            fn migrate() -> ::lease_runtime::LeaderTask<anyhow::Result<()>> {
                async fn migrate(_tick: lease_runtime::Tick) -> anyhow::Result<()> {}
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
                    "billing",
                );
                ::lease_runtime::LeaderTask::scheduled(
                        "migrate",
                        __LEASE,
                        move |_, tick| migrate(tick),
                    )
                    .once()
                    .delivery(::lease_runtime::Delivery::AtLeastOnce)
                    .retry(5)
            }
        "#]],
    );
}

#[test]
fn a_method_and_names_that_are_taken() {
    methods::check_method(
        quote!(lease = "ledger", cron = CLOSING, time_zone = Self::ZONE),
        quote! {
            async fn close(self: Arc<Self>, term: Tick, _: Term) {}
        },
        expect![[r#"
            impl Ledger {
                fn close(self: Arc<Self>) -> ::lease_runtime::LeaderTask<()> {
                    const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
                        "ledger",
                    );
                    ::lease_runtime::LeaderTask::scheduled(
                            "close",
                            __LEASE,
                            move |term, term_| Self::__close_in_inherent_impl(
                                ::core::clone::Clone::clone(&self),
                                term_,
                                term,
                            ),
                        )
                        .cron(CLOSING)
                        .time_zone(Self::ZONE)
                }
                #[doc(hidden)]
                async fn __close_in_inherent_impl(self: Arc<Self>, term: Tick, _: Term) {}
            }
        "#]],
    );
    check(
        quote!(lease = "ledger", every = "1m"),
        quote! {
            async fn tick(#[cfg(unix)] tick: Tick, term: Term) {}
        },
        expect![[r#"
            fn tick() -> ::lease_runtime::LeaderTask<()> {
                async fn tick(#[cfg(unix)] tick: Tick, term: Term) {}
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
                    "ledger",
                );
                ::lease_runtime::LeaderTask::scheduled(
                        "tick",
                        __LEASE,
                        move |term, _tick| tick(#[cfg(unix)] _tick, term),
                    )
                    .every(::core::time::Duration::from_secs(60))
            }
        "#]],
    );
    check(
        quote!(lease = "ledger", every = "1m"),
        quote! {
            async fn tick(tick: Tick, r#type: u8) {}
        },
        expect![[r#"
            fn tick(r#type: u8) -> ::lease_runtime::LeaderTask<()> {
                async fn __tick(tick: Tick, r#type: u8) {}
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
                    "ledger",
                );
                ::lease_runtime::LeaderTask::scheduled(
                        "tick",
                        __LEASE,
                        move |_, tick| __tick(tick, ::core::clone::Clone::clone(&r#type)),
                    )
                    .every(::core::time::Duration::from_secs(60))
            }
        "#]],
    );
}

#[test]
fn a_schedule_in_error_still_makes_a_scheduled_task() {
    check(
        quote!(lease = "ledger", cron = "0 25 * * *"),
        quote! {
            async fn tick(tick: Tick) {}
        },
        expect![[r#"
            ::core::compile_error! {
                "`25` is not an hour: write a number from 0 to 23"
            }
            fn tick() -> ::lease_runtime::LeaderTask<()> {
                async fn __tick(tick: Tick) {}
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
                    "ledger",
                );
                ::lease_runtime::LeaderTask::scheduled("tick", __LEASE, move |_, tick| __tick(tick))
            }
        "#]],
    );
}

#[test]
fn a_run_that_may_be_longer_than_the_period() {
    let documented = |args| {
        let text = print(crate::expand::leader_only(
            args,
            quote!(
                async fn hello() {}
            ),
        ));
        text.lines().take_while(|line| line.starts_with("///")).map(|line| line.to_owned() + "\n").collect::<String>()
    };
    let said = [
        documented(quote!(lease = "a", every = "1m", timeout = "90s")),
        documented(quote!(lease = "a", every = "1m", timeout = "1m")),
        documented(quote!(lease = "a", every = "1m", timeout = "90s", overlap = buffer_one)),
        documented(quote!(lease = "a", every = "1m", timeout = "90s", catch_up = all)),
        documented(quote!(lease = "a", delay = "1m", timeout = "90s")),
        documented(quote!(lease = "a", cron = "*/5 * * * *", timeout = "1h", overlap = skip, grace = "30s")),
        documented(quote!(lease = "a", cron = "0 2 * * *", timeout = "1h")),
        documented(quote!(lease = "a", cron = NIGHTLY, timeout = "1h")),
    ];
    expect![[r#"
        /// A run may take 90s, and ticks may be 1m apart: ticks that fall due during a run are skipped.
        /// If the lease is lost, the body has 2s of its 30s of grace: `lease_duration / 1.25 - renew_deadline`.
        ///
        /// A run may take 1h, and ticks may be 5m apart: ticks that fall due during a run are skipped.
    "#]]
    .assert_eq(&said.concat());
}
