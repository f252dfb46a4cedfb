//! When a candidate takes part: warm-up, conditions, stepping down.

use tokio::sync::{oneshot, watch};

use super::*;
use crate::elector::LeaseStatus;
use crate::embedded::{Fault, RequestMatcher, Verb};

#[tokio::test(start_paused = true)]
async fn a_lease_is_not_contended_for_before_its_tasks_are_warm() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let (warm, warmed) = oneshot::channel::<()>();
    let task = world.obedient("one", LEDGER).warm_up(async { warmed.await.unwrap() });
    candidate.add(task);
    candidate.add(world.obedient("two", LEDGER).warm_up(seconds(1)));
    candidate.add(world.obedient("shard", SHARD));
    let running = Running::start(&candidate);
    seconds(60).await;
    assert_eq!(world.story.lines(), ["shard began"], "the other lease does not wait");
    assert_eq!(world.holder("ledger"), None);
    assert_eq!(candidate.status("ledger").unwrap().borrow().standing, Standing::Out);
    warm.send(()).unwrap();
    let mut lines = world.story.grown_to(3).await;
    lines.sort();
    assert_eq!(lines, ["one began", "shard began", "two began"]);

    // A task that is added later does not take the lease away from the others.
    candidate.add(world.obedient("late", LEDGER).warm_up(seconds(5)));
    seconds(4).await;
    assert_eq!(world.story.lines().len(), 3);
    let lines = world.story.grown_to(4).await;
    assert_eq!(lines[3], "late began");
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_that_never_ends_does_not_keep_the_candidate_from_ending() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let end = AtTheEnd(Some({
        let story = world.story.clone();
        move || story.add("warm-up dropped")
    }));
    let handle = candidate.add(world.obedient("one", LEDGER).warm_up(async move {
        let _end = end;
        pending::<()>().await;
    }));
    let running = Running::start(&candidate);
    seconds(5).await;
    running.end().await.unwrap();
    assert_eq!(world.story.lines(), ["warm-up dropped"]);
    assert!(matches!(handle.await, Err(Error::Stopped { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_warm_up_that_panics_ends_its_task_and_no_other() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let cold = candidate.add(world.obedient("cold", LEDGER).warm_up(async { panic!("no coal") }));
    candidate.add(world.obedient("other", LEDGER));
    let running = Running::start(&candidate);
    let error = within(60, cold).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "task `cold` of lease `default/ledger` panicked while warming up: no coal, and is not to run again"
    );
    assert_eq!(world.story.grown_to(1).await, ["other began"]);
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_turns_false_gives_the_lease_up_until_it_is_true() {
    let world = World::new();
    let (a, b) = (world.candidate("a").await, world.candidate("b").await);
    let (ready, condition) = watch::channel(false);
    let (other, another) = watch::channel(true);
    a.add(world.obedient("one", LEDGER).contend_when(condition).contend_when(another));
    a.add(world.obedient("shard", SHARD));
    let in_a = Running::start(&a);
    seconds(60).await;
    assert_eq!(world.story.lines(), ["shard began"]);
    assert_eq!(world.holder("ledger"), None);
    ready.send_replace(true);
    world.story.grown_to(2).await;
    other.send_replace(false);
    world.story.grown_to(3).await;
    until(|| world.holder("ledger").as_deref() == Some("")).await;
    let status = a.status("ledger").unwrap();
    assert_eq!(status.borrow().last_stop, Some(StopReason::Withdrawn));
    assert_eq!(status.borrow().standing, Standing::Out);
    // Both conditions have to be true.
    ready.send_replace(false);
    other.send_replace(true);
    seconds(60).await;
    assert_eq!(world.story.lines(), ["shard began", "one began", "one ended, lease held"]);
    ready.send_replace(true);
    let lines = world.story.grown_to(4).await;
    assert_eq!(lines[3], "one began");

    // A replica that waits gets the lease at once.
    b.add(world.obedient("in_b", LEDGER));
    let in_b = Running::start(&b);
    seconds(5).await;
    ready.send_replace(false);
    let before = world.clock.now();
    let lines = world.story.grown_to(6).await;
    assert_eq!(lines[4..], ["one ended, lease held", "in_b began"]);
    assert!(world.clock.now().since(before) < Duration::from_secs(1));
    // Without a sender, the last value stays.
    drop((ready, other));
    in_b.end().await.unwrap();
    seconds(60).await;
    assert_eq!(world.holder("ledger").as_deref(), Some(""));
    in_a.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_condition_of_a_candidate_is_that_of_all_its_leases() {
    let world = World::new();
    let (ready, condition) = watch::channel(true);
    let client = world.api.client_as("a", "default");
    let builder = Candidate::builder().identity("a").client(client).clock(world.clock.clone());
    let candidate = builder.contend_when(condition).build().await.unwrap();
    candidate.add(world.obedient("one", LEDGER));
    candidate.add(world.obedient("two", SHARD));
    let running = Running::start(&candidate);
    world.story.grown_to(2).await;
    ready.send_replace(false);
    world.story.grown_to(4).await;
    until(|| ["ledger", "shard"].iter().all(|lease| world.holder(lease).as_deref() == Some(""))).await;
    ready.send_replace(true);
    world.story.grown_to(6).await;
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_body_can_step_down() {
    let world = World::new();
    let (a, b) = (world.candidate("a").await, world.candidate("b").await);
    let story = world.story.clone();
    a.add(LeaderTask::new("one", LEDGER, move |term: Term| {
        let story = story.clone();
        async move {
            story.add("one began");
            seconds(5).await;
            term.step_down();
            assert_eq!(term.stop_reason(), Some(StopReason::SteppedDown));
            // It has its grace while the lease is held.
            seconds(2).await;
            story.add("one ended");
        }
    }));
    let in_a = Running::start(&a);
    world.story.grown_to(1).await;
    b.add(world.obedient("in_b", LEDGER));
    let in_b = Running::start(&b);
    assert_eq!(world.story.grown_to(3).await, ["one began", "one ended", "in_b began"]);
    in_b.end().await.unwrap();
    in_a.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_candidate_can_step_down_from_a_lease_it_holds() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    candidate.add(world.obedient("one", LEDGER));
    assert!(!candidate.step_down("ledger"), "it does not run");
    assert!(!candidate.step_down("unknown"));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    assert!(candidate.step_down("default/ledger"));
    assert!(!candidate.step_down("ledger"), "it is on its way");
    let before = world.clock.now();
    assert_eq!(world.story.grown_to(3).await, ["one began", "one ended, lease held", "one began"]);
    let took = world.clock.now().since(before);
    assert!((15.0..16.0).contains(&took.as_secs_f64()), "it sits out one lease duration, not {took:?}");
    running.end().await.unwrap();
}

/// A task is given up before its driver has looked at it. No driver may seem to be left.
#[tokio::test(start_paused = true)]
async fn a_lease_whose_only_task_was_given_up_at_once_gets_a_driver_for_the_next() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let running = Running::start(&candidate);
    seconds(1).await;
    let (_handle, placed) = candidate.place(world.obedient("one", LEDGER));
    let Placed { entry, lease_tasks } = placed.unwrap();
    lease_tasks.give_up(&entry);
    seconds(60).await;
    candidate.add(world.obedient("two", LEDGER));
    assert_eq!(world.story.grown_to(1).await, ["two began"]);
    running.end().await.unwrap();
}

/// The lease is not held while this replica sits out, so a task that is added then must be warm before the lease is contended for.
#[tokio::test(start_paused = true)]
async fn a_lease_that_was_given_up_is_not_taken_again_by_tasks_that_are_cold() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let (_handle, placed) = candidate.place(world.obedient("one", LEDGER));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    assert!(candidate.step_down("ledger"));
    world.story.grown_to(2).await;
    seconds(5).await;
    candidate.add(world.obedient("cold", LEDGER).warm_up(seconds(100)));
    let Placed { entry, lease_tasks } = placed.unwrap();
    lease_tasks.give_up(&entry);
    seconds(60).await;
    assert_eq!(world.holder("ledger").as_deref(), Some(""), "held, and nothing to run");
    seconds(40).await;
    assert_eq!(world.story.grown_to(3).await[2], "cold began");
    running.end().await.unwrap();
}

/// The holder in a status, as the beginning of its identity.
fn holder(status: &watch::Receiver<LeaseStatus>) -> String {
    status.borrow().holder.as_deref().unwrap_or_default().split('_').next().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_status_follows_the_lease_after_a_replica_has_stepped_down() {
    for watch_is_refused in [false, true] {
        let world = World::new();
        if watch_is_refused {
            world.api.inject(RequestMatcher::verb(Verb::Watch), Fault::status(403));
        }
        let (a, b) = (world.candidate("a").await, world.candidate("b").await);
        drop(a.add(world.obedient("sync", LEDGER)));
        let first = Running::start(&a);
        world.story.grown_to(1).await;
        drop(b.add(world.obedient("sync", LEDGER)));
        let second = Running::start(&b);
        sleep(Duration::from_secs(20)).await;
        let status = a.status("ledger").unwrap();
        assert!(a.step_down("ledger"));
        let before = world.clock.now();
        until(|| holder(&status) == "b").await;
        // In less than the lease duration for which `a` stays out if nobody leads.
        until(|| status.borrow().standing == Standing::Follower).await;
        let took = world.clock.now().since(before).as_secs();
        assert!(took < 10, "{took} s, watch refused: {watch_is_refused}");
        assert_eq!(holder(&status), "b");
        second.end().await.unwrap();
        until(|| matches!(status.borrow().standing, Standing::Leader(_))).await;
        first.end().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_can_be_observed_without_taking_part() {
    for watch_is_refused in [false, true] {
        let world = World::new();
        if watch_is_refused {
            world.api.inject(RequestMatcher::verb(Verb::Watch), Fault::status(403));
        }
        let observer = world.candidate("observer").await;
        let status = observer.observe("ledger");
        sleep(Duration::from_secs(20)).await;
        assert_eq!((holder(&status).as_str(), status.borrow().standing), ("", Standing::Out));
        let a = world.candidate("a").await;
        drop(a.add(world.obedient("sync", LEDGER)));
        let running = Running::start(&a);
        until(|| holder(&status) == "a").await;
        running.end().await.unwrap();
        until(|| holder(&status).is_empty()).await;
        assert_eq!(status.borrow().standing, Standing::Out);
        let verbs = world.api.requests().by_caller().remove("observer").unwrap_or_default();
        assert!(verbs.keys().all(|verb| matches!(verb, Verb::Get | Verb::List | Verb::Watch)), "{verbs:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_runs_beside_an_observation_of_its_lease() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let observed = candidate.observe("ledger");
    drop(candidate.add(world.obedient("sync", LEDGER)));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    until(|| holder(&observed) == "a").await;
    assert!(matches!(candidate.observe("ledger").borrow().standing, Standing::Leader(_)));
    running.end().await.unwrap();
    assert_eq!(world.holder("ledger").as_deref(), Some(""));
}

/// A program may pass on what its own users name.
#[tokio::test(start_paused = true)]
async fn a_lease_that_no_cluster_can_have_is_not_asked_for() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    for name in ["", "Ledger Sync", "ledger?watch=1", "jobs/../../secrets/x", "Jobs/ledger"] {
        let observed = candidate.observe(name);
        seconds(60).await;
        let status = observed.borrow().clone();
        let problem = status.problem.map(|problem| problem.to_string()).unwrap_or_default();
        assert!(status.fatal && problem.starts_with("there is no such lease: a "), "{name}: {problem}");
    }
    assert_eq!(world.api.requests().total(), 0);
}
