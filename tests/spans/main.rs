//! The spans in which bodies run, as a subscriber sees them, and subscribers that panic.
//!
//! All tests share the subscriber of this process.

use std::cell::Cell;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use lease_runtime::embedded::EmbeddedApi;
use lease_runtime::{Candidate, CatchUp, Ended, LeaderTask, LeaseSpec, Term, Tick};
use lease_tests::log::until;
use serde_json::Value;
use tracing::span::Id;
use tracing::{Subscriber, info};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Appends to [`WRITTEN`].
#[derive(Clone, Copy)]
struct Sink;

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Sink {
    type Writer = Sink;

    fn make_writer(&self) -> Sink {
        Sink
    }
}

/// What a subscriber does to a span.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Call {
    Enter,
    Exit,
    Close,
}

thread_local! {
    /// The calls in which the subscriber panics on this thread.
    static PANICS: Cell<&'static [Call]> = const { Cell::new(&[]) };
}

/// Panics when it is told to.
struct Fuse;

impl Fuse {
    fn at(call: Call) {
        assert!(!PANICS.get().contains(&call), "the subscriber was told to panic in {call:?}");
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Fuse {
    fn on_enter(&self, _: &Id, _: Context<'_, S>) {
        Fuse::at(Call::Enter);
    }

    fn on_exit(&self, _: &Id, _: Context<'_, S>) {
        Fuse::at(Call::Exit);
    }

    fn on_close(&self, _: Id, _: Context<'_, S>) {
        Fuse::at(Call::Close);
    }
}

fn install() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let lines = tracing_subscriber::fmt::layer().json().with_writer(Sink);
        tracing_subscriber::registry().with(tracing_subscriber::EnvFilter::new("info")).with(lines).with(Fuse).init();
    });
}

/// The line with this message, if it was written.
fn line(message: &str) -> Option<Value> {
    let written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let lines = String::from_utf8(written).expect("the subscriber writes text");
    let mut lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find(|line| line["fields"]["message"] == message)
}

/// The names of the spans of a line, the outermost first.
fn spans(line: &Value) -> Vec<&str> {
    let spans = line["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
    spans.iter().filter_map(|span| span["name"].as_str()).collect()
}

/// Says so when it is dropped.
struct Says(&'static str);

impl Drop for Says {
    fn drop(&mut self) {
        info!("{}", self.0);
    }
}

/// Everything that a body does says which term it belongs to.
#[tokio::test]
async fn the_lines_of_a_body_carry_its_lease_task_and_term() {
    const LEDGER: LeaseSpec = LeaseSpec::new("ledger");
    install();
    let api = EmbeddedApi::new();
    api.create_namespace("shop");
    let candidate =
        Candidate::builder().identity("pod-1").client(api.client_as("pod-1", "shop")).build().await.unwrap();
    let token = Arc::new(Mutex::new(0));
    let noted = token.clone();
    candidate.add(LeaderTask::new("sync", LEDGER, move |term: Term| {
        *noted.lock().unwrap() = term.fencing_token().get();
        async move {
            let _end = Says("from the drop");
            info!("from the body");
            let own = tracing::info_span!("order", id = 7);
            let child = term.spawn(async { info!("from a child") });
            let grandchild = term.spawn({
                let term = term.clone();
                async move {
                    tokio::task::yield_now().await;
                    term.spawn(async { info!("from a grandchild") }).await
                }
            });
            let spanned = term.spawn(tracing::Instrument::instrument(async { info!("from a span of its own") }, own));
            let blocking = term.blocking(|_| info!("from a closure"));
            let elsewhere = tokio::spawn({
                let term = term.clone();
                async move {
                    info!("from elsewhere");
                    term.spawn(async { info!("from a child started elsewhere") }).await
                }
            });
            let guarded = term.guard(async { info!("from a guarded future") }).await;
            drop((child.await, grandchild.await, spanned.await, blocking.await, elsewhere.await, guarded));
            term.cancelled().await;
        }
    }));
    candidate.add(
        LeaderTask::scheduled("report", LEDGER, |_: Term, tick: Tick| async move {
            info!(id = %tick.attempt_id(), "from a tick")
        })
        .every(Duration::from_secs(1))
        .catch_up(CatchUp::None),
    );
    let end = async {
        until("a tick", async || line("from a tick")).await;
        until("the body", async || line("from a child started elsewhere").and(line("from a guarded future"))).await;
    };
    candidate.run_until(end).await.unwrap();

    let in_the_body = [
        "from the body",
        "from a child",
        "from a grandchild",
        "from a closure",
        "from a child started elsewhere",
        "from a guarded future",
        "from the drop",
    ];
    for message in in_the_body {
        let line = line(message).expect(message);
        assert_eq!(spans(&line), ["leader_task"], "{message}");
        let span = &line["span"];
        assert_eq!(
            (&span["lease"], &span["namespace"], &span["task"]),
            (&"ledger".into(), &"shop".into(), &"sync".into())
        );
        assert_eq!(span["term"], *token.lock().unwrap());
        assert_eq!(span["identity"], candidate.identity());
    }
    assert_eq!(spans(&line("from a span of its own").unwrap()), ["leader_task", "order"]);
    assert_eq!(spans(&line("from elsewhere").unwrap()), [""; 0]);
    let tick = line("from a tick").unwrap();
    assert_eq!(spans(&tick), ["leader_task", "tick"]);
    assert_eq!(tick["spans"][0]["task"], "report");
    let span = &tick["span"];
    assert_eq!((&span["attempt"], &span["cause"]), (&1.into(), &"schedule".into()));
    assert_eq!(span["attempt_id"], tick["fields"]["id"]);
    assert!(span["tick"].as_str().is_some_and(|tick| tick.ends_with('Z')), "{span}");
    // The lines of the library have their fields already.
    assert_eq!(spans(&line("task started").unwrap()), [""; 0]);
}

/// Sets a flag when it is dropped.
struct Flag(Arc<AtomicBool>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A subscriber that panics fails the work. The work is gone then, with what it held, and nothing keeps the term.
#[tokio::test]
async fn a_subscriber_that_panics_leaves_no_gate_open() {
    install();
    let each: [&[Call]; 6] = [
        &[Call::Enter],
        &[Call::Exit],
        &[Call::Close],
        &[Call::Enter, Call::Close],
        &[Call::Exit, Call::Close],
        &[Call::Enter, Call::Exit, Call::Close],
    ];
    for calls in each {
        for body_panics in [false, true] {
            // A body that panics exits its span while it unwinds. A second panic there ends the process, as everywhere.
            if body_panics && calls.contains(&Call::Exit) {
                continue;
            }
            let (term, control) = Term::for_test();
            let dropped = Arc::new(AtomicBool::new(false));
            let flag = Flag(dropped.clone());
            let work = term.spawn(async move {
                let _flag = flag;
                tokio::task::yield_now().await;
                assert!(!body_panics, "told to panic");
            });
            PANICS.set(calls);
            let result = work.await;
            PANICS.set(&[]);
            // The span is closed when the work has a result.
            if calls == [Call::Close] && !body_panics {
                assert_eq!(result, Ok(()));
            } else {
                assert!(matches!(result, Err(Ended::Panicked(_))), "{calls:?}: {result:?}");
            }
            assert!(dropped.load(Ordering::SeqCst), "{calls:?}: the work is still there");
            tokio::time::timeout(Duration::from_secs(30), control.drained()).await.expect("nothing keeps the term");
        }
    }
}
