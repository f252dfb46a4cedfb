//! The effect of each setting of a task, under a candidate. Each test fails if the setting is ignored.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::clock::Moment;
use crate::policy::{OnExhausted, Restart};

/// Notes when its body begins.
struct Runs {
    clock: Arc<dyn Clock>,
    at: Mutex<Vec<Moment>>,
}

impl Runs {
    fn of(world: &World) -> Arc<Runs> {
        Arc::new(Runs { clock: world.clock.clone(), at: Mutex::default() })
    }

    fn note(&self) -> usize {
        let mut at = self.at.lock().unwrap();
        at.push(self.clock.now());
        at.len()
    }

    fn count(&self) -> usize {
        self.at.lock().unwrap().len()
    }

    /// The pauses between them.
    fn pauses(&self) -> Vec<Duration> {
        self.at.lock().unwrap().windows(2).map(|pair| pair[1].since(pair[0])).collect()
    }

    /// A task that notes when it runs, and then runs this.
    fn task<T, F>(self: &Arc<Self>, body: F) -> LeaderTask<T>
    where
        T: crate::task::TaskOutput,
        F: FnMut(usize) -> T + Clone + Send + 'static,
    {
        let runs = self.clone();
        LeaderTask::new("t", LEDGER, move |_| {
            let (runs, mut body) = (runs.clone(), body.clone());
            async move { body(runs.note()) }
        })
    }
}

const MANY: (u32, Duration) = (1_000_000, Duration::from_secs(1));

#[tokio::test(start_paused = true)]
async fn restart_says_which_ends_are_followed_by_another_run() {
    for (restart, returns, fails) in
        [(Restart::Always, true, true), (Restart::OnFailure, false, true), (Restart::Never, false, false)]
    {
        for (failing, again) in [(false, returns), (true, fails)] {
            let world = World::new();
            let candidate = world.candidate("a").await;
            let runs = Runs::of(&world);
            let task = runs.task(move |_| if failing { Err("no") } else { Ok(()) });
            let handle = candidate.add(task.restart(restart).max_restarts(MANY.0, MANY.1));
            let running = Running::start(&candidate);
            seconds(30).await;
            assert_eq!(runs.count() > 1, again, "{restart:?}, failing: {failing}");
            assert_eq!(handle.is_finished(), !again, "{restart:?}, failing: {failing}");
            running.end().await.unwrap();
            if !again {
                assert_eq!(handle.await.unwrap(), if failing { Err("no") } else { Ok(()) });
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_run_again_after_a_panic_says_what_went_wrong() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let runs = Runs::of(&world);
    let handle = candidate.add(runs.task(|_| -> () { panic!("out of ink") }).restart(Restart::Never));
    let running = Running::start(&candidate);
    let error = within(60, handle).await.unwrap_err();
    assert_eq!(error.to_string(), "task `t` of lease `default/ledger` panicked: out of ink, and is not to run again");
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn backoff_bounds_the_pauses() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let runs = Runs::of(&world);
    let backoff = Duration::from_millis(10)..=Duration::from_millis(40);
    candidate.add(runs.task(|_| Err::<(), _>("no")).backoff(backoff).max_restarts(MANY.0, MANY.1));
    let running = Running::start(&candidate);
    until(|| runs.count() > 200).await;
    running.end().await.unwrap();
    let pauses = runs.pauses();
    let bounds = [10, 20, 40].into_iter().chain(std::iter::repeat(40)).map(Duration::from_millis);
    // A timer is rounded up to a millisecond.
    let slack = Duration::from_millis(2);
    assert!(pauses.iter().zip(bounds).all(|(pause, bound)| *pause <= bound + slack), "{pauses:?}");
    assert!(pauses.iter().any(|pause| *pause > Duration::from_millis(20)), "they do not grow: {pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn max_restarts_and_then_stop() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let runs = Runs::of(&world);
    let task = runs.task(|_| Err::<(), _>("no")).max_restarts(2, Duration::from_secs(3600));
    let handle = candidate.add(task.on_exhausted(OnExhausted::Stop));
    candidate.add(world.obedient("other", LEDGER));
    let running = Running::start(&candidate);
    let error = within(600, handle).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "task `t` of lease `default/ledger` keeps failing, its restarts are used up (2 in 3600s), and it failed with \"no\": \
         fix it, or allow more with `max_restarts`"
    );
    assert_eq!(runs.count(), 3);
    seconds(60).await;
    assert_eq!(world.story.lines(), ["other began"], "the others go on");
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn max_restarts_counts_within_its_time() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let runs = Runs::of(&world);
    let slow = runs.clone();
    let task = LeaderTask::new("t", LEDGER, move |_| {
        let runs = slow.clone();
        async move {
            runs.note();
            seconds(50).await;
            Err::<(), _>("no")
        }
    });
    let task = task.max_restarts(2, Duration::from_secs(60)).on_exhausted(OnExhausted::Stop);
    let handle = candidate.add(task);
    let running = Running::start(&candidate);
    seconds(1000).await;
    assert!(runs.count() > 9, "{} runs", runs.count());
    assert!(!handle.is_finished());
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_task_that_keeps_failing_resigns_and_another_replica_tries() {
    let world = World::new();
    let (a, b) = (world.candidate("a").await, world.candidate("b").await);
    let runs = Runs::of(&world);
    let task = runs.task(|_| Err::<(), _>("no")).max_restarts(1, Duration::from_secs(60));
    a.add(task.backoff(Duration::from_millis(1)..=Duration::from_millis(2)));
    a.add(world.obedient("with_it", LEDGER));
    let in_a = Running::start(&a);
    world.story.grown_to(1).await;
    b.add(world.obedient("in_b", LEDGER));
    let before = world.clock.now();
    let in_b = Running::start(&b);
    let lines = world.story.grown_to(3).await;
    assert_eq!(lines, ["with_it began", "with_it ended, lease held", "in_b began"]);
    assert!(world.clock.now().since(before) < Duration::from_secs(1), "released, not waited out");
    assert_eq!(a.status("ledger").unwrap().borrow().last_stop, Some(StopReason::SteppedDown));
    seconds(60).await;
    assert_eq!(runs.count(), 2);
    // It takes part again, and counts from zero.
    in_b.end().await.unwrap();
    until(|| runs.count() == 4).await;
    in_a.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_resigns_sits_out_one_lease_duration() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let runs = Runs::of(&world);
    candidate.add(runs.task(|_| Err::<(), _>("no")).max_restarts(0, Duration::from_secs(60)));
    let running = Running::start(&candidate);
    until(|| runs.count() == 3).await;
    let pauses = runs.pauses();
    assert!(pauses.iter().all(|pause| (15.0..16.0).contains(&pause.as_secs_f64())), "{pauses:?}");
    // The shutdown does not wait for it.
    let before = world.clock.now();
    running.end().await.unwrap();
    assert!(world.clock.now().since(before) < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn initial_delay_comes_before_the_first_run_of_each_term() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let runs = Runs::of(&world);
    let delayed = runs.clone();
    let task = LeaderTask::new("t", LEDGER, move |term: Term| {
        delayed.note();
        async move { term.cancelled().await }
    });
    candidate.add(task.initial_delay(Duration::from_secs(7)));
    candidate.add(world.obedient("other", LEDGER));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    let began = world.clock.now();
    until(|| runs.count() == 1).await;
    let waited = world.clock.now().since(began);
    assert!((7.0..7.1).contains(&waited.as_secs_f64()), "{waited:?}");
    assert!(candidate.step_down("ledger"));
    world.story.grown_to(3).await;
    seconds(6).await;
    assert_eq!(runs.count(), 1);
    until(|| runs.count() == 2).await;
    // The lease is not held for a delay.
    assert!(candidate.step_down("ledger"));
    world.story.grown_to(5).await;
    let before = world.clock.now();
    running.end().await.unwrap();
    assert!(world.clock.now().since(before) < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn timeout_drops_a_run_with_its_children_and_counts_as_a_failure() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let (story, runs) = (world.story.clone(), Arc::new(AtomicUsize::new(0)));
    let task = LeaderTask::new("t", LEDGER, move |term: Term| {
        let (story, run) = (story.clone(), runs.fetch_add(1, Ordering::SeqCst));
        async move {
            if run == 1 {
                return;
            }
            let child = story.clone();
            drop(term.spawn(async move {
                let _end = AtTheEnd(Some(move || child.add("child dropped")));
                pending::<()>().await;
            }));
            let _end = AtTheEnd(Some(move || story.add("body dropped")));
            pending().await
        }
    });
    let handle = candidate.add(task.timeout(Duration::from_secs(5)));
    let running = Running::start(&candidate);
    let before = world.clock.now();
    within(60, handle).await.unwrap();
    let took = world.clock.now().since(before);
    assert!((5.0..6.5).contains(&took.as_secs_f64()), "{took:?}");
    let mut lines = world.story.lines();
    lines.sort();
    assert_eq!(lines, ["body dropped", "child dropped"]);
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn invalid_settings_are_refused_when_the_task_is_added() {
    let seconds = Duration::from_secs;
    let task = || LeaderTask::new("t", LEDGER, |_| async {});
    for (task, hint) in [
        (task().backoff(seconds(60)..=seconds(1)), "backoff must not end below its beginning"),
        (task().backoff(Duration::ZERO..=seconds(1)), "backoff must begin with a pause that is not zero"),
        (task().max_restarts(5, Duration::ZERO), "max_restarts needs a time to count in"),
        (task().timeout(Duration::ZERO), "timeout must not be zero"),
        (LeaderTask::new("t", LeaseSpec::unnamed(), |_| async {}), "has no lease to run under"),
    ] {
        let world = World::new();
        let candidate = world.candidate("a").await;
        let error = within(60, candidate.add(task)).await.unwrap_err().to_string();
        assert!(error.starts_with("task `t` ") && error.contains(hint), "{error}");
        assert_eq!(within(60, candidate.run()).await.unwrap_err().to_string(), error);
    }
}

/// The body has returned in time, but its children have not.
#[tokio::test(start_paused = true)]
async fn a_run_whose_children_take_too_long_is_not_done() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let task = LeaderTask::new("t", LEDGER, |term: Term| async move { drop(term.spawn(pending::<()>())) });
    let handle = candidate.add(task.timeout(Duration::from_secs(5)).restart(Restart::Never));
    let running = Running::start(&candidate);
    let error = within(60, handle).await.unwrap_err().to_string();
    assert!(error.contains("timed out after 5s"), "{error}");
    running.end().await.unwrap();
}

/// A run that takes longer than its timeout within one poll returns by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_that_outlasts_the_timeout_has_failed_and_does_not_run_again_and_again() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let runs = Runs::of(&world);
    let task = runs.task(|_| std::thread::sleep(Duration::from_millis(100)));
    let task = task.timeout(Duration::from_millis(10)).max_restarts(0, Duration::from_secs(60));
    let handle = candidate.add(task.on_exhausted(OnExhausted::Stop));
    let running = Running::start(&candidate);
    let error = within(30, handle).await.unwrap_err().to_string();
    assert!(error.contains("timed out after 10ms"), "{error}");
    assert_eq!(runs.count(), 1);
    running.end().await.unwrap();
}
