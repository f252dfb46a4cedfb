use std::future::{pending, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::{Clock, TokioClock, WallTime};
use crate::elector::tests::log::Lines;
use crate::error::Error;
use crate::lease::LeaseId;
use crate::spec::{Deployment, LeaseSpec, Overrides};
use crate::task::{IntoTask, LeaderTask, TaskHandle};
use crate::term::TermState;
use crate::term::testing::{Story, is_drained};
use lease_protocol::election::{Deadlines, FencingToken, Grant, LossReason, StopReason};

const SPEC: LeaseSpec = LeaseSpec::new("ledger");

impl Story {
    /// Adds a line when it is dropped.
    fn at_the_end(&self, what: &str) -> impl Drop + Send + use<> {
        struct AtTheEnd(Story, String);
        impl Drop for AtTheEnd {
            fn drop(&mut self) {
                self.0.add(self.1.clone());
            }
        }
        AtTheEnd(self.clone(), what.to_owned())
    }
}

/// The elector as the supervisor sees it.
struct Elector {
    clock: Arc<TokioClock>,
    entry: Arc<Entry>,
    stop: CancellationToken,
    terms: u64,
    exits: mpsc::UnboundedSender<Box<Error>>,
    /// Errors that have to end the process.
    _exit: mpsc::UnboundedReceiver<Box<Error>>,
}

impl Elector {
    fn with<K: IntoTask>(task: K) -> (Elector, TaskHandle<K::Output>) {
        let stop = CancellationToken::new();
        let (entry, handle) = Entry::new(task, &Deployment::new("default", Overrides::default()), stop.clone());
        let (exits, exit) = mpsc::unbounded_channel();
        let elector = Elector {
            clock: Arc::new(TokioClock::starting_at(WallTime(0))),
            entry: Arc::new(entry.unwrap()),
            stop,
            terms: 0,
            exits,
            _exit: exit,
        };
        (elector, handle)
    }

    fn deadlines(&self) -> Deadlines {
        let at = |seconds: f64| self.clock.now() + Duration::from_secs_f64(seconds);
        Deadlines { cancel_at: at(10.0), drop_at: at(11.75), hard_stop: at(12.0) }
    }

    fn grant(&mut self) -> (Arc<TermState>, JoinHandle<()>) {
        self.terms += 1;
        let grant = Grant { token: FencingToken::new(self.terms), transitions: 0, deadlines: self.deadlines() };
        let lease = LeaseId::new("default", "ledger");
        let (term_state, alive) = TermState::begin(lease, "pod_1".into(), &grant, self.clock.clone());
        let supervisor = tokio::spawn(supervise(
            self.entry.clone(),
            Term::new(term_state.clone()),
            alive,
            self.exits.clone(),
            Tellers::default(),
        ));
        (term_state, supervisor)
    }
}

async fn seconds(seconds: f64) {
    sleep(Duration::from_secs_f64(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_returns_is_done() {
    let task = LeaderTask::new("t", SPEC, |_| ready(Ok::<_, String>(7)));
    let (mut elector, handle) = Elector::with(task);
    let (term_state, supervisor) = elector.grant();
    assert_eq!(handle.await.unwrap(), Ok(7));
    supervisor.await.unwrap();
    assert!(is_drained(&term_state));
    assert!(elector.entry.is_over());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_fails_or_panics_runs_again_after_a_pause_and_in_this_term_only() {
    let runs = Arc::new(AtomicUsize::new(0));
    let task = LeaderTask::new("t", SPEC, {
        let runs = runs.clone();
        move |_| {
            let run = runs.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(run.is_multiple_of(2), "an odd one");
                Err::<(), _>("an even one")
            }
        }
    });
    let (mut elector, handle) = Elector::with(task);
    let (term_state, supervisor) = elector.grant();
    seconds(9.0).await;
    let in_nine_seconds = runs.load(Ordering::SeqCst);
    assert!((3..=200).contains(&in_nine_seconds), "{in_nine_seconds} runs");
    term_state.cancel(StopReason::Lost(LossReason::NotRenewed));
    supervisor.await.unwrap();
    assert!(is_drained(&term_state));
    let in_all = runs.load(Ordering::SeqCst);
    seconds(100.0).await;
    assert_eq!(runs.load(Ordering::SeqCst), in_all);
    assert!(handle.now_or_never().is_none(), "it is not over");
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_function_itself_is_a_panic_of_the_body() {
    let runs = Arc::new(AtomicUsize::new(0));
    let task = LeaderTask::new("t", SPEC, {
        let runs = runs.clone();
        move |_| {
            assert!(runs.fetch_add(1, Ordering::SeqCst) > 0, "before there is a future");
            ready(())
        }
    });
    let (mut elector, handle) = Elector::with(task);
    let (_term_state, _supervisor) = elector.grant();
    handle.await.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_because_it_was_asked_to_runs_again_in_the_next_term() {
    let story = Story::default();
    let task = LeaderTask::new("t", SPEC, {
        let story = story.clone();
        move |term: Term| {
            let story = story.clone();
            async move {
                story.add(format!("term {} began", term.fencing_token()));
                term.cancelled().await;
                story.add(format!("term {} ended", term.fencing_token()));
            }
        }
    });
    let (mut elector, handle) = Elector::with(task);
    let (term_state, supervisor) = elector.grant();
    seconds(1.0).await;
    term_state.cancel(StopReason::Lost(LossReason::TakenBy("other".to_owned())));
    supervisor.await.unwrap();
    assert!(!elector.entry.is_over());

    let (term_state, supervisor) = elector.grant();
    seconds(1.0).await;
    term_state.cancel(StopReason::Shutdown);
    supervisor.await.unwrap();
    // No term follows a shutdown, so its output is final.
    handle.await.unwrap();
    assert_eq!(story.lines(), ["term 1 began", "term 1 ended", "term 2 began", "term 2 ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_fails_during_the_shutdown_gives_its_error() {
    let task = LeaderTask::new("t", SPEC, |term: Term| async move {
        term.cancelled().await;
        Err::<(), _>("could not flush")
    });
    let (mut elector, handle) = Elector::with(task);
    let (term_state, _supervisor) = elector.grant();
    seconds(1.0).await;
    term_state.cancel(StopReason::Shutdown);
    assert_eq!(handle.await.unwrap(), Err("could not flush"));
}

/// A body that does not end when it is asked to.
fn stubborn(story: &Story) -> LeaderTask<()> {
    LeaderTask::new("t", SPEC, {
        let story = story.clone();
        move |_| {
            let end = story.at_the_end("dropped");
            async move {
                let _end = end;
                pending().await
            }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_body_is_dropped_when_its_grace_is_used_up_while_renewals_go_on() {
    let lines = Lines::default();
    let _capture = lines.capture();
    let story = Story::default();
    let (mut elector, _handle) = Elector::with(stubborn(&story).grace(Duration::from_secs(30)));
    let (term_state, supervisor) = elector.grant();
    seconds(5.0).await;
    term_state.extend(elector.deadlines());
    term_state.cancel(StopReason::Shutdown);
    let stopped_at = elector.clock.now();
    for _ in 0..5 {
        seconds(5.0).await;
        term_state.extend(elector.deadlines());
        assert!(story.lines().is_empty());
    }
    supervisor.await.unwrap();
    assert_eq!(story.lines(), ["dropped"]);
    assert!(is_drained(&term_state));
    let took = elector.clock.now().since(stopped_at);
    assert!((30.0..30.01).contains(&took.as_secs_f64()), "{took:?}");
    assert_eq!(lines.matching(&["task was dropped", "grace_ms=30000"]), 1, "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_drops_an_idle_body_even_if_the_elector_says_nothing() {
    let lines = Lines::default();
    let _capture = lines.capture();
    let story = Story::default();
    let (mut elector, _handle) = Elector::with(stubborn(&story));
    let (term_state, supervisor) = elector.grant();
    let granted = elector.clock.now();
    while story.lines().is_empty() {
        seconds(0.01).await;
    }
    let took = elector.clock.now().since(granted);
    assert!((11.75..11.78).contains(&took.as_secs_f64()), "{took:?}");
    // The term may still be renewed, and then the body runs again.
    assert!(!supervisor.is_finished());
    term_state.extend(elector.deadlines());
    seconds(1.0).await;
    term_state.expire();
    supervisor.await.unwrap();
    assert_eq!(story.lines(), ["dropped", "dropped"]);
    assert!(is_drained(&term_state));
    assert_eq!(lines.matching(&["task was dropped"]), 2, "{lines:?}");
    assert_eq!(lines.matching(&["grace_ms"]), 0, "the grace was not up: {lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_stopped_is_dropped_without_grace() {
    let story = Story::default();
    let (mut elector, handle) = Elector::with(stubborn(&story).grace(Duration::from_secs(3600)));
    let (term_state, supervisor) = elector.grant();
    seconds(1.0).await;
    term_state.cancel(StopReason::Shutdown);
    seconds(1.0).await;
    let before = elector.clock.now();
    elector.stop.cancel();
    supervisor.await.unwrap();
    assert_eq!(elector.clock.now(), before);
    assert_eq!(story.lines(), ["dropped"]);
    assert!(matches!(handle.await, Err(Error::Stopped { task, .. }) if task == "t"));
}

#[tokio::test(start_paused = true)]
async fn children_of_a_failed_body_are_gone_before_it_runs_again() {
    let story = Story::default();
    let task = LeaderTask::new("t", SPEC, {
        let story = story.clone();
        let mut run = 0;
        move |term: Term| {
            run += 1;
            let (story, run) = (story.clone(), run);
            async move {
                story.add(format!("run {run}"));
                let end = story.at_the_end(&format!("child {run} dropped"));
                drop(term.spawn(async move {
                    let _end = end;
                    pending::<()>().await;
                }));
                if run == 1 {
                    return Err("failed");
                }
                pending().await
            }
        }
    });
    let (mut elector, _handle) = Elector::with::<LeaderTask<Result<(), _>>>(task);
    let (term_state, supervisor) = elector.grant();
    seconds(5.0).await;
    assert_eq!(story.lines(), ["run 1", "child 1 dropped", "run 2"]);
    term_state.expire();
    supervisor.await.unwrap();
    assert_eq!(story.lines()[3..], ["child 2 dropped"]);
}

#[tokio::test(start_paused = true)]
async fn a_task_is_done_when_its_children_are() {
    let task = LeaderTask::new("t", SPEC, |term: Term| async move {
        drop(term.spawn(seconds(3.0)));
    });
    let (mut elector, handle) = Elector::with(task);
    let (_term_state, _supervisor) = elector.grant();
    let before = elector.clock.now();
    handle.await.unwrap();
    assert_eq!(elector.clock.now().since(before), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn an_argument_that_panics_when_dropped_does_not_harm() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("while being dropped");
        }
    }
    let bomb = Bomb;
    let task = LeaderTask::new("t", SPEC, move |_| {
        let _ = &bomb;
        ready(())
    });
    let (mut elector, handle) = Elector::with(task);
    let (term_state, supervisor) = elector.grant();
    handle.await.unwrap();
    supervisor.await.unwrap();
    assert!(is_drained(&term_state));
}

#[test]
fn a_runtime_that_goes_away_takes_its_bodies_along() {
    let story = Story::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let (term_state, handle) = runtime.block_on(async {
        let (mut elector, handle) = Elector::with(stubborn(&story));
        let (term_state, _supervisor) = elector.grant();
        seconds(0.05).await;
        (term_state, handle)
    });
    assert!(!is_drained(&term_state));
    drop(runtime);
    assert_eq!(story.lines(), ["dropped"]);
    assert!(is_drained(&term_state));
    assert!(matches!(handle.now_or_never(), Some(Err(Error::CandidateGone { .. }))));
}

/// The runtime of the driver goes away, while that of the body continues.
#[tokio::test(start_paused = true)]
async fn a_body_does_not_outlive_its_supervisor() {
    let story = Story::default();
    let task = LeaderTask::<()>::new("stubborn", SPEC, {
        let story = story.clone();
        move |_: Term| {
            let end = story.at_the_end("dropped");
            async move {
                let _end = end;
                pending().await
            }
        }
    });
    let (mut elector, _handle) = Elector::with(task);
    let (term_state, supervisor) = elector.grant();
    sleep(Duration::from_secs(1)).await;
    supervisor.abort();
    let drained = tokio::time::timeout(Duration::from_secs(5), term_state.drained()).await;
    assert!(drained.is_ok(), "the body was not dropped");
    assert_eq!(story.lines(), ["dropped"]);
}
