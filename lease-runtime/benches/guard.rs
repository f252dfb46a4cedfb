//! Measures what it costs to compare the clock with the deadline of the lease at every poll.
//!
//! `cargo bench -p lease-runtime --bench guard` prints divan's table and then, as a line of its own, the difference between
//! a guarded and a bare poll, and that between a task of `Term::spawn` and a guarded task.

use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use lease_runtime::Term;
use lease_runtime::clock::{Clock, SystemClock};

type Body = Pin<Box<dyn Future<Output = ()> + Send>>;

fn main() {
    divan::main();
    report();
}

/// A body that does nothing and never ends.
fn body() -> Body {
    Box::pin(poll_fn(|_| black_box(Poll::Pending)))
}

fn guarded() -> impl Future<Output = ()> + Unpin {
    let (term, control) = Term::for_test();
    // The deadline is compared and never reached.
    control.expire_in(Duration::from_secs(3600));
    let mut guarded = term.guard(body());
    poll_fn(move |cx| Pin::new(&mut guarded).poll(cx).map(drop))
}

fn poll(future: &mut (impl Future<Output = ()> + Unpin)) -> Poll<()> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[divan::bench(sample_size = 10_000)]
fn bare(bencher: divan::Bencher<'_, '_>) {
    let mut body = body();
    bencher.bench_local(|| poll(black_box(&mut body)));
}

#[divan::bench(sample_size = 10_000)]
fn with_guard(bencher: divan::Bencher<'_, '_>) {
    let mut body = guarded();
    bencher.bench_local(|| poll(black_box(&mut body)));
}

/// The part that every guard needs.
#[divan::bench(sample_size = 10_000)]
fn reading_the_clock(bencher: divan::Bencher<'_, '_>) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    bencher.bench_local(|| black_box(&clock).now());
}

const POLLS: u32 = 200_000;

/// The best of several rounds of each. Slower rounds measure other work of the machine.
fn report() {
    let (mut bare, mut guarded) = (body(), guarded());
    // The body does not end, so each call is one poll.
    let bare = best(&mut || (0..POLLS).for_each(|_| assert!(poll(black_box(&mut bare)).is_pending())));
    let guarded = best(&mut || (0..POLLS).for_each(|_| assert!(poll(black_box(&mut guarded)).is_pending())));
    println!("guard: {:.1} ns per poll (guarded {guarded:.1} ns, bare {bare:.1} ns)", guarded - bare);
    spawned();
}

/// A task that `Term::spawn` started knows its body and is in its span. There is no subscriber here.
fn spawned() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (term, control) = Term::for_test();
    control.expire_in(Duration::from_secs(3600));
    let guarded = best(&mut || assert!(runtime.block_on(async { tokio::spawn(term.guard(polled())).await.is_ok() })));
    let spawned = best(&mut || assert!(runtime.block_on(async { term.spawn(polled()).await.is_ok() })));
    println!(
        "spawn: {:.1} ns per poll (`term.spawn` {spawned:.1} ns, `tokio::spawn` of a guarded future {guarded:.1} ns)",
        spawned - guarded
    );
}

/// A future that is polled so often.
fn polled() -> impl Future<Output = ()> + Send {
    let mut left = POLLS;
    poll_fn(move |cx| {
        left -= 1;
        if left == 0 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

/// Nanoseconds per poll of a function that polls so often.
fn best(polls: &mut dyn FnMut()) -> f64 {
    let clock = SystemClock;
    let rounds = (0..15).map(|_| {
        let start = clock.now();
        polls();
        clock.now().since(start).as_secs_f64() * 1e9 / f64::from(POLLS)
    });
    rounds.fold(f64::INFINITY, f64::min)
}
