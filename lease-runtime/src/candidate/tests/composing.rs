//! Groups of tasks: the order in which they start and end.

use super::*;
use crate::elector::tests::log::Lines;
use crate::policy::{OnExhausted, Restart};
use crate::task::TaskGroup;

impl World {
    /// A body that is done after a while.
    fn brief(&self, name: &'static str, lasts: u64) -> LeaderTask<()> {
        let story = self.story.clone();
        LeaderTask::new(name, LEDGER, move |_| {
            let story = story.clone();
            async move {
                story.add(format!("{name} began"));
                seconds(lasts).await;
                story.add(format!("{name} done"));
            }
        })
    }

    /// A body that takes a while to end when it is asked to.
    fn slow_to_end(&self, name: &'static str, takes: u64) -> LeaderTask<()> {
        let story = self.story.clone();
        LeaderTask::new(name, LEDGER, move |term: Term| {
            let story = story.clone();
            async move {
                story.add(format!("{name} began"));
                term.cancelled().await;
                let why = term.stop_reason().expect("there is a reason");
                story.add(format!("{name} asked, {why}"));
                seconds(takes).await;
                story.add(format!("{name} ended"));
            }
        })
    }

    fn failing(&self, name: &'static str) -> LeaderTask<Result<(), &'static str>> {
        let story = self.story.clone();
        LeaderTask::new(name, LEDGER, move |_| {
            story.add(format!("{name} failed"));
            std::future::ready(Err("no"))
        })
    }
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

#[tokio::test(start_paused = true)]
async fn the_members_of_a_sequence_run_one_after_the_other() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let group = TaskGroup::sequence("steps").with(world.brief("one", 5)).with(world.brief("two", 1));
    let handle = candidate.add(group.with(world.brief("three", 1)));
    let running = Running::start(&candidate);
    within(60, handle).await.unwrap();
    let lines = ["one began", "one done", "two began", "two done", "three began", "three done"];
    assert_eq!(world.story.lines(), lines);
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn concurrent_members_run_side_by_side_and_are_done_when_all_are() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let members = [world.brief("one", 5), world.brief("two", 1)];
    let handle = candidate.add(TaskGroup::concurrent("both").with_all(members));
    let running = Running::start(&candidate);
    within(60, handle).await.unwrap();
    let lines = world.story.lines();
    assert_eq!(sorted(lines[..2].to_vec()), ["one began", "two began"]);
    assert_eq!(lines[2..], ["two done", "one done"]);
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stack_starts_from_the_bottom_and_ends_from_the_top() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let bottom = world.slow_to_end("bottom", 3);
    let above = TaskGroup::concurrent("above").with(world.slow_to_end("left", 9)).with(world.slow_to_end("right", 1));
    candidate.add(TaskGroup::stack("house").with(bottom).with(above).with(world.slow_to_end("roof", 8)));
    let running = Running::start(&candidate);
    let lines = world.story.grown_to(4).await;
    assert_eq!((&*lines[0], &*lines[3]), ("bottom began", "roof began"));
    assert_eq!(sorted(lines[1..3].to_vec()), ["left began", "right began"]);
    let before = world.clock.now();
    running.end().await.unwrap();
    // Longer than one grace, and longer than the lease: it is still renewed.
    let took = world.clock.now().since(before);
    assert!((20.0..20.5).contains(&took.as_secs_f64()), "{took:?}");
    let lines = world.story.lines();
    assert_eq!(lines[4..6], ["roof asked, the candidate is shutting down", "roof ended"]);
    assert_eq!(
        sorted(lines[6..8].to_vec()),
        ["left asked, the candidate is shutting down", "right asked, the candidate is shutting down"]
    );
    assert_eq!(
        lines[8..],
        ["right ended", "left ended", "bottom asked, the candidate is shutting down", "bottom ended"]
    );
    assert_eq!(world.holder("ledger").as_deref(), Some(""));
}

#[tokio::test(start_paused = true)]
async fn a_layer_starts_when_the_one_below_waits() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let bottom = world.slow_to_end("bottom", 0).initial_delay(Duration::from_secs(7));
    candidate.add(TaskGroup::stack("house").with(bottom).with(world.slow_to_end("top", 0)));
    candidate.add(world.obedient("other", LEDGER));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    seconds(6).await;
    assert_eq!(world.story.lines(), ["other began"]);
    assert_eq!(world.story.grown_to(3).await, ["other began", "bottom began", "top began"]);
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_layer_may_signal_that_it_is_ready() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let story = world.story.clone();
    let bottom = LeaderTask::new("bottom", LEDGER, move |term: Term| {
        let story = story.clone();
        async move {
            seconds(7).await;
            story.add("bottom ready");
            term.ready();
            term.cancelled().await;
        }
    });
    let stack = TaskGroup::stack("house").with(bottom.signals_readiness()).with(world.slow_to_end("top", 0));
    let (open, condition) = watch::channel(false);
    candidate.add(stack.contend_when(condition).warm_up(seconds(5)));
    let running = Running::start(&candidate);
    seconds(60).await;
    assert_eq!(world.holder("ledger"), None, "the group's condition is its members'");
    open.send_replace(true);
    assert_eq!(world.story.grown_to(2).await, ["bottom ready", "top began"]);
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_never_signals_readiness_is_logged() {
    let world = World::new();
    let lines = Lines::default();
    let _capture = lines.capture();
    let candidate = world.candidate("a").await;
    let mute = world.slow_to_end("mute", 0).signals_readiness();
    candidate.add(TaskGroup::stack("house").with(mute).with(world.slow_to_end("top", 0)));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    seconds(14).await;
    let waits = ["WARN", "task=top", "below=mute", "term.ready()"];
    assert_eq!(lines.matching(&waits), 0, "{lines:?}");
    seconds(60).await;
    assert_eq!(lines.matching(&waits), 1, "{lines:?}");
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_ends_a_whole_stack_in_time() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let stack = TaskGroup::stack("house").with(world.stubborn("bottom", LEDGER)).with(world.stubborn("top", LEDGER));
    candidate.add(stack);
    let running = Running::start(&candidate);
    world.story.grown_to(2).await;
    let before = world.clock.now();
    world.api.inject(crate::embedded::RequestMatcher::leases(), crate::embedded::Fault::hang());
    world.story.grown_to(4).await;
    let took = world.clock.now().since(before);
    assert!(took < Duration::from_secs(12), "{took:?}");
    assert_eq!(world.story.lines()[2..].len(), 2);
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_fails_for_good_ends_the_sequence_and_a_layer_that_does_ends_the_stack() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let failing = |name| world.failing(name).restart(Restart::Never);
    let steps = TaskGroup::sequence("steps").with(failing("first")).with(world.brief("second", 1));
    let exhausted = world.failing("middle").max_restarts(0, Duration::from_secs(1)).on_exhausted(OnExhausted::Stop);
    let house = TaskGroup::stack("house").with(world.slow_to_end("ground", 1)).with(exhausted);
    let (steps, house) = (candidate.add(steps), candidate.add(house.with(world.slow_to_end("top", 1))));
    candidate.add(world.obedient("other", LEDGER));
    let running = Running::start(&candidate);
    let error = within(60, steps).await.unwrap_err();
    assert!(matches!(&error, Error::Failed { task, .. } if task == "first"), "{error}");
    let error = within(60, house).await.unwrap_err();
    assert!(matches!(&error, Error::Exhausted { task, .. } if task == "middle"), "{error}");
    let lines = world.story.lines();
    assert!(!lines.iter().any(|line| line.starts_with("second") || line.starts_with("top")), "{lines:?}");
    assert!(lines.contains(&"ground asked, another member of the group has failed".to_owned()), "{lines:?}");
    assert!(lines.contains(&"ground ended".to_owned()), "{lines:?}");
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_group_begins_anew_in_the_next_term() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let group = TaskGroup::sequence("steps").with(world.brief("one", 1)).with(world.obedient("two", LEDGER));
    candidate.add(group);
    let running = Running::start(&candidate);
    world.story.grown_to(3).await;
    candidate.step_down("ledger");
    let lines = world.story.grown_to(7).await;
    let once = ["one began", "one done", "two began"];
    assert_eq!(lines[..3], once);
    assert_eq!(lines[3], "two ended, lease held");
    assert_eq!(lines[4..], once);
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn invalid_groups_are_refused() {
    let world = World::new();
    let ledger = |name| world.brief(name, 1);
    let slow = || ledger("slow").lease_duration(Duration::from_secs(60));
    let steps = || TaskGroup::sequence("steps");
    for (group, says) in [
        (steps(), "group `steps` is empty"),
        (
            steps().with(ledger("one")).with(ledger("two").lease("other")),
            "has task `two` of lease `default/other` and `one`",
        ),
        (steps().with(ledger("one")).with(slow()), "task `slow` asks for lease_duration 60s"),
        (steps().with(ledger("one")).with(TaskGroup::stack("x").with(ledger("one"))), "has a task `one` already"),
        (steps().with(ledger("steps")), "has a task `steps` already"),
        (TaskGroup::stack("a b").with(ledger("one")), "must consist of ASCII letters"),
        (steps().with(ledger("one")).lease("Ledger"), "a lease's name must consist of"),
    ] {
        let candidate = world.candidate("a").await;
        let error = candidate.add(group).await.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    // Names are unique in a lease, not only in a group.
    let candidate = world.candidate("a").await;
    candidate.add(steps().with(ledger("one")));
    let error = candidate.add(ledger("one")).await.unwrap_err();
    assert!(matches!(&error, Error::DuplicateTask { task, .. } if task == "one"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_group_moves_its_members_to_its_lease() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let groups: Vec<TaskGroup> = (0..3)
        .map(|shard| {
            let members = TaskGroup::concurrent("inner").with(world.brief("two", 1));
            TaskGroup::sequence("drain").with(world.brief("one", 1)).with(members).lease(format!("drain-{shard}"))
        })
        .collect();
    let handles: Vec<_> = groups.into_iter().map(|group| candidate.add(group)).collect();
    let running = Running::start(&candidate);
    for handle in handles {
        within(60, handle).await.unwrap();
    }
    let leases: Vec<_> = candidate.leases().iter().map(ToString::to_string).collect();
    assert_eq!(leases, ["default/drain-0", "default/drain-1", "default/drain-2"]);
    running.end().await.unwrap();
}

/// All members are done, and so are up, before the group has looked at them once.
#[tokio::test(start_paused = true)]
async fn a_layer_of_several_that_are_done_at_once_does_not_keep_those_above_from_starting() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let at_once = |name| LeaderTask::new(name, LEDGER, |_| std::future::ready(()));
    let below = TaskGroup::concurrent("below").with(at_once("left")).with(at_once("right"));
    let handle = candidate.add(TaskGroup::stack("house").with(below).with(world.brief("top", 1)));
    let running = Running::start(&candidate);
    within(60, handle).await.unwrap();
    assert_eq!(world.story.lines(), ["top began", "top done"]);
    running.end().await.unwrap();
}

/// The member was asked to end, so it does not matter whether it may run again.
#[tokio::test(start_paused = true)]
async fn a_member_that_fails_while_its_group_ends_does_not_give_the_lease_up() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let ground = LeaderTask::new("ground", LEDGER, |term: Term| async move {
        term.cancelled().await;
        Err::<(), _>("could not flush")
    });
    let ground = ground.max_restarts(0, Duration::from_secs(60));
    let top = world.failing("top").restart(Restart::Never);
    let house = candidate.add(TaskGroup::stack("house").with(ground).with(top));
    candidate.add(world.obedient("other", LEDGER));
    let running = Running::start(&candidate);
    let error = within(60, house).await.unwrap_err();
    assert!(matches!(&error, Error::Failed { task, .. } if task == "top"), "{error}");
    seconds(60).await;
    let lines = sorted(world.story.lines());
    assert_eq!(lines, ["other began", "top failed"], "the others go on");
    running.end().await.unwrap();
}
