//! The takeover delay, in virtual time.

use serde_json::json;

use super::*;
use crate::elector::tests::log::Lines;
use crate::embedded::{Fault, RequestMatcher, Verb};
use crate::spec::Overrides;
use lease_protocol::election::Taken;

const DELAY: Duration = Duration::from_secs(20);
/// What a few polls of a test take.
const SHORT: Duration = Duration::from_millis(100);
/// Its lease of four seconds is renewed many times during the delay.
const DELAYED: LeaseSpec = LEDGER.lease_duration(Duration::from_secs(4)).takeover_delay(DELAY);

impl World {
    /// Makes a lease of four seconds whose holder is silent.
    fn silent(&self, lease: &str) {
        let spec = json!({ "holderIdentity": "silent", "leaseDurationSeconds": 4, "leaseTransitions": 3 });
        self.api.put_lease("default", lease, &json!({ "metadata": { "name": lease }, "spec": spec }));
    }

    async fn taken_by(&self, lease: &str, holder: &str) {
        until(|| self.holder(lease).as_deref() == Some(holder)).await;
    }
}

fn taken(candidate: &Candidate) -> Option<Taken> {
    candidate.status("ledger").unwrap().borrow().taken
}

#[tokio::test(start_paused = true)]
async fn bodies_and_ticks_wait_after_a_takeover_and_the_lease_is_renewed() {
    let (world, lines) = (World::new(), Lines::default());
    let _captured = lines.capture();
    world.silent("ledger");
    // The longest delay counts for all tasks of the lease.
    let candidate = world.candidate("a").await;
    candidate.add(world.obedient("one", DELAYED));
    candidate.add(world.obedient("two", DELAYED).takeover_delay(Duration::ZERO));
    let story = world.story.clone();
    candidate.add(
        LeaderTask::scheduled("tick", DELAYED, move |_, _| {
            let story = story.clone();
            async move { story.add("tick".to_owned()) }
        })
        .every(Duration::from_secs(10)),
    );
    let running = Running::start(&candidate);
    world.taken_by("ledger", "a").await;
    assert_eq!(taken(&candidate), Some(Taken::RanOut));
    seconds(19).await;
    assert_eq!(world.story.lines(), [""; 0]);
    assert_eq!(world.holder("ledger").as_deref(), Some("a"), "it is renewed meanwhile");
    seconds(1).await;
    let mut began = world.story.grown_to(2).await;
    began.sort();
    assert_eq!(began, ["one began", "two began"]);
    until(|| world.story.lines().contains(&"tick".to_owned())).await;
    let said = ["INFO", "tasks start when the takeover delay has passed", "delay=20s", "lease=ledger"];
    assert_eq!(lines.matching(&said), 1, "{:?}", lines.all());
    assert_eq!(lines.matching(&["INFO", "the takeover delay has passed, starting tasks"]), 1, "{:?}", lines.all());
    assert_eq!(lines.matching(&["acquired lease"]), 1, "one term");
    running.end().await.unwrap();
}

/// The write was held up on its way: the time until its answer is a part of the delay.
#[tokio::test(start_paused = true)]
async fn the_delay_counts_from_the_write_that_took_the_lease() {
    let world = World::new();
    world.silent("ledger");
    // Not so slow that a second copy is sent beside it.
    let slow = Duration::from_millis(500);
    world.api.inject(RequestMatcher::verb(Verb::Update).times(1), Fault::none().delayed(slow));
    let candidate = world.candidate("a").await;
    candidate.add(world.obedient("one", DELAYED));
    let running = Running::start(&candidate);
    let mut status = candidate.status("ledger").unwrap();
    status.wait_for(|status| matches!(status.standing, Standing::Leader(_))).await.unwrap();
    let answered = world.clock.now();
    world.story.grown_to(1).await;
    let waited = world.clock.now().since(answered);
    let rest = DELAY - slow;
    assert!(waited + SHORT >= rest && waited <= rest + SHORT, "{waited:?}");
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_free_or_released_is_used_at_once() {
    let world = World::new();
    let [first, second] = [world.candidate("a").await, world.candidate("b").await];
    first.add(world.obedient("one", DELAYED));
    let began = world.clock.now();
    let first_runs = Running::start(&first);
    world.story.grown_to(1).await;
    second.add(world.obedient("two", DELAYED));
    let second_runs = Running::start(&second);
    seconds(1).await;
    first_runs.end().await.unwrap();
    assert_eq!(world.story.grown_to(3).await[1..], ["one ended, lease held", "two began"]);
    assert!(world.clock.now().since(began) < DELAY / 2);
    assert_eq!((taken(&first), taken(&second)), (Some(Taken::Created), Some(Taken::Released)));
    second_runs.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_term_that_ends_during_the_delay_starts_no_body() {
    let world = World::new();
    for (lease, end) in [("shutdown", 0), ("step-down", 1), ("lost", 2)] {
        world.silent(lease);
        let candidate = world.candidate("a").await;
        candidate.add(world.obedient("one", DELAYED).lease(lease));
        let running = Running::start(&candidate);
        world.taken_by(lease, "a").await;
        seconds(2).await;
        let began = world.clock.now();
        match end {
            0 => {}
            1 => {
                assert!(candidate.step_down(lease));
                until(|| world.holder(lease).as_deref() == Some("")).await;
            }
            _ => {
                let spec = json!({ "holderIdentity": "other", "leaseDurationSeconds": 600, "leaseTransitions": 9 });
                world.api.put_lease("default", lease, &json!({ "metadata": { "name": lease }, "spec": spec }));
                seconds(4).await;
            }
        }
        running.end().await.unwrap();
        assert!(world.clock.now().since(began) < DELAY / 2, "{lease}");
        assert_eq!(world.story.lines(), [""; 0], "{lease}");
        let left = if end == 2 { "other" } else { "" };
        assert_eq!(world.holder(lease).as_deref(), Some(left), "{lease}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_delay_of_the_deployment_replaces_that_of_a_task() {
    for (delay, begins) in [(Duration::ZERO, true), (Duration::from_secs(60), false)] {
        let world = World::new();
        world.silent("ledger");
        let builder = Candidate::builder().identity("a").client(world.api.client_as("a", "default"));
        let overrides = Overrides::default().takeover_delay(delay);
        let candidate = builder.clock(world.clock.clone()).overrides(overrides).build().await.unwrap();
        candidate.add(world.obedient("one", DELAYED));
        let running = Running::start(&candidate);
        world.taken_by("ledger", "a").await;
        seconds(if begins { 1 } else { 59 }).await;
        assert_eq!(!world.story.lines().is_empty(), begins);
        running.end().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_delay_of_more_than_an_hour_is_refused() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let error =
        candidate.add(world.obedient("one", LEDGER).takeover_delay(Duration::from_secs(3601))).await.unwrap_err();
    let rule = "takeover_delay must be at most an hour, not 3601s: 5s is usual, or leave it out";
    assert!(error.to_string().contains(rule), "{error}");
}
