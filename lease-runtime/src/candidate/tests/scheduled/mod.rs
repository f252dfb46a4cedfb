//! Scheduled tasks under a candidate, in virtual time.

mod faults;
mod graceful;
mod groups;
mod once;
mod requests;
mod settings;
mod trouble;

use super::*;
use crate::embedded::{Fault, RequestMatcher};
use crate::tick::Tick;
use lease_protocol::ticks::{Delivery, TaskTicks, TickOutcome, TickState};

/// A task that notes each of its runs in the story. Each run takes so long.
fn telling(story: &Story, name: &'static str, who: &'static str, takes: u64) -> LeaderTask<Result<(), String>> {
    let story = story.clone();
    LeaderTask::scheduled(name, LEDGER, move |_: Term, tick: Tick| {
        let story = story.clone();
        async move {
            let at = tick.nominal();
            story.add(format!("{who} {at} #{}", tick.attempt()));
            seconds(takes).await;
            story.add(format!("{who} {at} done"));
            Ok(())
        }
    })
}

fn ticks(world: &World, task: &str) -> TaskTicks {
    let annotations = world.api.lease("default", "ledger").unwrap().metadata.annotations.unwrap_or_default();
    TaskTicks::all(&annotations).remove(task).unwrap_or_else(|| panic!("{task} has a record in {annotations:?}"))
}

#[tokio::test(start_paused = true)]
async fn each_tick_is_run_once_by_the_leader() {
    // 22:13:20 UTC.
    let world = World::new();
    let a = world.candidate("a").await;
    a.add(telling(&world.story, "minutely", "a", 2).every(Duration::from_secs(60)));
    let a = Running::start(&a);
    seconds(200).await;
    let counts = ticks(&world, "minutely").counts();
    assert_eq!(
        world.story.lines(),
        [
            "a 2023-11-14T22:14:00Z #1",
            "a 2023-11-14T22:14:00Z done",
            "a 2023-11-14T22:15:00Z #1",
            "a 2023-11-14T22:15:00Z done",
            "a 2023-11-14T22:16:00Z #1",
            "a 2023-11-14T22:16:00Z done",
        ]
    );
    assert_eq!((counts.done, counts.run(), counts.not_run()), (3, 3, 0));
    assert_eq!(ticks(&world, "minutely").state(), TickState::Ended(TickOutcome::Done));
    assert_eq!(ticks(&world, "minutely").next().unwrap().to_string(), "2023-11-14T22:17:00Z");
    a.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_falls_due_while_nobody_leads_is_run_by_the_next_leader() {
    let world = World::new();
    let task = |who| telling(&world.story, "minutely", who, 2).every(Duration::from_secs(60));
    let a = world.candidate("a").await;
    a.add(task("a"));
    let first = Running::start(&a);
    seconds(30).await;
    // Cut off 10 s before the tick, so its lease expires after it.
    world.api.inject(RequestMatcher::any().caller("a"), Fault::hang());
    let b = world.candidate("b").await;
    b.add(task("b"));
    let second = Running::start(&b);
    seconds(40).await;
    assert_eq!(world.story.lines(), ["b 2023-11-14T22:14:00Z #1", "b 2023-11-14T22:14:00Z done"]);
    second.end().await.unwrap();
    drop(first);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_interrupted_is_run_again_if_it_has_to_be_done() {
    for (delivery, again) in [(Delivery::AtMostOnce, false), (Delivery::AtLeastOnce, true)] {
        let world = World::new();
        let task = |who| telling(&world.story, "minutely", who, 20).every(Duration::from_secs(60)).delivery(delivery);
        let a = world.candidate("a").await;
        a.add(task("a"));
        let first = Running::start(&a);
        seconds(45).await;
        world.api.inject(RequestMatcher::any().caller("a"), Fault::hang());
        let b = world.candidate("b").await;
        b.add(task("b"));
        let second = Running::start(&b);
        seconds(40).await;
        let lines = world.story.lines();
        let mut want = vec!["a 2023-11-14T22:14:00Z #1"];
        if again {
            want.extend(["b 2023-11-14T22:14:00Z #2", "b 2023-11-14T22:14:00Z done"]);
        }
        assert_eq!(lines, want);
        let counts = ticks(&world, "minutely").counts();
        assert_eq!((counts.done, counts.abandoned), if again { (1, 0) } else { (0, 1) });
        second.end().await.unwrap();
        drop(first);
    }
}
