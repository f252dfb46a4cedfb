//! Scheduled tasks.

use std::sync::Arc;

use lease_runtime::{LeaderTask, Term, Tick, leader_only};

const NIGHTLY: &str = "0 2 * * *";

/// The most extreme values that are allowed.
#[leader_only(
    lease = "edge",
    cron = "*/59 0-23/23 1,31 JAN-dec +7",
    time_zone = "America/Argentina/ComodRivadavia",
    jitter = "30s",
    overlap = allow_all(4),
    catch_up = all,
    max_catch_up = 1000,
    start_deadline = "30001ms",
    delivery = at_least_once,
    retry = 100,
    backoff = "1ms..1ms"
)]
pub(crate) async fn all_keys(_tick: Tick) {}

#[leader_only(lease = "edge", every = "10s", offset = "9s", jitter = "5s", start_deadline = unlimited, retry = 0)]
pub(crate) async fn shortest_recorded() {}

#[leader_only(lease = "edge", every = "10s", start_deadline = "19400ms")]
pub(crate) async fn shortest_deadline() {}

#[leader_only(lease = "edge", every = "1s", catch_up = none, overlap = cancel_other, retry = 1)]
pub(crate) async fn shortest() {}

#[leader_only(lease = "edge", delay = "1s", catch_up = none, initial_delay = "1ms", jitter = "500ms")]
pub(crate) async fn shortest_delay() {}

#[leader_only(once, lease = "edge", delivery = at_least_once, retry = 3, backoff = "1s..1s")]
pub(crate) async fn once(_: Term) {}

#[leader_only(lease = "edge", delivery = at_most_once, once)]
pub(crate) async fn once_at_the_end() {}

#[leader_only(lease = "edge", cron = NIGHTLY, time_zone = "UTC")]
pub(crate) async fn constant() {}

#[leader_only(lease = "edge", cron = concat!("0", " 2 * * *"), time_zone = zones::HOME)]
pub(crate) async fn constants() {}

pub(crate) mod zones {
    pub(crate) const HOME: &str = "Europe/Prague";
}

/// User code with the names of the closure's parameters.
#[leader_only(lease = "names", every = "1m")]
pub(crate) async fn tick(term: u8, tick: u8, (_, _): (u8, u8), _: Term, time: Tick) {
    let _ = (term, tick, time);
}

#[leader_only(lease = "names", every = "1m")]
pub(crate) async fn term(tick: Term, _: Tick, term: u8) {
    let _ = (tick, term);
}

#[leader_only(r#lease = "names", r#every = "1m", r#retry = 3)]
pub(crate) async fn r#type(r#try: Tick, r#match: u8) -> Result<(), u8> {
    drop(r#try);
    Err(r#match)
}

#[leader_only(lease = "names", every = "1m")]
pub(crate) async fn patterns(mut time: Tick, Pair(left, right): Pair) {
    time = time.clone();
    let _ = (time, left, right);
}

#[derive(Clone)]
pub(crate) struct Pair(pub(crate) u8, pub(crate) u8);

#[leader_only(lease = "cfg", every = "1m")]
pub(crate) async fn conditional(
    #[cfg(any())] tick: Tick,
    #[cfg(not(any()))] number: u8,
    #[cfg(not(any()))] term: Term,
) {
    let _ = (number, term);
}

#[leader_only(lease = "cfg", every = "1m")]
#[tracing::instrument(skip_all)]
pub(crate) async fn traced(tick: ::lease_runtime::Tick) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    drop(tick);
    Ok(())
}

/// A recursive call stays in the same run.
#[leader_only(lease = "recursion", once)]
pub(crate) async fn recursion(tick: Tick, depth: u8) {
    if depth > 0 {
        Box::pin(recursion(tick, depth - 1)).await;
    }
}

#[leader_only(lease = "generic", every = "1m")]
pub(crate) async fn generic<T: Clone + Send + 'static, const N: usize>(items: [T; N], tick: Tick) {
    drop((items, tick));
}

pub(crate) struct Ledger(pub(crate) u8);

impl Ledger {
    const CLOSING: &'static str = "0 18 * * MON-FRI";
    const ZONE: &'static str = "Europe/Prague";

    #[leader_only(lease = "ledger-{self.0}", cron = Self::CLOSING, time_zone = Self::ZONE)]
    pub(crate) async fn close(self: Arc<Self>, tick: Tick) {
        let _ = (self, tick);
    }

    #[leader_only(lease = "ledger", once)]
    pub(crate) async fn migrate(tick: Tick, number: u8) -> Result<(), String> {
        let Self(number) = Self(number);
        drop(tick);
        Err(number.to_string())
    }
}

macro_rules! made {
    ($name:ident, $cron:literal, $zone:expr, $most:literal, $overlap:ident, $tick:ident: $Tick:ty) => {
        #[leader_only(lease = "made", cron = $cron, time_zone = $zone, retry = $most, overlap = $overlap)]
        pub(crate) async fn $name($tick: $Tick) {
            drop($tick);
        }
    };
}
made!(made, "*/5 * * * *", "Asia/Kolkata", 3, skip, tick: Tick);
made!(made_of_constants, "@hourly", zones::HOME, 0, buffer_one, term: Tick);

macro_rules! beside {
    ($most:tt, $every:literal) => {
        #[leader_only(lease = "made", every = $every, overlap = allow_all($most))]
        pub(crate) async fn beside() {}
    };
}
beside!(3, "5m");

/// A type with a method as a scheduled task.
pub(crate) fn tasks() -> Vec<LeaderTask<()>> {
    vec![
        all_keys(),
        shortest_recorded(),
        shortest_deadline(),
        shortest(),
        shortest_delay(),
        once(),
        once_at_the_end(),
        constant(),
        constants(),
        tick(7, 7, (7, 7)),
        term(7),
        patterns(Pair(7, 7)),
        conditional(7),
        recursion(3),
        generic([7, 7]),
        Arc::new(Ledger(7)).close(),
        made(),
        made_of_constants(),
        beside(),
    ]
}

/// In every run, the body receives the term, the tick and the arguments in the right order.
#[tokio::test]
async fn ticks_arrive() {
    #[leader_only(lease = "arrival", every = "1m", retry = 1)]
    async fn arrival(first: u8, tick: Tick, (second, _): (u8, u8), term: Term) -> Result<(), String> {
        Err(format!("{first} {} {second} {}", tick.nominal(), term.is_cancelled()))
    }

    let time = || Tick::for_test("2027-03-28T02:30:00Z".parse().expect("the text is a time"));
    let mut task = arrival(1, (2, 0));
    for _ in 0..2 {
        let said = task.run_tick(Term::for_test().0, time()).await;
        assert_eq!(said, Err("1 2027-03-28T02:30:00Z 2 false".to_owned()));
    }
    assert_eq!(r#type(7).run_tick(Term::for_test().0, time()).await, Err(7));
    assert_eq!(Ledger::migrate(7).run_tick(Term::for_test().0, time()).await, Err("7".to_owned()));
    recursion(3).run_tick(Term::for_test().0, time()).await;
    assert!(traced().run_tick(Term::for_test().0, time()).await.is_ok());
}
