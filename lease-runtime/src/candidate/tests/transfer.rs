//! Operators ask the holder to give its lease up, for any candidate or for a certain one.

use serde_json::{Value, json};

use super::*;
use crate::admin::{LeaseAdmin, LeaseAdminError};
use crate::elector::tests::log::Lines;
use crate::embedded::{Fault, RequestMatcher, Verb};

const STEP_DOWN: &str = "lease-runtime.dev/step-down";
const TRANSFER_TO: &str = "lease-runtime.dev/transfer-to";

impl World {
    fn lease_admin(&self) -> LeaseAdmin {
        LeaseAdmin::new(self.api.client_as("admin", "default"), "default")
    }

    fn said(&self, annotation: &str) -> Option<String> {
        let lease = self.api.lease("default", "ledger")?;
        lease.metadata.annotations?.get(annotation).cloned()
    }

    /// Writes an annotation by hand.
    fn annotate(&self, annotation: &str, value: &str) {
        assert!(self.api.edit_lease("default", "ledger", |lease| {
            lease["metadata"]["annotations"][annotation] = value.into();
        }));
    }

    /// Waits until the holder has named its tasks, and returns its whole identity.
    async fn listens(&self) -> String {
        let identity = || self.api.lease("default", "ledger")?.spec?.holder_identity;
        until(|| {
            let named = self.said("lease-runtime.dev/tasks").unwrap_or_default();
            identity().is_some_and(|holder| !holder.is_empty() && named.contains(&holder))
        })
        .await;
        identity().unwrap()
    }

    /// A candidate whose body notes its name.
    async fn started(&self, name: &'static str) -> (Candidate, Running) {
        let candidate = self.candidate(name).await;
        candidate.add(self.obedient(name, LEDGER));
        let running = Running::start(&candidate);
        (candidate, running)
    }

    /// Three candidates, of which `a` leads and listens.
    async fn three(&self) -> Vec<(Candidate, Running)> {
        let mut three = vec![self.started("a").await];
        self.story.grown_to(1).await;
        for name in ["b", "c"] {
            three.push(self.started(name).await);
        }
        self.listens().await;
        three
    }
}

async fn end(all: Vec<(Candidate, Running)>) {
    for (_, running) in all {
        running.end().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_transfer_goes_to_the_named_candidate_without_a_gap() {
    for to in 1..3 {
        let world = World::new();
        let (lines, three) = (Lines::default(), world.three().await);
        let _captured = lines.capture();
        let status = three[0].0.status("ledger").unwrap();
        let before = world.clock.now();
        let asked = world.lease_admin().transfer("ledger", three[to].0.identity()).await.unwrap();
        assert_eq!(asked, three[0].0.identity());
        let next = ["a", "b", "c"][to];
        let story = world.story.grown_to(3).await;
        assert_eq!(story, ["a began".to_owned(), "a ended, lease held".to_owned(), format!("{next} began")]);
        let took = world.clock.now().since(before);
        assert!(took < Duration::from_secs(1), "{took:?}");
        assert_eq!(status.borrow().last_stop, Some(StopReason::StepDownRequested));
        assert_eq!((world.said(STEP_DOWN), world.said(TRANSFER_TO)), (None, None));
        assert_eq!(lines.matching(&["asked from outside to transfer the lease", three[to].0.identity()]), 1);
        // The one that stepped down takes part again, and the leader stays.
        seconds(60).await;
        assert_eq!(status.borrow().standing, Standing::Follower);
        assert_eq!(world.story.lines().len(), 3);
        // It can also follow.
        world.listens().await;
        assert_eq!(world.lease_admin().transfer("ledger", &asked).await.unwrap(), three[to].0.identity());
        let story = world.story.grown_to(5).await;
        assert_eq!(story[3..], [format!("{next} ended, lease held"), "a began".to_owned()]);
        end(three).await;
    }
}

/// It stays out for others to lead, and then one of them does.
#[tokio::test(start_paused = true)]
async fn a_candidate_that_was_moved_away_from_follows_again_as_soon_as_another_leads() {
    for watch_is_refused in [false, true] {
        let world = World::new();
        if watch_is_refused {
            world.api.inject(RequestMatcher::verb(Verb::Watch).caller("a"), Fault::status(403));
        }
        let three = world.three().await;
        let first = world.lease_admin().transfer("ledger", three[1].0.identity()).await.unwrap();
        assert_eq!(world.story.grown_to(3).await[2], "b began");
        let before = world.clock.now();
        world.listens().await;
        assert_eq!(world.lease_admin().transfer("ledger", &first).await.unwrap(), three[1].0.identity());
        assert_eq!(world.story.grown_to(5).await[3..], ["b ended, lease held", "a began"]);
        let took = world.clock.now().since(before);
        assert!(took < Duration::from_secs(12), "{took:?}, watch refused: {watch_is_refused}");
        end(three).await;
    }
}

#[tokio::test(start_paused = true)]
async fn others_follow_if_the_named_candidate_is_gone() {
    let world = World::new();
    let three = world.three().await;
    let before = world.clock.now();
    world.lease_admin().transfer("ledger", "gone-7_0011223344556677").await.unwrap();
    world.story.grown_to(2).await;
    seconds(3).await;
    assert_eq!(world.holder("ledger").as_deref(), Some(""), "it is left to the named one");
    assert_eq!(world.said(TRANSFER_TO).as_deref(), Some("gone-7_0011223344556677"));
    let story = world.story.grown_to(3).await;
    assert!(["b began", "c began"].contains(&&*story[2]), "{story:?}");
    let took = world.clock.now().since(before).as_secs_f64();
    assert!((4.0..5.0).contains(&took), "{took}");
    assert_eq!(world.said(TRANSFER_TO), None);
    end(three).await;
}

/// Without a watch, a candidate polls. The wait of the others covers one poll.
#[tokio::test(start_paused = true)]
async fn the_named_candidate_need_not_have_a_watch() {
    for seed in 0..8 {
        let world = World::new();
        world.api.inject(RequestMatcher::verb(Verb::Watch).caller("c"), Fault::status(403));
        let three = world.three().await;
        sleep(Duration::from_millis(250 * seed)).await;
        world.lease_admin().transfer("ledger", three[2].0.identity()).await.unwrap();
        assert_eq!(world.story.grown_to(3).await[2], "c began");
        end(three).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_down_is_followed_by_any_other_at_once() {
    let world = World::new();
    let three = world.three().await;
    let admin = three[1].0.lease_admin().await.unwrap();
    let before = world.clock.now();
    assert_eq!(admin.step_down("default/ledger").await.unwrap(), three[0].0.identity());
    let story = world.story.grown_to(3).await;
    assert!(["b began", "c began"].contains(&&*story[2]), "{story:?}");
    let took = world.clock.now().since(before);
    assert!(took < Duration::from_secs(1), "{took:?}");
    end(three).await;
}

#[tokio::test(start_paused = true)]
async fn a_holder_without_a_watch_hears_the_request_with_its_next_renewal() {
    let world = World::new();
    world.api.inject(RequestMatcher::verb(Verb::Watch), Fault::status(403));
    let three = world.three().await;
    world.lease_admin().step_down("ledger").await.unwrap();
    let before = world.clock.now();
    world.story.grown_to(2).await;
    assert!(world.clock.now().since(before) < Duration::from_secs(8));
    world.story.grown_to(3).await;
    end(three).await;
}

/// What is not for this term, or cannot be read, is removed by the next renewal and has no effect.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_for_this_term_has_no_effect() {
    let world = World::new();
    let (lines, three) = (Lines::default(), world.three().await);
    let _captured = lines.capture();
    let holder = three[0].0.identity();
    let huge = "x".repeat(100_000);
    for (number, text) in [
        json!({ "holder": "b", "transitions": 0 }).to_string(),
        json!({ "holder": holder, "transitions": 1 }).to_string(),
        json!({ "holder": holder, "transitions": -1, "to": "b" }).to_string(),
        json!({ "holder": holder }).to_string(),
        json!({ "holder": holder, "transitions": 0, "to": "" }).to_string(),
        json!({ "holder": holder, "transitions": 0, "to": holder }).to_string(),
        "please\n\u{1b}[2J".to_owned(),
        huge,
    ]
    .into_iter()
    .enumerate()
    {
        world.annotate(STEP_DOWN, &text);
        world.annotate(TRANSFER_TO, "b");
        until(|| world.said(STEP_DOWN).is_none()).await;
        assert_eq!(world.said(TRANSFER_TO), None);
        let named = lines.matching(&["WARN", "a request to step down cannot be read and is removed"]);
        assert_eq!(named, number.saturating_sub(2), "each is named once");
    }
    seconds(60).await;
    assert_eq!(world.story.lines(), ["a began"]);
    assert!(lines.all().iter().all(|line| line.len() < 1000 && !line.contains('\u{1b}')));
    end(three).await;
}

#[tokio::test(start_paused = true)]
async fn the_last_request_before_the_release_counts() {
    let world = World::new();
    let a = world.candidate("a").await;
    a.add(world.stubborn("a", LEDGER).grace(Duration::from_secs(8)));
    let first = Running::start(&a);
    world.story.grown_to(1).await;
    let mut others = vec![world.started("b").await, world.started("c").await];
    world.listens().await;
    let admin = world.lease_admin();
    admin.transfer("ledger", others[0].0.identity()).await.unwrap();
    seconds(3).await;
    assert_eq!(world.holder("ledger").as_deref(), Some("a"), "its body uses its grace");
    admin.transfer("ledger", others[1].0.identity()).await.unwrap();
    let story = world.story.grown_to(3).await;
    assert_eq!(story, ["a began", "a dropped, lease held", "c began"]);
    others.push((a, first));
    end(others).await;
}

/// The bodies end for a shutdown, and an operator says who is to follow.
#[tokio::test(start_paused = true)]
async fn a_holder_that_shuts_down_releases_for_the_named_candidate() {
    let world = World::new();
    let a = world.candidate("a").await;
    a.add(world.stubborn("a", LEDGER).grace(Duration::from_secs(8)));
    let first = Running::start(&a);
    world.story.grown_to(1).await;
    let others = vec![world.started("b").await, world.started("c").await];
    world.listens().await;
    let ended = tokio::spawn(first.end());
    seconds(1).await;
    world.lease_admin().transfer("ledger", others[1].0.identity()).await.unwrap();
    assert_eq!(world.story.grown_to(3).await[2], "c began");
    ended.await.unwrap().unwrap();
    assert_eq!(a.status("ledger").unwrap().borrow().last_stop, Some(StopReason::Shutdown));
    end(others).await;
}

/// The holder has lost its connection, so it hears nothing and another process acquires the lease.
#[tokio::test(start_paused = true)]
async fn a_request_does_not_reach_the_next_holder() {
    let world = World::new();
    let three = world.three().await;
    let cut = world.api.inject(RequestMatcher::any().caller("a"), Fault::drop_connection());
    world.api.break_watches(|call| call.caller == "a");
    world.lease_admin().step_down("ledger").await.unwrap();
    assert!(world.said(STEP_DOWN).is_some());
    let story = world.story.grown_to(3).await;
    let next = story[2].clone();
    assert_eq!(story[1], "a ended, lease held");
    assert_eq!(world.said(STEP_DOWN), None, "the write that acquires removes it");
    cut.remove();
    seconds(60).await;
    assert_eq!(world.story.lines()[2..], [next]);
    end(three).await;
}

/// Another process acquires between the read and the write of the operator.
#[tokio::test(start_paused = true)]
async fn a_request_for_a_holder_that_was_just_replaced_is_not_written() {
    let world = World::new();
    world.lease("z", 3);
    let api = world.api.clone();
    world.api.inject_with(move |call| {
        if call.verb == Verb::Update && call.caller == "admin" {
            api.edit_lease("default", "ledger", |lease| lease["spec"]["holderIdentity"] = "y".into());
        }
        None
    });
    let error = world.lease_admin().step_down("ledger").await.unwrap_err();
    let LeaseAdminError::NotListening { holder, .. } = &error else { panic!("{error}") };
    assert_eq!((holder.as_str(), world.said(STEP_DOWN)), ("y", None));
}

impl World {
    /// A Lease that somebody holds who names a task.
    fn lease(&self, holder: &str, transitions: i32) {
        let tasks = json!({ "holder": holder, "tasks": ["one"], "more": 0 }).to_string();
        let spec: Value = json!({
            "holderIdentity": holder, "leaseTransitions": transitions, "leaseDurationSeconds": 15,
            "acquireTime": "2023-11-14T22:13:20.000000Z", "renewTime": "2023-11-14T22:13:25.000000Z",
        });
        let metadata = json!({ "annotations": { "lease-runtime.dev/tasks": tasks } });
        self.api.put_lease("default", "ledger", &json!({ "metadata": metadata, "spec": spec }));
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_nobody_would_hear_are_refused_with_a_remedy() {
    let world = World::new();
    let admin = world.lease_admin();
    let refused = async |to: Option<&str>, words: &str| {
        let error = match to {
            None => admin.step_down("ledger").await,
            Some(to) => admin.transfer("ledger", to).await,
        };
        let error = error.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(world.said(STEP_DOWN), None);
        error
    };
    refused(None, "no candidate has led it yet").await;
    world.lease("z", 3);
    for to in ["", "a\nb", &"b".repeat(256)] {
        let error = refused(Some(to), "is the identity of no candidate").await;
        assert!(matches!(&error, LeaseAdminError::Identity { .. }) && !error.to_string().contains('\n'));
    }
    refused(Some("z"), "holds lease `default/ledger` already").await;
    world.api.edit_lease("default", "ledger", |lease| lease["spec"]["holderIdentity"] = "other\u{1b}[2J".into());
    let error = refused(None, "a program without lease-runtime").await;
    assert!(
        matches!(error, LeaseAdminError::NotListening { renewed: true, .. }) && !error.to_string().contains('\u{1b}')
    );
    world.api.edit_lease("default", "ledger", |lease| {
        lease["spec"]["acquireTime"] = lease["spec"]["renewTime"].clone();
    });
    refused(None, "try again in some seconds").await;
    world.api.edit_lease("default", "ledger", |lease| lease["spec"]["holderIdentity"] = "".into());
    refused(None, "has no holder").await;
    assert!(matches!(admin.step_down("No Lease").await, Err(LeaseAdminError::Spec(_))));
    world.lease("z", 3);
    assert_eq!(admin.transfer("ledger", "b").await.unwrap(), "z");
    assert_eq!(world.said(STEP_DOWN).as_deref(), Some(r#"{"holder":"z","to":"b","transitions":3}"#));
    // Asked again, nothing is written.
    let writes = world.api.requests().count(|entry| entry.call.verb == Verb::Update);
    admin.transfer("ledger", "b").await.unwrap();
    assert_eq!(world.api.requests().count(|entry| entry.call.verb == Verb::Update), writes);
}

/// A policy refuses each write that changes such an annotation. The lease is released all the same, and acquired.
#[tokio::test(start_paused = true)]
async fn a_policy_against_the_annotations_costs_no_release_and_no_acquisition() {
    let world = World::new();
    let three = world.three().await;
    world.lease_admin().transfer("ledger", three[2].0.identity()).await.unwrap();
    let api = world.api.clone();
    world.api.inject_with(move |call| {
        let stored = api.lease_json("default", "ledger")?;
        let differs =
            |name: &str| stored["metadata"]["annotations"][name] != call.body["metadata"]["annotations"][name];
        (call.verb == Verb::Update && (differs(STEP_DOWN) || differs(TRANSFER_TO))).then(|| Fault::status(403))
    });
    let before = world.clock.now();
    let story = world.story.grown_to(3).await;
    assert!(story[2].ends_with("began"), "{story:?}");
    let took = world.clock.now().since(before);
    assert!(took < Duration::from_secs(8), "{took:?}");
    // The request stays in the Lease, and the new holder does not step down.
    seconds(60).await;
    assert!(world.said(STEP_DOWN).is_some());
    assert_eq!(world.story.lines().len(), 3);
    end(three).await;
}

/// Each replica leads for itself, and another request reaches nobody.
#[tokio::test(start_paused = true)]
async fn without_an_election_only_the_program_itself_can_ask() {
    let world = World::new();
    let overrides = crate::spec::Overrides::default().election(false);
    let builder = Candidate::builder().identity("a").clock(world.clock.clone()).overrides(overrides);
    let candidate = builder.build().await.unwrap();
    candidate.add(world.obedient("a", LEDGER));
    let running = Running::start(&candidate);
    seconds(10).await;
    let error = world.lease_admin().step_down("ledger").await.unwrap_err();
    assert!(matches!(error, LeaseAdminError::LeaseMissing { .. }), "{error}");
    let admin = candidate.lease_admin().await.unwrap();
    assert_eq!(admin.step_down("ledger").await.unwrap(), candidate.identity());
    assert_eq!(world.story.grown_to(3).await[1..], ["a ended, lease not held", "a began"]);
    running.end().await.unwrap();
}
