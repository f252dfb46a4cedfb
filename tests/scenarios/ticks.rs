//! Scheduled tasks: what happens to a tick under faults. The tasks are due every ten seconds, the shortest period that is
//! recorded, so these scenarios wait most of the time.

use std::sync::Arc;
use std::time::Duration;

use lease_runtime::clock::{Clock, SystemClock, WallTime};
use lease_runtime::{CatchUp, Delivery, Overlap, TaskTicks, TickCounts};
use lease_tests::log::until;
use lease_tests::proxy::Link;
use lease_tests::replica::{Replica, Settings};
use lease_tests::ticks::{Run, TickTask, runs};
use lease_tests::world::World;
use rustix::process::Signal;
use serde_json::json;

use crate::runner::{Scenario, scenario};

const PERIOD: i64 = 10_000_000;

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("ticks::leader_killed_at_the_tick", leader_killed_at_the_tick),
        scenario("ticks::leader_killed_in_the_run", leader_killed_in_the_run),
        scenario("ticks::handover_exactly_at_the_tick", handover_exactly_at_the_tick),
        scenario("ticks::backlog_after_an_outage_for_each_catch_up", backlog_after_an_outage),
        scenario("ticks::overlap_for_each_policy", overlap_for_each_policy),
        scenario("ticks::trigger_twice", trigger_twice),
        scenario("ticks::record_emptied_by_hand", record_emptied_by_hand),
        scenario("ticks::renamed_and_edited_schedule", renamed_and_edited_schedule),
        scenario("ticks::mixed_versions", mixed_versions),
    ]
}

/// The killed leader's lease expires after the tick. The next leader runs the tick, once, with both deliveries.
async fn leader_killed_at_the_tick(world: Arc<World>) {
    let tasks = both_deliveries(Duration::from_millis(200));
    let [leader, ..] = start_three(&world, tasks).await;
    let tick = tick_after(Duration::from_secs(3));
    wait_until(WallTime(tick.0 - 300_000)).await;
    leader.kill().await;
    for task in ["at-most-once", "at-least-once"] {
        let run = run_of(&world, task, tick).await;
        assert_ne!(run.event.pid, leader.pid, "killed before the tick");
        ended(&world, &run).await;
    }
    // No replica runs it again, also after the next tick.
    let next = WallTime(tick.0 + PERIOD);
    for task in ["at-most-once", "at-least-once"] {
        ended(&world, &run_of(&world, task, next).await).await;
        assert_eq!(all(&world, task, tick).len(), 1);
    }
}

/// The process dies in the middle of a run. The delivery of the task decides whether the tick runs again. Both are counted.
async fn leader_killed_in_the_run(world: Arc<World>) {
    let [leader, ..] = start_three(&world, both_deliveries(Duration::from_millis(1_500))).await;
    let tick = tick_after(Duration::from_secs(2));
    for task in ["at-most-once", "at-least-once"] {
        run_of(&world, task, tick).await;
    }
    leader.kill().await;
    let again = nth_run(&world, "at-least-once", tick, 2).await;
    assert_eq!((again.attempt, again.event.pid == leader.pid), (2, false));
    ended(&world, &again).await;
    let next = WallTime(tick.0 + PERIOD);
    for task in ["at-most-once", "at-least-once"] {
        ended(&world, &run_of(&world, task, next).await).await;
    }
    assert_eq!(all(&world, "at-most-once", tick).len(), 1, "at most once");
    assert_eq!(all(&world, "at-least-once", tick).len(), 2, "exactly one more time");
    let counts = counted(&world, "at-most-once", |counts| counts.done >= 1).await;
    assert_eq!((counts.abandoned, counts.not_run()), (1, 0));
    let counts = counted(&world, "at-least-once", |counts| counts.done >= 2).await;
    assert_eq!((counts.abandoned, counts.not_run()), (0, 0));
}

/// SIGTERM right before a tick, at it, and right after it. Each tick runs once, in the first attempt, with both deliveries.
async fn handover_exactly_at_the_tick(world: Arc<World>) {
    let tasks = both_deliveries(Duration::ZERO);
    let settings = Settings { tasks: tasks.clone(), ..world.settings() };
    let mut replicas = Vec::from(start_three(&world, tasks).await);
    let first = tick_after(Duration::from_secs(3));
    let mut tick = first;
    for (offset, next) in [(-50_000, "d"), (-1_000, "e"), (1_000, "f"), (5_000, "g"), (50_000, "h")] {
        wait_until(WallTime(tick.0 + offset)).await;
        let holder = world.cluster.holder(&world.lease).await.unwrap_or_default();
        let leader = replicas.iter().find(|replica| holder.starts_with(&format!("{}_", replica.name)));
        let leader = leader.expect("one of them leads");
        leader.signal(Signal::TERM);
        assert!(leader.end().await.success());
        for task in ["at-most-once", "at-least-once"] {
            ended(&world, &run_of(&world, task, tick).await).await;
        }
        replicas.push(world.start_with(next, &settings).await);
        tick = WallTime(tick.0 + PERIOD);
    }
    for task in ["at-most-once", "at-least-once"] {
        ended(&world, &run_of(&world, task, tick).await).await;
        let counts = counted(&world, task, |counts| counts.done >= 6).await;
        assert_eq!((counts.run(), counts.not_run()), (counts.done, 0), "{task}");
        for number in 0..=5 {
            let tick = WallTime(first.0 + number * PERIOD);
            let attempts: Vec<u32> = all(&world, task, tick).iter().map(|run| run.attempt).collect();
            assert_eq!(attempts, [1], "{task}: the tick of {tick}");
        }
    }
}

/// Two ticks fall due while the only replica cannot reach the API server.
async fn backlog_after_an_outage(world: Arc<World>) {
    let task = |name: &str, catch_up| TickTask { catch_up, ..TickTask::new(name) };
    let tasks = vec![task("none", CatchUp::None), task("latest", CatchUp::Latest), task("all", CatchUp::All)];
    let first = first_tick().await;
    let replica = world.start_with("a", &Settings { tasks, ..world.settings() }).await;
    for task in ["none", "latest", "all"] {
        ended(&world, &run_of(&world, task, first).await).await;
        counted(&world, task, |counts| counts.done == 1).await;
    }
    replica.link.set(Link::BLACK_HOLE);
    let third = WallTime(first.0 + 2 * PERIOD);
    wait_until(WallTime(third.0 + 1_500_000)).await;
    replica.link.set(Link::PASS);
    replica.link.cut();
    let fourth = WallTime(third.0 + PERIOD);
    for task in ["none", "latest", "all"] {
        ended(&world, &run_of(&world, task, fourth).await).await;
    }
    let ticks = |task| -> Vec<String> { runs(&world.log.events(), task).into_iter().map(|run| run.tick).collect() };
    let [one, two, three, four] = [0, 1, 2, 3].map(|number| WallTime(first.0 + number * PERIOD).to_string());
    assert_eq!(ticks("none"), [one.clone(), four.clone()]);
    assert_eq!(ticks("latest"), [one.clone(), three.clone(), four.clone()]);
    assert_eq!(ticks("all"), [one, two, three, four]);
    let none = counted(&world, "none", |counts| counts.done == 2).await;
    assert_eq!((none.not_run(), none.run()), (2, 2));
    let latest = counted(&world, "latest", |counts| counts.done == 3).await;
    assert_eq!((latest.superseded + latest.expired, latest.not_run()), (1, 1));
    assert_eq!(counted(&world, "all", |counts| counts.done == 4).await.not_run(), 0);
}

/// Each run takes one and a half periods.
async fn overlap_for_each_policy(world: Arc<World>) {
    let task = |name: &str, overlap| TickTask {
        takes: Duration::from_secs(15),
        overlap: Some(overlap),
        ..TickTask::new(name)
    };
    let tasks = vec![
        task("skip", Overlap::Skip),
        task("buffer", Overlap::BufferOne),
        task("cancel", Overlap::CancelOther),
        task("allow", Overlap::AllowAll(2)),
    ];
    world.start_with("a", &Settings { tasks, ..world.settings() }).await;
    let first = tick_after(Duration::from_secs(2));
    let [second, third] = [1, 2].map(|number| WallTime(first.0 + number * PERIOD));
    let skip = ended(&world, &run_of(&world, "skip", first).await).await;
    // It runs the third tick next. The second fell due during the first.
    let next = run_of(&world, "skip", third).await;
    assert!(next.event.at > skip.at && all(&world, "skip", second).is_empty());
    counted(&world, "skip", |counts| counts.overlapped == 1).await;
    let buffered = run_of(&world, "buffer", second).await;
    assert!(buffered.event.at > ended(&world, &run_of(&world, "buffer", first).await).await.at, "it waits");
    let replaced = run_of(&world, "cancel", second).await;
    let cancelled = ended(&world, &run_of(&world, "cancel", first).await).await;
    assert!(
        cancelled.detail.ends_with("asked") && replaced.event.at > cancelled.at,
        "the second run replaces the first"
    );
    counted(&world, "cancel", |counts| counts.cancelled >= 1).await;
    let beside = run_of(&world, "allow", second).await;
    assert!(
        beside.event.at < ended(&world, &run_of(&world, "allow", first).await).await.at,
        "the second run starts during the first"
    );
}

/// The same id runs once, however often it is requested. Another id runs again.
async fn trigger_twice(world: Arc<World>) {
    let tasks = vec![TickTask { every: Duration::from_secs(3600), ..TickTask::new("report") }];
    let settings = Settings { tasks, ..world.settings() };
    world.start_with("a", &settings).await;
    record(&world, "report", |_| true).await;
    let of = |id: &str| -> usize { runs(&world.log.events(), "report").iter().filter(|run| run.cause == id).count() };
    for id in ["monday", "monday", "tuesday", "tuesday"] {
        let key = "trigger.lease-runtime.dev/report";
        let annotated = world.cluster.annotate_lease(&world.lease, key, id).await.expect("an annotation");
        assert_eq!(annotated["metadata"]["annotations"][key], *id);
        until("the request to be cleared", async || {
            let lease = world.cluster.lease(&world.lease).await?;
            lease["metadata"]["annotations"].get(key).is_none().then_some(())
        })
        .await;
        until("the run of the trigger", async || (of(id) > 0).then_some(())).await;
    }
    counted(&world, "report", |counts| counts.done == 2).await;
    assert_eq!((of("monday"), of("tuesday")), (1, 1));
}

/// The record is emptied while no run is active, and during a run. Ticks count from then. No tick runs twice, and no two runs
/// overlap.
async fn record_emptied_by_hand(world: Arc<World>) {
    let tasks = vec![TickTask { takes: Duration::from_secs(4), ..TickTask::new("report") }];
    world.start_with("a", &Settings { tasks, ..world.settings() }).await;
    let first = tick_after(Duration::from_secs(2));
    let run = run_of(&world, "report", first).await;
    let key = "tick.lease-runtime.dev/report";
    world.cluster.annotate_lease(&world.lease, key, "").await.expect("an annotation");
    ended(&world, &run).await;
    let second = WallTime(first.0 + PERIOD);
    let run = run_of(&world, "report", second).await;
    ended(&world, &run).await;
    counted(&world, "report", |counts| counts.done == 1).await;
    let removal = json!(null);
    world.cluster.edit_lease(&world.lease, |lease| lease["metadata"]["annotations"][key] = removal.clone()).await;
    let third = WallTime(second.0 + PERIOD);
    ended(&world, &run_of(&world, "report", third).await).await;
    for tick in [first, second, third] {
        assert_eq!(all(&world, "report", tick).len(), 1, "{tick}");
    }
}

/// A changed schedule and a new name start a new record: nothing is caught up, and the record of the old name stays.
async fn renamed_and_edited_schedule(world: Arc<World>) {
    let with = |tasks| Settings { tasks, ..world.settings() };
    let first = first_tick().await;
    let before = world.start_with("a", &with(vec![TickTask::new("edited"), TickTask::new("old")])).await;
    for task in ["edited", "old"] {
        ended(&world, &run_of(&world, task, first).await).await;
        counted(&world, task, |counts| counts.done == 1).await;
    }
    before.signal(Signal::TERM);
    assert!(before.end().await.success());
    let old = annotation(&world, "old").await;
    // The next tick of the old schedule falls due while no replica runs.
    wait_until(WallTime(first.0 + PERIOD + 500_000)).await;
    let edited = TickTask { offset: Duration::from_secs(4), ..TickTask::new("edited") };
    let after = world.start_with("b", &with(vec![edited, TickTask::new("new")])).await;
    after.says("the task's schedule has changed").await;
    after.says("the task is new to the lease").await;
    let third = WallTime(first.0 + 2 * PERIOD);
    ended(&world, &run_of(&world, "new", third).await).await;
    ended(&world, &run_of(&world, "edited", WallTime(third.0 + 4_000_000)).await).await;
    let missed = WallTime(first.0 + PERIOD);
    for task in ["edited", "new", "old"] {
        assert!(all(&world, task, missed).is_empty(), "{task} caught up across the edit");
    }
    assert_eq!(annotation(&world, "old").await, old);
}

/// The leader does not have a task that the others have. The record of the task stays unchanged, and a later leader catches up
/// from it.
async fn mixed_versions(world: Arc<World>) {
    let (one, two) = (TickTask::new("one"), TickTask::new("two"));
    let newer = Settings { tasks: vec![one.clone(), two], ..world.settings() };
    let older = Settings { tasks: vec![one], ..world.settings() };
    let first = first_tick().await;
    let first_leader = world.start_with("a", &newer).await;
    for task in ["one", "two"] {
        ended(&world, &run_of(&world, task, first).await).await;
        counted(&world, task, |counts| counts.done == 1).await;
    }
    let old_version = world.start_with("b", &older).await;
    first_leader.signal(Signal::TERM);
    assert!(first_leader.end().await.success());
    let kept = annotation(&world, "two").await;
    old_version.says("records of tasks that this replica does not have").await;
    let second = WallTime(first.0 + PERIOD);
    ended(&world, &run_of(&world, "one", second).await).await;
    assert_eq!(annotation(&world, "two").await, kept);
    let next = world.start_with("c", &newer).await;
    old_version.signal(Signal::TERM);
    assert!(old_version.end().await.success());
    let caught_up = run_of(&world, "two", second).await;
    assert_eq!(caught_up.event.pid, next.pid);
    assert_eq!((all(&world, "one", second).len(), all(&world, "two", second).len()), (1, 1));
}

fn both_deliveries(takes: Duration) -> Vec<TickTask> {
    vec![
        TickTask { takes, ..TickTask::new("at-most-once") },
        TickTask { takes, delivery: Delivery::AtLeastOnce, ..TickTask::new("at-least-once") },
    ]
}

/// Three replicas with these tasks. The first leads, and has written their records.
async fn start_three(world: &World, tasks: Vec<TickTask>) -> [Arc<Replica>; 3] {
    let settings = Settings { tasks, ..world.settings() };
    let leader = world.start_with("a", &settings).await;
    world.leads(&leader).await;
    for task in &settings.tasks {
        record(world, &task.name, |_| true).await;
    }
    [leader, world.start_with("b", &settings).await, world.start_with("c", &settings).await]
}

/// The first tick that is at least this far away.
fn tick_after(ahead: Duration) -> WallTime {
    let from = SystemClock.wall().plus(ahead).0;
    WallTime((from / PERIOD + 1) * PERIOD)
}

/// The first tick of a replica that is started now. It is late enough that no earlier tick falls due, which would run and count
/// too.
async fn first_tick() -> WallTime {
    let first = tick_after(Duration::from_secs(5));
    wait_until(WallTime(first.0 - PERIOD)).await;
    first
}

/// Waits until a time. The checks do not depend on its precision.
async fn wait_until(at: WallTime) {
    let left = at.0 - SystemClock.wall().0;
    tokio::time::sleep(Duration::from_micros(u64::try_from(left).unwrap_or(0))).await;
}

/// The runs of a tick so far.
fn all(world: &World, task: &str, tick: WallTime) -> Vec<Run> {
    let tick = tick.to_string();
    runs(&world.log.events(), task).into_iter().filter(|run| run.tick == tick).collect()
}

async fn run_of(world: &World, task: &str, tick: WallTime) -> Run {
    nth_run(world, task, tick, 1).await
}

async fn nth_run(world: &World, task: &str, tick: WallTime, number: usize) -> Run {
    until(&format!("run {number} of {task} for {tick}"), async || all(world, task, tick).into_iter().nth(number - 1))
        .await
}

/// Waits for the end of a run.
async fn ended(world: &World, run: &Run) -> lease_tests::log::Event {
    let what = format!("{} {} ", run.task, run.tick);
    let of = run.event.pid;
    world.log.wait("tick-ended", |event| event.pid == of && event.detail.starts_with(&what)).await
}

async fn annotation(world: &World, task: &str) -> String {
    let lease = world.cluster.lease(&world.lease).await.expect("a lease");
    let record = &lease["metadata"]["annotations"][format!("tick.lease-runtime.dev/{task}")];
    record.as_str().unwrap_or_else(|| panic!("{task} has no record")).to_owned()
}

/// Waits until the record of a task satisfies this.
async fn record(world: &World, task: &str, accept: impl Fn(&TaskTicks) -> bool) -> TaskTicks {
    until(&format!("the record of {task}"), async || {
        let mut lease = world.cluster.lease(&world.lease).await?;
        let annotations = serde_json::from_value(lease["metadata"]["annotations"].take()).ok()?;
        TaskTicks::all(&annotations).remove(task).filter(|ticks| accept(ticks))
    })
    .await
}

async fn counted(world: &World, task: &str, accept: impl Fn(&TickCounts) -> bool) -> TickCounts {
    record(world, task, |ticks| accept(&ticks.counts())).await.counts()
}
