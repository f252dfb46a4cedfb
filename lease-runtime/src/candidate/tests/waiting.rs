//! Bodies and warm-ups that wait for other tasks, and those that would wait forever for themselves.

use std::fmt;
use tokio::sync::oneshot;

use super::*;
use crate::elector::tests::log::Lines;
use crate::policy::Restart;
use crate::task::TaskHandle;

const SAID: &str = "a body waits for a task that cannot run before the body has ended";

/// A task that waits for another one, and notes how that ended.
fn waiting<T: fmt::Debug + Send + 'static>(
    story: &Story,
    wait: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> LeaderTask<()> {
    let (story, mut wait) = (story.clone(), Some(wait));
    LeaderTask::new("waiting", LEDGER, move |_| {
        let (story, wait) = (story.clone(), wait.take());
        async move {
            let Some(wait) = wait else { return };
            story.add(match wait.await {
                Ok(value) => format!("got {value:?}"),
                Err(Error::WaitsForItself { .. }) => "waits for itself".to_owned(),
                Err(error) => error.to_string(),
            });
        }
    })
}

fn seven(spec: LeaseSpec) -> LeaderTask<Result<u32, String>> {
    LeaderTask::new("seven", spec, |_| async { Ok(7) })
}

/// Adds a task to another candidate when it is polled, and waits for it.
fn added(
    candidate: &Candidate,
    task: LeaderTask<Result<u32, String>>,
) -> impl Future<Output = Result<u32, Error>> + use<> {
    let candidate = candidate.clone();
    async move { candidate.add(task).await.map(Result::unwrap) }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_waits_for_a_task_of_its_lease_under_another_candidate_gets_an_error() {
    let lines = Lines::default();
    let _capture = lines.capture();
    let world = World::new();
    let (a, b) = (world.candidate("a").await, world.candidate("b").await);
    let others = Running::start(&b);
    a.add(waiting(&world.story, added(&b, seven(LEDGER))));
    within(60, a.run()).await.unwrap();
    assert_eq!(world.story.lines(), ["waits for itself"]);
    assert_eq!(
        lines.matching(&[SAID, "waiting", "seven", "ledger", "give one of them a lease of its own"]),
        1,
        "{lines:?}"
    );
    others.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_child_of_a_body_that_waits_for_a_task_of_its_lease_gets_an_error() {
    let world = World::new();
    let (a, b) = (world.candidate("a").await, world.candidate("b").await);
    let others = Running::start(&b);
    let (story, other) = (world.story.clone(), b.clone());
    a.add(LeaderTask::new("waiting", LEDGER, move |term: Term| {
        let (wait, story) = (added(&other, seven(LEDGER)), story.clone());
        async move {
            let waited = term.spawn(wait).await.unwrap();
            story.add(format!("{}", matches!(waited, Err(Error::WaitsForItself { .. }))));
        }
    }));
    within(60, a.run()).await.unwrap();
    assert_eq!(world.story.lines(), ["true"]);
    others.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_body_that_waits_for_its_own_end_gets_an_error() {
    let world = World::new();
    let a = world.candidate("a").await;
    let (give, handle) = oneshot::channel::<TaskHandle<()>>();
    let own = a.add(waiting(&world.story, async move { handle.await.unwrap().await }));
    give.send(own).unwrap();
    within(60, a.run()).await.unwrap();
    assert_eq!(world.story.lines(), ["waits for itself"]);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_task_that_can_run_is_allowed() {
    let lines = Lines::default();
    let _capture = lines.capture();
    // Tasks of another lease; of the same lease and candidate, which run together; of a lease of the same name in another cluster.
    let (world, elsewhere) = (World::new(), World::new());
    let (a, b, c) = (world.candidate("a").await, world.candidate("b").await, elsewhere.candidate("c").await);
    let others = [Running::start(&b), Running::start(&c)];
    let waits = [added(&b, seven(SHARD)), added(&a, seven(LEDGER)), added(&c, seven(LEDGER))];
    let running = Running::start(&a);
    for (number, wait) in waits.into_iter().enumerate() {
        a.add(waiting(&world.story, wait));
        world.story.grown_to(number + 1).await;
        seconds(5).await;
    }
    assert_eq!(world.story.lines(), ["got 7"; 3]);
    assert_eq!(lines.matching(&[SAID]), 0, "{lines:?}");
    running.end().await.unwrap();
    for others in others {
        others.end().await.unwrap();
    }
}

/// A `tokio::spawn` continues without the body, so it can wait for a task that runs when the body has ended.
#[tokio::test(start_paused = true)]
async fn a_future_that_continues_without_the_body_may_wait() {
    let world = World::new();
    let (a, b) = (world.candidate("a").await, world.candidate("b").await);
    let others = Running::start(&b);
    let (story, other) = (world.story.clone(), b.clone());
    a.add(LeaderTask::new("starting", LEDGER, move |_| {
        let (wait, story) = (added(&other, seven(LEDGER)), story.clone());
        async move {
            drop(tokio::spawn(async move { story.add(format!("{:?}", wait.await.ok())) }));
            seconds(5).await;
        }
    }));
    within(60, a.run()).await.unwrap();
    assert_eq!(world.story.grown_to(1).await, ["Some(7)"]);
    others.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_that_waits_for_a_task_of_its_own_lease_lets_it_run() {
    let lines = Lines::default();
    let _capture = lines.capture();
    let world = World::new();
    let a = world.candidate("a").await;
    let story = world.story.clone();
    let migration = a.add(LeaderTask::new("migrate", LEDGER, move |_| {
        let story = story.clone();
        async move {
            seconds(5).await;
            story.add("migrated");
        }
    }));
    a.add(world.obedient("serve", LEDGER).warm_up(migration.completed()));
    let running = Running::start(&a);
    assert_eq!(world.story.grown_to(2).await, ["migrated", "serve began"]);
    let said = ["the warm-up of a task waits for another task of its own lease", "serve", "migrate", "ledger"];
    assert_eq!(lines.matching(&said), 1, "{lines:?}");
    running.end().await.unwrap();
}

/// A replica that waits for a task that will not be done here must not keep others from trying.
#[tokio::test(start_paused = true)]
async fn a_warm_up_that_waits_in_vain_does_not_hold_the_lease() {
    let world = World::new();
    let a = world.candidate("a").await;
    let failing = LeaderTask::new("migrate", LEDGER, |_| async { Err::<(), _>("no") });
    let migration = a.add(failing.restart(Restart::Never));
    a.add(world.obedient("serve", LEDGER).warm_up(migration.completed()));
    let running = Running::start(&a);
    assert!(within(60, migration).await.unwrap().is_err());
    until(|| world.holder("ledger").as_deref() == Some("")).await;
    seconds(60).await;
    assert_eq!((world.story.lines(), world.holder("ledger").as_deref()), (vec![], Some("")));
    running.end().await.unwrap();
}

/// When a task is spawned, it is not known at once which candidate it is added to.
#[tokio::test(start_paused = true)]
async fn warm_ups_that_wait_for_a_later_task_let_it_run() {
    let world = World::new();
    let a = world.candidate("a").await;
    let (_outcome, receiver) = oneshot::channel();
    let completed = CancellationToken::new();
    let spawned = TaskHandle::<()>::new("migrate".into(), receiver, completed.clone());
    a.add(world.obedient("one", LEDGER).warm_up(spawned.completed()));
    a.add(world.obedient("two", LEDGER).warm_up(spawned.completed()));
    let running = Running::start(&a);
    seconds(5).await;
    let migration = a.add(seven(LEDGER));
    spawned.target().put_as(migration.target());
    assert_eq!(within(60, migration).await.unwrap(), Ok(7));
    completed.cancel();
    within(60, world.story.grown_to(2)).await;
    running.end().await.unwrap();
}
