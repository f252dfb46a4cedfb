// Of `annotated.rs`, written by `UPDATE_EXPECT=1 cargo test -p lease-macros`.

use std::convert::Infallible;
use std::fmt::{Debug, Error};
use std::sync::Arc;
use lease_runtime::{LeaderTask, Term, Tick, leader_only};
/// Says hello from the leader.
pub(crate) fn hello() -> ::lease_runtime::LeaderTask<()> {
    async fn hello() {
        println!("hello");
    }
    const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new("hello");
    ::lease_runtime::LeaderTask::new("hello", __LEASE, move |_| hello())
}
/// If the lease is lost, the body has 4s of its 2m of grace: `lease_duration / 1.25 - renew_deadline`.
pub(crate) fn reindex(
    index: Vec<String>,
    batch: usize,
) -> ::lease_runtime::LeaderTask<Result<(), Error>> {
    async fn reindex(
        term: Term,
        mut index: Vec<String>,
        batch: usize,
    ) -> Result<(), Error> {
        index.truncate(batch);
        drop(term);
        Ok(())
    }
    const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
            "reindexer",
        )
        .namespace("search")
        .lease_duration(::core::time::Duration::from_secs(30))
        .renew_deadline(::core::time::Duration::from_secs(20))
        .retry_period(::core::time::Duration::from_millis(500));
    ::lease_runtime::LeaderTask::new(
            "reindex.search",
            __LEASE,
            move |term| reindex(
                term,
                ::core::clone::Clone::clone(&index),
                ::core::clone::Clone::clone(&batch),
            ),
        )
        .grace(::core::time::Duration::from_secs(120))
        .on_overrun(::lease_runtime::OnOverrun::Report)
}
pub(crate) fn generic<T, const N: usize>(
    items: [T; N],
    arg1: (u8, u8),
    sink: impl Fn(T) + Clone + Send + 'static,
) -> ::lease_runtime::LeaderTask<()>
where
    T: Debug + Clone + Send + 'static,
{
    async fn generic<T, const N: usize>(
        items: [T; N],
        (left, right): (u8, u8),
        sink: impl Fn(T) + Clone + Send + 'static,
    )
    where
        T: Debug + Clone + Send + 'static,
    {
        items.into_iter().for_each(sink);
        println!("{left} {right}");
    }
    const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
        "generic",
    );
    ::lease_runtime::LeaderTask::new(
        "generic",
        __LEASE,
        move |_| generic::<
            T,
            N,
        >(
            ::core::clone::Clone::clone(&items),
            ::core::clone::Clone::clone(&arg1),
            ::core::clone::Clone::clone(&sink),
        ),
    )
}
pub(crate) fn forever(
    number: u8,
) -> ::lease_runtime::LeaderTask<::core::convert::Infallible> {
    async fn forever(_: Term, number: u8) -> ! {
        println!("{number}");
        std::future::pending().await
    }
    const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
        "forever",
    );
    ::lease_runtime::LeaderTask::new(
        "forever",
        __LEASE,
        move |term| {
            let body = forever(term, ::core::clone::Clone::clone(&number));
            async move { body.await }
        },
    )
}
/// The names are taken.
pub(crate) fn term(term: u8) -> ::lease_runtime::LeaderTask<()> {
    async fn __term(term: u8, leadership: Term) {
        println!("{term} {leadership:?}");
    }
    const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new("term");
    ::lease_runtime::LeaderTask::new(
        "term",
        __LEASE,
        move |leadership| __term(::core::clone::Clone::clone(&term), leadership),
    )
}
pub(crate) fn drain(shard: u32, lease: String) -> ::lease_runtime::LeaderTask<()> {
    async fn drain(shard: u32, lease: String) {
        println!("{shard} {lease}");
    }
    const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::unnamed();
    let __lease = ::std::format!("shard-{shard:03}");
    ::lease_runtime::LeaderTask::new(
            "drain",
            __LEASE,
            move |_| drain(
                ::core::clone::Clone::clone(&shard),
                ::core::clone::Clone::clone(&lease),
            ),
        )
        .lease(__lease)
        .restart(::lease_runtime::Restart::Always)
        .backoff(
            ::core::time::Duration::from_millis(
                250,
            )..=::core::time::Duration::from_secs(3600),
        )
        .max_restarts(3, ::core::time::Duration::from_secs(120))
        .on_exhausted(::lease_runtime::OnExhausted::Stop)
        .initial_delay(::core::time::Duration::from_secs(5))
        .timeout(::core::time::Duration::from_secs(30))
        .on_loss(::lease_runtime::OnLoss::Exit)
}
/// Reports on the day before.
pub(crate) fn report(folder: String) -> ::lease_runtime::LeaderTask<Result<(), Error>> {
    async fn report(tick: Tick, folder: String) -> Result<(), Error> {
        println!("{folder}/{}", tick.nominal());
        Ok(())
    }
    const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
        "billing",
    );
    ::lease_runtime::LeaderTask::scheduled(
            "report",
            __LEASE,
            move |_, tick| report(tick, ::core::clone::Clone::clone(&folder)),
        )
        .cron("0 2 * * *")
        .time_zone("Europe/Prague")
        .jitter(::core::time::Duration::from_secs(300))
        .catch_up(::lease_runtime::CatchUp::All)
        .max_catch_up(7)
        .start_deadline(::lease_runtime::StartDeadline::Unlimited)
        .delivery(::lease_runtime::Delivery::AtLeastOnce)
        .retry(3)
        .backoff(
            ::core::time::Duration::from_secs(1)..=::core::time::Duration::from_secs(60),
        )
        .timeout(::core::time::Duration::from_secs(3600))
}
pub(crate) fn poll() -> ::lease_runtime::LeaderTask<()> {
    async fn poll(_: Tick, term: Term) {
        drop(term);
    }
    const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
        "billing",
    );
    ::lease_runtime::LeaderTask::scheduled(
            "poll",
            __LEASE,
            move |term, tick| poll(tick, term),
        )
        .every(::core::time::Duration::from_secs(60))
        .offset(::core::time::Duration::from_secs(30))
        .overlap(::lease_runtime::Overlap::AllowAll(2))
        .start_deadline(::core::time::Duration::from_secs(120))
        .timeout(::core::time::Duration::from_secs(300))
}
pub(crate) fn clean() -> ::lease_runtime::LeaderTask<()> {
    async fn clean() {}
    const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
        "billing",
    );
    ::lease_runtime::LeaderTask::scheduled("clean", __LEASE, move |_, _| clean())
        .delay(::core::time::Duration::from_secs(5))
        .catch_up(::lease_runtime::CatchUp::None)
}
pub(crate) fn tick() -> ::lease_runtime::LeaderTask<()> {
    async fn __tick(tick: Tick) {
        drop(tick);
    }
    const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
        "billing",
    );
    ::lease_runtime::LeaderTask::scheduled("tick", __LEASE, move |_, tick| __tick(tick))
        .once()
}
#[deprecated]
pub(crate) fn conditional(#[cfg(unix)] unix: u8) -> ::lease_runtime::LeaderTask<()> {
    #[inline]
    async fn conditional(#[cfg(unix)] unix: u8, #[cfg(windows)] term: Term) {
        #[cfg(unix)]
        println!("{unix}");
        #[cfg(windows)]
        println!("{term:?}");
    }
    const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
        "conditional",
    );
    ::lease_runtime::LeaderTask::new(
        "conditional",
        __LEASE,
        move |_term| conditional(
            #[cfg(unix)]
            ::core::clone::Clone::clone(&unix),
            #[cfg(windows)]
            _term,
        ),
    )
}
#[derive(Clone)]
pub(crate) struct Ledger(pub(crate) u8);
impl Ledger {
    const LEASE: &'static str = "ledger";
    /// Posts what is due.
    pub(crate) fn run(
        self: Arc<Self>,
    ) -> ::lease_runtime::LeaderTask<Result<Self, Error>> {
        const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
            Ledger::LEASE,
        );
        ::lease_runtime::LeaderTask::new(
            "run",
            __LEASE,
            move |term| Self::__run_in_inherent_impl(
                ::core::clone::Clone::clone(&self),
                term,
            ),
        )
    }
    #[doc(hidden)]
    async fn __run_in_inherent_impl(
        self: Arc<Self>,
        _term: Term,
    ) -> Result<Self, Error> {
        Ok(Ledger(self.0))
    }
    pub(crate) fn numbered(self) -> ::lease_runtime::LeaderTask<()> {
        const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::unnamed();
        let lease = ::std::format!("ledger-{}", self.0);
        ::lease_runtime::LeaderTask::new(
                "numbered",
                __LEASE,
                move |_| Self::__numbered_in_inherent_impl(
                    ::core::clone::Clone::clone(&self),
                ),
            )
            .lease(lease)
    }
    #[doc(hidden)]
    async fn __numbered_in_inherent_impl(self) {
        println!("{}", self.0);
    }
    pub(crate) fn of(number: u8) -> ::lease_runtime::LeaderTask<()> {
        const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
            "ledger",
        );
        ::lease_runtime::LeaderTask::new(
            "of",
            __LEASE,
            move |_| Self::__of_in_inherent_impl(::core::clone::Clone::clone(&number)),
        )
    }
    #[doc(hidden)]
    async fn __of_in_inherent_impl(number: u8) {
        println!("{}", Self(number).0);
    }
}
/// What the functions above return.
pub(crate) fn tasks() {
    #[allow(deprecated)]
    let conditional = conditional(7);
    let _: Vec<LeaderTask<()>> = vec![
        hello(), generic([7, 7], (7, 7), drop), term(7), conditional, Ledger::of(7)
    ];
    let _: Vec<LeaderTask<()>> = vec![drain(7, String::new()), Ledger(7).numbered()];
    let _: Vec<LeaderTask<()>> = vec![poll(), clean(), tick()];
    let _: LeaderTask<Result<(), Error>> = reindex(vec![], 7);
    let _: LeaderTask<Result<(), Error>> = report(String::new());
    let _: LeaderTask<Infallible> = forever(7);
    let _: LeaderTask<Result<Ledger, Error>> = Arc::new(Ledger(7)).run();
}
