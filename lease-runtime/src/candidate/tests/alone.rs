//! Candidates without an election.

use super::*;
use crate::elector::tests::log::Lines;
use crate::spec::Overrides;
use crate::tick::{Cause, Tick};

const EVERY_MINUTE: Duration = Duration::from_secs(60);

fn off() -> Overrides {
    Overrides::default().election(false)
}

impl World {
    /// A candidate without an election, in virtual time. It has no cluster.
    async fn alone(&self, name: &str) -> Candidate {
        let builder = Candidate::builder().identity(name).clock(self.clock.clone());
        builder.overrides(off()).build().await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn bodies_run_at_once_and_end_in_order() {
    let world = World::new();
    let candidate = world.alone("a").await;
    assert!(!candidate.elects() && world.candidate("b").await.elects());
    let told = world.story.clone();
    candidate.add(LeaderTask::new("one", LEDGER, move |term: Term| {
        told.add(format!("{} began with token {}", term.lease(), term.fencing_token()));
        let told = told.clone();
        async move {
            term.cancelled().await;
            told.add("ended".to_owned());
        }
    }));
    let began = world.clock.now();
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    assert!(world.clock.now().since(began) < Duration::from_millis(100), "the term began late");
    // The term goes on, and its lease is renewed.
    seconds(3600).await;
    assert_eq!(world.story.lines(), ["default/ledger began with token 1"]);
    let status = candidate.status("ledger").unwrap();
    assert!(matches!(status.borrow().standing, Standing::Leader(_)) && status.borrow().problem.is_none());
    running.end().await.unwrap();
    assert_eq!(world.story.lines()[1..], ["ended"]);
    assert_eq!(status.borrow().holder, None, "the lease is released");
    assert_eq!(world.api.requests().total(), 0);
}

#[tokio::test(start_paused = true)]
async fn that_there_is_no_election_is_said_and_nothing_else_is_warned_of() {
    let (world, lines) = (World::new(), Lines::default());
    let _captured = lines.capture();
    let candidate = world.alone("a").await;
    assert_eq!(lines.matching(&["WARN", "the election is off", "Overrides::election"]), 1);
    candidate.add(world.obedient("one", LEDGER));
    let running = Running::start(&candidate);
    seconds(3600).await;
    running.end().await.unwrap();
    assert_eq!(lines.matching(&["WARN"]) + lines.matching(&["ERROR"]), 1);
}

#[tokio::test(start_paused = true)]
async fn ticks_are_run_and_remembered_and_can_be_triggered() {
    let world = World::new();
    let candidate = world.alone("a").await;
    let told = world.story.clone();
    let task = LeaderTask::scheduled("report", LEDGER, move |_, tick: Tick| {
        let told = told.clone();
        async move {
            told.add(match tick.cause() {
                Cause::Trigger(id) => id.to_string(),
                _ => tick.nominal().to_string(),
            });
        }
    });
    candidate.add(task.every(EVERY_MINUTE));
    let running = Running::start(&candidate);
    seconds(130).await;
    assert_eq!(world.story.lines(), ["2023-11-14T22:14:00Z", "2023-11-14T22:15:00Z"]);
    let admin = candidate.admin().await.unwrap();
    admin.trigger("ledger", "report", "now").await.unwrap();
    // The watch shows the request. Without it, the next renewal would.
    seconds(1).await;
    assert_eq!(world.story.lines()[2..], ["now"]);
    let ticks = admin.ticks("ledger").await.unwrap();
    assert_eq!(ticks["report"].counts().done, 3);
    running.end().await.unwrap();
}

/// In real time, as a program runs it: the elections have a thread of their own, and the Leases are those of the process.
#[tokio::test(flavor = "multi_thread")]
async fn candidates_of_one_process_share_their_leases() {
    let story = Story::default();
    let task = |who: &'static str| {
        let story = story.clone();
        LeaderTask::new("one", LeaseSpec::new("of-one-process"), move |term: Term| {
            story.add(format!("{who} leads"));
            async move { term.cancelled().await }
        })
    };
    let mut running = Vec::new();
    for who in ["a", "b"] {
        let candidate = Candidate::builder().identity(who).overrides(off()).build().await.unwrap();
        candidate.add(task(who));
        running.push(Running::start(&candidate));
        if who == "a" {
            story.grown_to(1).await;
        } else {
            // It follows.
            until(|| candidate.status("of-one-process").unwrap().borrow().holder.is_some()).await;
        }
    }
    assert_eq!(story.lines(), ["a leads"]);
    running.remove(0).end().await.unwrap();
    assert_eq!(story.grown_to(2).await, ["a leads", "b leads"]);
    running.remove(0).end().await.unwrap();
}
