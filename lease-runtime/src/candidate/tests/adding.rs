//! Adding tasks, before and while the candidate runs.

use super::*;
use crate::candidate::lease_tasks::LeaseTasks;
use crate::elector::tests::log::Lines;
use crate::spec::{Deployment, Overrides};

fn done(name: &'static str, spec: LeaseSpec, story: &Story) -> LeaderTask<Result<u32, String>> {
    let story = story.clone();
    LeaderTask::new(name, spec, move |term: Term| {
        let story = story.clone();
        async move {
            story.add(format!("{name} in term {}", term.fencing_token()));
            sleep(Duration::from_secs(1)).await;
            Ok(7)
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_candidate_whose_tasks_are_over_has_released_their_leases() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let one = candidate.add(done("one", LEDGER, &world.story));
    let two = candidate.add(done("two", SHARD, &world.story));
    within(60, candidate.run()).await.unwrap();
    assert_eq!((one.await.unwrap(), two.await.unwrap()), (Ok(7), Ok(7)));
    assert_eq!((world.holder("ledger").as_deref(), world.holder("shard").as_deref()), (Some(""), Some("")));
    assert_eq!(
        candidate.leases().iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["default/ledger", "default/shard"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_candidate_without_tasks_has_nothing_to_run() {
    let world = World::new();
    within(1, world.candidate("a").await.run()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_held_until_the_last_of_its_tasks_is_over() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let one = candidate.add(done("one", LEDGER, &world.story));
    candidate.add(world.obedient("two", LEDGER));
    let running = tokio::spawn(async move { candidate.run_until(seconds(60)).await });
    within(60, one).await.unwrap().unwrap();
    seconds(20).await;
    assert_eq!(world.holder("ledger").as_deref(), Some("a"));
    within(60, running).await.unwrap().unwrap();
    assert_eq!(world.holder("ledger").as_deref(), Some(""));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_added_while_running_starts_at_once() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    candidate.add(world.obedient("one", LEDGER));
    let running = tokio::spawn({
        let candidate = candidate.clone();
        async move { candidate.run_until(seconds(100)).await }
    });
    world.story.grown_to(1).await;
    let before = world.clock.now();
    // One task into the current term, and one into an election of its own.
    candidate.add(world.obedient("two", LEDGER));
    world.story.grown_to(2).await;
    candidate.add(world.obedient("three", SHARD));
    assert_eq!(world.story.grown_to(3).await, ["one began", "two began", "three began"]);
    assert!(world.clock.now().since(before) < Duration::from_secs(1));
    within(120, running).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lease_can_be_taken_up_again_after_its_tasks_were_over() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let running = tokio::spawn({
        let candidate = candidate.clone();
        async move { candidate.run_until(seconds(1000)).await }
    });
    tokio::task::yield_now().await;
    let first = candidate.add(done("one", LEDGER, &world.story));
    within(60, first).await.unwrap().unwrap();
    // Once while the lease is being released, with the same timings, and once afterwards, with others.
    let second = candidate.add(done("one", LEDGER, &world.story));
    within(60, second).await.unwrap().unwrap();
    until(|| world.holder("ledger").as_deref() == Some("")).await;
    seconds(60).await;
    let third = candidate.add(done("one", LEDGER.lease_duration(Duration::from_secs(30)), &world.story));
    within(60, third).await.unwrap().unwrap();
    let lines = world.story.lines();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines.windows(2).all(|two| two[0] != two[1]), "each in a term of its own: {lines:?}");
    running.abort();
}

/// Lets each task that is ready be polled once. `yield_now` would wait until none is ready.
async fn one_step() {
    let mut stepped = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut stepped, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// The task is added at each point between the end of the last task and the release of its lease.
#[tokio::test(start_paused = true)]
async fn a_task_that_comes_while_the_lease_is_being_given_up_is_not_lost() {
    for steps in 0..100 {
        let world = World::new();
        let candidate = world.candidate("a").await;
        let running = tokio::spawn({
            let candidate = candidate.clone();
            async move { candidate.run_until(seconds(1000)).await }
        });
        tokio::task::yield_now().await;
        // It is a task like the others. The test itself is polled only when the runtime has nothing else to do.
        let story = world.story.clone();
        let adding = tokio::spawn(async move {
            let first = candidate.add(done("one", LEDGER, &story));
            within(60, first).await.unwrap().unwrap();
            for _ in 0..steps {
                one_step().await;
            }
            let second = candidate.add(done("two", LEDGER, &story));
            within(60, second).await.unwrap().unwrap();
        });
        adding.await.unwrap();
        until(|| world.holder("ledger").as_deref() == Some("")).await;
        running.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn two_tasks_of_one_name_on_one_lease_are_refused() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let first = candidate.add(world.obedient("one", LEDGER));
    let second = candidate.add(world.obedient("one", LEDGER));
    let _elsewhere = candidate.add(world.obedient("one", SHARD));
    let sentence = "lease `default/ledger` has a task `one` already: name one of them with `.name(..)`, or give it a lease \
                    of its own with `.lease(..)`";
    assert_eq!(within(1, second).await.unwrap_err().to_string(), sentence);
    assert_eq!(within(1, candidate.run_until(pending::<()>())).await.unwrap_err().to_string(), sentence);
    assert!(world.story.lines().is_empty() && !first.is_finished());
}

#[tokio::test(start_paused = true)]
async fn different_timings_on_one_lease_are_refused_and_both_tasks_named() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    candidate.add(world.obedient("one", LEDGER));
    candidate.add(world.obedient("two", LEDGER).lease_duration(Duration::from_secs(30)));
    assert_eq!(
        within(1, candidate.run()).await.unwrap_err().to_string(),
        "task `two` asks for lease_duration 30s, renew_deadline 20s, retry_period 4s, but task `one` of the same lease \
         `default/ledger` for lease_duration 15s, renew_deadline 10s, retry_period 2s: give both the same timings, or a \
         lease each"
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_not_valid_is_refused_before_the_start_and_only_reported_after() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let wrong = candidate.add(world.obedient("one", LEDGER).lease("Ledger"));
    assert!(matches!(within(1, wrong).await, Err(Error::Spec { .. })));
    assert!(matches!(within(1, candidate.run()).await, Err(Error::Spec { .. })));

    let candidate = world.candidate("b").await;
    candidate.add(world.obedient("one", LEDGER));
    let running = tokio::spawn({
        let candidate = candidate.clone();
        async move { candidate.run_until(seconds(60)).await }
    });
    world.story.grown_to(1).await;
    let wrong = candidate.add(world.obedient("one", LEDGER));
    assert!(matches!(within(1, wrong).await, Err(Error::DuplicateTask { .. })));
    within(120, running).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_candidate_returns_its_identity_and_status() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    assert!(candidate.identity().starts_with("a_"));
    assert_eq!(candidate.namespace(), "default");
    assert!(candidate.status("ledger").is_none());
    candidate.add(world.obedient("one", LEDGER.namespace("kube-system")));
    assert!(candidate.status("ledger").is_none(), "not in this namespace");
    let status = candidate.status("kube-system/ledger").unwrap();
    assert_eq!(status.borrow().standing, Standing::Out);
    assert!(candidate.health().is_alive());
}

#[tokio::test(start_paused = true)]
async fn an_invalid_namespace_is_refused() {
    let api = EmbeddedApi::new();
    let built = Candidate::builder().client(api.client("default")).namespace("No Such").build().await;
    let error = built.unwrap_err().to_string();
    assert!(error.starts_with("the candidate's namespace is not valid: a namespace must consist of"), "{error}");
}

#[test]
fn outside_of_a_runtime_there_is_an_error_and_no_panic() {
    use futures_util::FutureExt;
    let built = Candidate::from_env().now_or_never().unwrap();
    assert!(matches!(built, Err(Error::NoRuntime)));
    let story = Story::default();
    let spawned = done("one", LEDGER, &story).spawn();
    assert!(matches!(spawned.now_or_never(), Some(Err(Error::NoRuntime))));
}

/// A caller that waits for a task may add it again when it has failed, before the driver has noticed.
#[tokio::test(start_paused = true)]
async fn tasks_that_their_driver_has_ended_keep_the_driver() {
    let entry = |name| {
        let task = LeaderTask::new(name, LEDGER, |_| async {});
        Arc::new(
            Entry::new(task, &Deployment::new("default", Overrides::default()), CancellationToken::new()).0.unwrap(),
        )
    };
    let (lease_tasks, here) = (LeaseTasks::new(&LeaseId::new("default", "ledger"), None), Handle::current());
    lease_tasks.admit(&entry("one")).unwrap();
    assert!(lease_tasks.enroll(&here));
    lease_tasks.disband(Entry::stopped);
    lease_tasks.admit(&entry("two")).unwrap();
    assert!(!lease_tasks.enroll(&here), "a second driver beside the first");
    assert!(!lease_tasks.retire(), "there is something left to do");
    // The driver is dropped with its runtime, and so are its tasks.
    lease_tasks.abandon(Entry::stopped);
    lease_tasks.admit(&entry("three")).unwrap();
    assert!(lease_tasks.enroll(&here), "it has no driver");
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_is_dropped_without_having_run_its_tasks_logs_it() {
    let world = World::new();
    let lines = Lines::default();
    let _capture = lines.capture();
    let never = ["WARN", "never ran", "run_until(shutdown_signal())"];
    drop(world.candidate("a").await);
    assert_eq!(lines.matching(&never), 0, "{lines:?}");
    let candidate = world.candidate("a").await;
    candidate.add(world.obedient("one", LEDGER));
    drop(candidate);
    assert_eq!(lines.matching(&never), 1, "{lines:?}");
    let candidate = world.candidate("a").await;
    candidate.add(world.obedient("one", LEDGER));
    within(60, candidate.run_until(seconds(1))).await.unwrap();
    drop(candidate);
    assert_eq!(lines.matching(&never), 1, "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_added_late_and_refused_ends_its_own_tasks_only() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    candidate.add(world.obedient("one", LEDGER));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    for status in [401, 403] {
        // Only requests for this lease, and only once, as while a token is being rotated.
        world.api.inject(
            crate::embedded::RequestMatcher::leases().name("shard").times(1),
            crate::embedded::Fault::status(status),
        );
        let refused = candidate.add(world.obedient("two", SHARD));
        let error = within(60, refused).await.unwrap_err();
        assert!(matches!(&error, Error::Election { lease, .. } if &*lease.name == "shard"), "{error}");
        seconds(60).await;
        assert_eq!(world.holder("ledger").as_deref(), Some("a"));
    }
    // The lease can be tried again.
    candidate.add(world.obedient("two", SHARD));
    assert_eq!(world.story.grown_to(2).await, ["one began", "two began"]);
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lease_whose_tasks_are_over_is_forgotten() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    candidate.add(world.obedient("one", LEDGER));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    for number in 0..50 {
        let job = LeaderTask::new("job", LeaseSpec::unnamed(), |_| async {}).lease(format!("job-{number}"));
        within(60, candidate.add(job)).await.unwrap();
    }
    until(|| world.holder("job-49").as_deref() == Some("")).await;
    seconds(1).await;
    // The last ones can still be read.
    assert_eq!(candidate.leases().len(), 1 + inner::REMEMBERED, "{:?}", candidate.leases());
    assert!(candidate.status("job-49").is_some() && candidate.status("ledger").is_some());
    running.end().await.unwrap();
}
