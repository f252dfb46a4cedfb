//! Groups that run for a tick.

use super::*;
use crate::TaskGroup;

fn step(story: &Story, name: &'static str, takes: u64) -> LeaderTask<()> {
    let story = story.clone();
    LeaderTask::new(name, LEDGER, move |_| {
        let story = story.clone();
        async move {
            story.add(format!("{name} begins"));
            seconds(takes).await;
            story.add(format!("{name} ends"));
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_group_runs_its_members_in_their_order_for_each_tick() {
    let world = World::new();
    let a = world.candidate("a").await;
    let group = TaskGroup::sequence("nightly").with(step(&world.story, "extract", 2)).with(
        TaskGroup::concurrent("load").with(step(&world.story, "index", 3)).with(step(&world.story, "archive", 1)),
    );
    a.add(group.every(Duration::from_secs(60)));
    let running = Running::start(&a);
    seconds(110).await;
    let once = ["extract begins", "extract ends", "index begins", "archive begins", "archive ends", "index ends"];
    assert_eq!(world.story.lines(), [once, once].concat());
    assert_eq!(ticks(&world, "nightly").counts().done, 2);
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_members_of_a_group_are_handed_its_tick() {
    let world = World::new();
    let a = world.candidate("a").await;
    let story = world.story.clone();
    let member = LeaderTask::scheduled("member", LEDGER, move |_: Term, tick: Tick| {
        story.add(tick.nominal().to_string());
        async {}
    });
    a.add(TaskGroup::sequence("nightly").with(member).every(Duration::from_secs(60)));
    let running = Running::start(&a);
    assert_eq!(world.story.grown_to(1).await, ["2023-11-14T22:14:00Z"]);
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_group_that_takes_too_long_has_failed() {
    let world = World::new();
    let a = world.candidate("a").await;
    let group = TaskGroup::sequence("nightly").with(world.obedient("slow", LEDGER));
    a.add(group.every(Duration::from_secs(60)).timeout(Duration::from_secs(20)));
    let running = Running::start(&a);
    seconds(70).await;
    assert_eq!(world.story.lines(), ["slow began", "slow ended, lease held"]);
    assert_eq!(ticks(&world, "nightly").counts().failed, 1);
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn invalid_settings_are_refused_with_a_remedy() {
    let world = World::new();
    let a = world.candidate("a").await;
    let tick = || LeaderTask::scheduled("t", LEDGER, |_: Term, _: Tick| async {});
    let minute = Duration::from_secs(60);
    let refused = [
        (tick(), "has no schedule"),
        (tick().every(minute).once(), "one of cron, every, delay and once"),
        (tick().cron("0 0 30 2 *"), "never"),
        (tick().cron("0 0 * * *").time_zone("Europe/Prag"), "Europe/Prague"),
        (tick().every(minute).time_zone("UTC"), "time_zone is for cron"),
        (tick().jitter(minute), "jitter is for scheduled tasks: set cron, every or delay, or remove it"),
        (tick().every(minute).jitter(minute), "half the shortest time"),
        (tick().every(Duration::from_secs(5)), "below 10s"),
        (
            tick().every(Duration::from_secs(5)).catch_up(crate::CatchUp::None).delivery(Delivery::AtMostOnce),
            "delivery needs a record",
        ),
        (tick().every(minute).start_deadline(Duration::from_secs(5)), "start_deadline must be at least"),
        (tick().every(minute).overlap(crate::Overlap::AllowAll(9)), "from 2 to 4"),
        (tick().every(minute).max_catch_up(5), "catch_up = all"),
        (tick().once().catch_up(crate::CatchUp::All), "once"),
        (LeaderTask::new("t", LEDGER, |_| async {}).every(minute), "LeaderTask::scheduled"),
        (LeaderTask::new("t", LEDGER, |_| async {}).retry(3), "scheduled tasks"),
    ];
    for (task, says) in refused {
        let error = a.add(task).await.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let inner = TaskGroup::sequence("outer").with(tick().every(minute)).every(minute);
    assert!(a.add(inner).await.unwrap_err().to_string().contains("its own ticks"));
}

#[tokio::test(start_paused = true)]
async fn the_members_of_a_group_learn_why_their_run_is_ended() {
    let world = World::new();
    let a = world.candidate("a").await;
    let member = |name: &'static str| {
        let story = world.story.clone();
        LeaderTask::new(name, LEDGER, move |term: Term| {
            let story = story.clone();
            async move {
                term.cancelled().await;
                story.add(format!("{name}: {}", term.stop_reason().unwrap()));
            }
        })
    };
    let group = TaskGroup::stack("nightly").with(member("below")).with(member("above"));
    a.add(group.every(Duration::from_secs(60)).overlap(crate::Overlap::CancelOther));
    let running = Running::start(&a);
    seconds(130).await;
    let why = StopReason::Replaced;
    assert_eq!(world.story.lines(), [format!("above: {why}"), format!("below: {why}")]);
    running.end().await.unwrap();
}
