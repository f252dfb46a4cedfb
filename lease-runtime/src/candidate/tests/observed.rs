//! What an observer of a candidate learns.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::*;
use crate::embedded::{Fault, RequestMatcher};
use crate::observer::{BodyOutcome, LeaseEvent, RenewalResult};
use crate::tick::Tick;

/// The events so far.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<LeaseEvent>>>);

impl Seen {
    fn all(&self) -> Vec<LeaseEvent> {
        self.0.lock().unwrap().clone()
    }

    /// What happened to terms and runs, in order.
    fn story(&self) -> Vec<String> {
        let line = |event: LeaseEvent| match event {
            LeaseEvent::Added { lease, .. } => Some(format!("added {lease}")),
            LeaseEvent::Removed { lease, .. } => Some(format!("removed {lease}")),
            LeaseEvent::TermBegan { taken, vacancy, .. } => Some(format!("began, {taken} for {}", vacancy.as_secs())),
            LeaseEvent::TermCancelled { reason, .. } => Some(format!("cancelled, {reason}")),
            LeaseEvent::TermEnded { .. } => Some("ended".to_owned()),
            LeaseEvent::RunBegan { task, .. } => Some(format!("{task} runs")),
            LeaseEvent::RunEnded { task, outcome, .. } => Some(format!("{task} {}", outcome.as_str())),
            LeaseEvent::Overrun { task, .. } => Some(format!("{task} overran")),
            _ => None,
        };
        self.all().into_iter().filter_map(line).collect()
    }

    fn renewals(&self) -> BTreeMap<RenewalResult, usize> {
        self.all().into_iter().fold(BTreeMap::new(), |mut counts, event| {
            if let LeaseEvent::RenewalEnded { result, .. } = event {
                *counts.entry(result).or_default() += 1;
            }
            counts
        })
    }
}

impl World {
    async fn observed(&self, name: &str) -> (Candidate, Seen) {
        let (seen, client) = (Seen::default(), self.api.client_as(name, "default"));
        let sink = seen.clone();
        let observer = move |event: &LeaseEvent| sink.0.lock().unwrap().push(event.clone());
        let builder = Candidate::builder().identity(name).client(client).clock(self.clock.clone()).observer(observer);
        (builder.build().await.unwrap(), seen)
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_sees_terms_and_runs_in_their_order() {
    let world = World::new();
    let (first, first_seen) = world.observed("a").await;
    drop(first.add(world.obedient("sync", LEDGER)));
    let running = Running::start(&first);
    world.story.grown_to(1).await;
    let (second, second_seen) = world.observed("b").await;
    drop(second.add(world.stubborn("sync", LEDGER)));
    let next = Running::start(&second);
    sleep(Duration::from_secs(60)).await;
    running.end().await.unwrap();
    world.story.grown_to(3).await;
    next.end().await.unwrap();
    let reason = "this process is shutting down";
    let expected = |taken: &str, outcome: &str| {
        let lines = ["added default/ledger", taken, "sync runs", reason, outcome, "ended", "removed default/ledger"];
        lines.map(|line| if line == reason { format!("cancelled, {}", StopReason::Shutdown) } else { line.to_owned() })
    };
    assert_eq!(first_seen.story(), expected("began, created for 0", "sync ended"));
    assert_eq!(second_seen.story(), expected("began, released for 0", "sync dropped"));
    assert!(first_seen.renewals()[&RenewalResult::Ok] >= 11, "{:?}", first_seen.renewals());
    let beats = first_seen.all().iter().filter(|event| matches!(event, LeaseEvent::ElectorTurned { .. })).count();
    assert!(beats >= 60, "one a second: {beats}");
}

#[tokio::test(start_paused = true)]
async fn an_observer_may_use_the_candidate() {
    let world = World::new();
    let (candidate, added) = (Arc::new(OnceLock::<Candidate>::new()), Arc::new(Mutex::new(Vec::new())));
    let (inside, leases) = (candidate.clone(), added.clone());
    let more = Mutex::new(Some(world.obedient("more", LeaseSpec::new("billing"))));
    let observer = move |event: &LeaseEvent| {
        if let LeaseEvent::Added { lease, .. } = event {
            leases.lock().unwrap().push(lease.name.to_string());
            if let Some(task) = more.lock().unwrap().take() {
                drop(inside.get().unwrap().add(task));
            }
        }
    };
    let builder = Candidate::builder().client(world.api.client_as("a", "default")).clock(world.clock.clone());
    let built = builder.observer(observer).build().await.unwrap();
    let candidate = candidate.get_or_init(|| built);
    drop(candidate.add(world.obedient("sync", LEDGER)));
    assert_eq!(*added.lock().unwrap(), ["ledger", "billing"]);
}

#[tokio::test(start_paused = true)]
async fn an_observer_learns_that_a_lease_ran_out_and_since_when_it_was_free() {
    let world = World::new();
    let lost = world.candidate("a").await;
    drop(lost.add(world.obedient("sync", LEDGER)));
    let crashed = Running::start(&lost);
    world.story.grown_to(1).await;
    let (second, seen) = world.observed("b").await;
    drop(second.add(world.obedient("sync", LEDGER)));
    let running = Running::start(&second);
    sleep(Duration::from_secs(3)).await;
    let cut = world.api.inject(RequestMatcher::any().caller("a"), Fault::drop_connection());
    until(|| seen.story().len() >= 3).await;
    assert_eq!(seen.story()[..2], ["added default/ledger", "began, ran_out for 0"]);
    drop(cut);
    world.api.clear_faults();
    running.end().await.unwrap();
    crashed.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failed_body_and_a_finished_one_are_told_apart() {
    let world = World::new();
    let (candidate, seen) = world.observed("a").await;
    let times = std::sync::atomic::AtomicUsize::new(0);
    let task = LeaderTask::new("sync", LEDGER, move |_: Term| {
        let time = times.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        async move {
            match time {
                0 => Err("no database".to_owned()),
                1 => panic!("seeded"),
                _ => Ok(()),
            }
        }
    });
    let handle = candidate.add(task);
    let running = Running::start(&candidate);
    within(120, handle).await.unwrap().unwrap();
    running.end().await.unwrap();
    let ends: Vec<BodyOutcome> = seen
        .all()
        .into_iter()
        .filter_map(|event| match event {
            LeaseEvent::RunEnded { outcome, .. } => Some(outcome),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [BodyOutcome::Failed, BodyOutcome::Panicked, BodyOutcome::Done]);
}

#[tokio::test(start_paused = true)]
async fn the_leader_tells_the_ticks_that_it_has_recorded() {
    let world = World::new();
    let (candidate, seen) = world.observed("a").await;
    let every = LeaderTask::scheduled("report", LEDGER, |_: Term, _: Tick| async {}).every(Duration::from_secs(60));
    drop(candidate.add(every));
    let running = Running::start(&candidate);
    sleep(Duration::from_secs(190)).await;
    running.end().await.unwrap();
    let (mut done, mut next, mut last_done, mut late) = (0, None, None, Vec::new());
    for event in seen.all() {
        match event {
            LeaseEvent::TicksRecorded { added, next: planned, last_done: ended, .. } => {
                done += added.done;
                (next, last_done) = (planned, ended.or(last_done));
            }
            LeaseEvent::RunBegan { lateness: Some(lateness), .. } => late.push(lateness),
            _ => {}
        }
    }
    assert_eq!(done, 3);
    assert_eq!(late.len(), 3);
    assert!(late.iter().all(|late| *late < Duration::from_secs(2)), "{late:?}");
    assert!(next > last_done && last_done.is_some(), "{next:?} {last_done:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_whose_tasks_are_over_is_removed_and_added_again_with_the_next_task() {
    let world = World::new();
    let (candidate, seen) = world.observed("a").await;
    drop(candidate.add(world.obedient("other", LeaseSpec::new("other"))));
    let running = Running::start(&candidate);
    for round in 1..=2 {
        let once = LeaderTask::new("sync", LEDGER, |_: Term| async {});
        within(120, candidate.add(once)).await.unwrap();
        let told = |word: &str| seen.story().iter().filter(|line| **line == format!("{word} default/ledger")).count();
        until(|| told("removed") == round).await;
        assert_eq!(told("added"), round);
    }
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_tells_what_the_records_of_its_tasks_say() {
    let world = World::new();
    let daily =
        || LeaderTask::scheduled("report", LEDGER, |_: Term, _: Tick| async {}).every(Duration::from_secs(86_400));
    let former =
        || LeaderTask::scheduled("former", LEDGER, |_: Term, _: Tick| async {}).every(Duration::from_secs(86_400));
    let (first, first_seen) = world.observed("a").await;
    drop((first.add(daily()), first.add(former())));
    let running = Running::start(&first);
    sleep(Duration::from_secs(30)).await;
    running.end().await.unwrap();
    let next_of = |seen: &Seen, name: &str| {
        let events = seen.all().into_iter().filter_map(|event| match event {
            LeaseEvent::TicksRecorded { task, next, added, .. } if *task == *name => Some((added.run(), next)),
            _ => None,
        });
        events.last()
    };
    let planned = next_of(&first_seen, "report").unwrap();
    assert!(planned.1.is_some());
    let (second, second_seen) = world.observed("b").await;
    drop(second.add(daily()));
    let running = Running::start(&second);
    until(|| second_seen.story().iter().any(|line| line.starts_with("began"))).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(next_of(&second_seen, "report"), Some((0, planned.1)));
    assert_eq!(next_of(&second_seen, "former"), None, "no task of this process");
    running.end().await.unwrap();
}
