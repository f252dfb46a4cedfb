//! Tasks that run once, and tasks that wait for them.

use super::*;

fn migration(story: &Story, who: &'static str, takes: u64) -> LeaderTask<Result<(), String>> {
    telling(story, "migrate", who, takes).once()
}

#[tokio::test(start_paused = true)]
async fn a_migration_runs_once_and_every_replica_learns_that_it_is_done() {
    let world = World::new();
    let (a, b) = (world.candidate("a").await, world.candidate("b").await);
    let of_a = a.add(migration(&world.story, "a", 20));
    let first = Running::start(&a);
    seconds(5).await;
    let of_b = b.add(migration(&world.story, "b", 20));
    let done = of_b.completed();
    let second = Running::start(&b);
    seconds(10).await;
    assert!(!of_a.is_finished() && !of_b.is_finished());
    within(60, done).await;
    assert_eq!(world.story.lines().len(), 2, "{:?}", world.story.lines());
    assert_eq!(within(60, of_b).await.unwrap(), Ok(()));
    assert_eq!(within(60, of_a).await.unwrap(), Ok(()));
    // There is nothing more to lead for.
    until(|| world.holder("ledger").as_deref() == Some("")).await;
    // A replica that comes later finds it done.
    let c = world.candidate("c").await;
    let of_c = c.add(migration(&world.story, "c", 20));
    let third = Running::start(&c);
    assert_eq!(within(60, of_c).await.unwrap(), Ok(()));
    assert_eq!(world.story.lines().len(), 2, "{:?}", world.story.lines());
    for running in [first, second, third] {
        running.end().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_of_another_lease_waits_for_the_migration() {
    let world = World::new();
    let a = world.candidate("a").await;
    let migrated = a.add(migration(&world.story, "a", 30));
    a.add(world.obedient("serve", SHARD).warm_up(migrated.completed()));
    let running = Running::start(&a);
    let lines = world.story.grown_to(3).await;
    assert!(lines[1].ends_with("done") && lines[2] == "serve began", "{lines:?}");
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_migration_comes_first_in_a_sequence_and_is_not_repeated_by_the_next_leader() {
    let world = World::new();
    let group = |who| {
        crate::TaskGroup::sequence("startup")
            .with(migration(&world.story, who, 5))
            .with(world.obedient("serve", LEDGER))
    };
    let (a, b) = (world.candidate("a").await, world.candidate("b").await);
    a.add(group("a"));
    let first = Running::start(&a);
    let lines = world.story.grown_to(3).await;
    assert!(lines[0].starts_with("a ") && lines[1].ends_with("done") && lines[2] == "serve began", "{lines:?}");
    b.add(group("b"));
    let second = Running::start(&b);
    first.end().await.unwrap();
    let lines = world.story.grown_to(5).await;
    assert_eq!(lines[3..5], ["serve ended, lease held", "serve began"]);
    second.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_migration_is_done_again_only_if_that_was_asked_for() {
    for (delivery, again) in [(Delivery::AtLeastOnce, true), (Delivery::AtMostOnce, false)] {
        let world = World::new();
        let (a, b) = (world.candidate("a").await, world.candidate("b").await);
        a.add(migration(&world.story, "a", 60).delivery(delivery));
        let first = Running::start(&a);
        seconds(10).await;
        world.api.inject(RequestMatcher::any().caller("a"), Fault::hang());
        let of_b = b.add(migration(&world.story, "b", 5).delivery(delivery));
        let second = Running::start(&b);
        seconds(60).await;
        assert_eq!(of_b.is_finished(), again, "{delivery:?}: {:?}", world.story.lines());
        let state = if again { TickOutcome::Done } else { TickOutcome::Abandoned };
        assert_eq!(ticks(&world, "migrate").state(), TickState::Ended(state));
        second.end().await.unwrap();
        drop(first);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_migration_is_tried_again_by_the_next_term_and_not_in_this_one() {
    let world = World::new();
    let runs = Arc::new(Mutex::new(0));
    let task = |ok: bool| {
        let runs = runs.clone();
        LeaderTask::scheduled("migrate", LEDGER, move |_: Term, _: Tick| {
            *runs.lock().unwrap() += 1;
            async move { if ok { Ok(()) } else { Err("no such table") } }
        })
        .once()
        .delivery(Delivery::AtLeastOnce)
    };
    let a = world.candidate("a").await;
    a.add(task(false));
    let first = Running::start(&a);
    seconds(60).await;
    assert_eq!(*runs.lock().unwrap(), 1);
    first.end().await.unwrap();
    let b = world.candidate("b").await;
    let of_b = b.add(task(true));
    let second = Running::start(&b);
    assert_eq!(within(60, of_b).await.unwrap(), Ok(()));
    assert_eq!(*runs.lock().unwrap(), 2);
    second.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_migration_that_is_added_to_a_lease_where_it_is_done_already_is_over() {
    let world = World::new();
    let (a, b) = (world.candidate("a").await, world.candidate("b").await);
    a.add(world.obedient("serve", LEDGER));
    let of_a = a.add(migration(&world.story, "a", 1));
    let first = Running::start(&a);
    assert_eq!(within(60, of_a).await.unwrap(), Ok(()));
    // It follows, and has seen the record.
    b.add(world.obedient("serve", LEDGER));
    let second = Running::start(&b);
    seconds(30).await;
    let of_b = b.add(migration(&world.story, "b", 1));
    assert_eq!(within(60, of_b).await.unwrap(), Ok(()));
    second.end().await.unwrap();
    first.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_handle_of_a_migration_does_not_return_the_failure_of_an_earlier_run() {
    let world = World::new();
    let task = |ok: bool| {
        let task = LeaderTask::scheduled("migrate", LEDGER, move |_: Term, _: Tick| async move {
            if ok { Ok(()) } else { Err("no such table") }
        });
        task.once().delivery(Delivery::AtLeastOnce)
    };
    let (a, b) = (world.candidate("a").await, world.candidate("b").await);
    let of_a = a.add(task(false));
    let first = Running::start(&a);
    seconds(20).await;
    b.add(task(true));
    let second = Running::start(&b);
    seconds(5).await;
    assert!(a.step_down("ledger"));
    assert_eq!(within(60, of_a).await.unwrap(), Ok(()));
    first.end().await.unwrap();
    second.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_migration_that_has_failed_for_good_is_explained_once() {
    let world = World::new();
    let lines = crate::elector::tests::log::Lines::default();
    let _capture = lines.capture();
    let a = world.candidate("a").await;
    a.add(LeaderTask::scheduled("migrate", LEDGER, |_: Term, _: Tick| async { Err::<(), _>("no such table") }).once());
    let running = Running::start(&a);
    seconds(60).await;
    assert_eq!(lines.matching(&["ERROR", "migrate", "tick failed"]), 1, "{lines:?}");
    assert_eq!(lines.matching(&["ERROR", "trigger.lease-runtime.dev/migrate", "`retry`"]), 1, "{lines:?}");
    assert_eq!(lines.count("ERROR"), 2, "{lines:?}");
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_migration_that_does_not_run_again_is_logged_by_each_leader_and_can_be_triggered() {
    let world = World::new();
    let a = world.candidate("a").await;
    a.add(migration(&world.story, "a", 60));
    let first = Running::start(&a);
    seconds(10).await;
    first.end().await.unwrap();
    let lines = crate::elector::tests::log::Lines::default();
    let _capture = lines.capture();
    let b = world.candidate("b").await;
    let of_b = b.add(migration(&world.story, "b", 5));
    let second = Running::start(&b);
    seconds(60).await;
    assert!(!of_b.is_finished());
    assert_eq!(lines.matching(&["ERROR", "migrate", "cancelled", "trigger.lease-runtime.dev/migrate"]), 1, "{lines:?}");
    world.api.edit_lease("default", "ledger", |object| {
        object["metadata"]["annotations"]["trigger.lease-runtime.dev/migrate"] = "again".into();
    });
    assert_eq!(within(60, of_b).await.unwrap(), Ok(()));
    second.end().await.unwrap();
}
