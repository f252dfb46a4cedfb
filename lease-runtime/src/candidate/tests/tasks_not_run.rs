//! Other programs on the same lease, and tasks of this replica that the holder does not run.

use serde_json::json;

use super::*;
use crate::elector::tests::log::Lines;
use crate::embedded::{Fault, RequestMatcher};
use lease_protocol::ticks::names::TASKS;

const NOT_RUN: &str = "the holder of the lease does not run tasks that this replica has";
const NOT_KNOWN: &str = "the holder of the lease does not say that it runs the tasks of this replica";

fn not_run(candidate: &Candidate) -> Vec<String> {
    candidate.status("ledger").unwrap().borrow().not_run.clone()
}

#[tokio::test(start_paused = true)]
async fn a_follower_says_which_of_its_tasks_the_holder_does_not_run() {
    let lines = Lines::default();
    let _capture = lines.capture();
    let world = World::new();
    let (mailing, billing) = (world.candidate("mailing").await, world.candidate("billing").await);
    mailing.add(world.obedient("mails", LEDGER));
    mailing.add(world.obedient("both", LEDGER));
    let leading = Running::start(&mailing);
    world.story.grown_to(2).await;
    billing.add(world.obedient("bills", LEDGER));
    billing.add(world.obedient("both", LEDGER));
    let following = Running::start(&billing);
    seconds(60).await;
    assert_eq!((not_run(&billing), not_run(&mailing)), (vec!["bills".to_owned()], vec![]));
    assert_eq!(lines.matching(&[NOT_RUN, "mailing_", "bills"]), 1, "{lines:?}");
    // A rollout: the holder gets the task too.
    mailing.add(world.obedient("bills", LEDGER));
    seconds(10).await;
    assert_eq!(not_run(&billing), [""; 0]);
    leading.end().await.unwrap();
    seconds(60).await;
    // Now this replica leads.
    assert_eq!((world.holder("ledger").as_deref(), not_run(&billing)), (Some("billing"), vec![]));
    assert_eq!(lines.matching(&[NOT_RUN]) + lines.matching(&[NOT_KNOWN]), 1, "{lines:?}");
    following.end().await.unwrap();
}

/// The annotation of an earlier holder stays under a holder that does not know it.
#[tokio::test(start_paused = true)]
async fn a_holder_that_names_no_tasks_may_be_another_program() {
    let lines = Lines::default();
    let _capture = lines.capture();
    let world = World::new();
    let before = json!({ "holder": "a_1", "tasks": ["one"], "more": 0 }).to_string();
    let foreign = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": { "name": "ledger", "namespace": "default", "annotations": { TASKS: before } },
        "spec": { "holderIdentity": "operator-1", "leaseDurationSeconds": 3600, "leaseTransitions": 1 },
    });
    world.api.put_lease("default", "ledger", &foreign);
    let candidate = world.candidate("a").await;
    candidate.add(world.obedient("one", LEDGER));
    let running = Running::start(&candidate);
    seconds(10).await;
    assert_eq!(lines.matching(&[NOT_KNOWN]), 0, "it may be about to say it");
    seconds(60).await;
    assert_eq!(not_run(&candidate), ["one"]);
    assert_eq!(lines.matching(&[NOT_KNOWN, "operator-1", "one"]), 1, "{lines:?}");
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn two_replicas_of_one_program_log_nothing_and_write_nothing_more() {
    let lines = Lines::default();
    let _capture = lines.capture();
    let world = World::new();
    let (a, b) = (world.candidate("a").await, world.candidate("b").await);
    for candidate in [&a, &b] {
        candidate.add(world.obedient("one", LEDGER));
        // It is done here, and not on the follower.
        candidate.add(LeaderTask::new("two", LEDGER, |_| async {}));
    }
    let running = [Running::start(&a), Running::start(&b)];
    seconds(60).await;
    let writes = || world.api.requests().count(|entry| entry.call.verb == crate::embedded::Verb::Update);
    let before = writes();
    seconds(600).await;
    // At most one renewal per retry period of 2 s.
    assert!(writes() - before <= 300, "{}", writes() - before);
    assert_eq!((not_run(&a), not_run(&b)), (vec![], vec![]));
    assert_eq!(lines.matching(&[NOT_RUN]) + lines.matching(&[NOT_KNOWN]), 0, "{lines:?}");
    for running in running {
        running.end().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_refuses_the_names_does_not_take_the_lease_away() {
    let world = World::new();
    let policy = RequestMatcher::writes().and(|call| call.body.to_string().contains(TASKS));
    world.api.inject(policy, Fault::status(422).message("no annotations here"));
    let candidate = world.candidate("a").await;
    candidate.add(world.obedient("one", LEDGER));
    let running = Running::start(&candidate);
    seconds(600).await;
    assert_eq!((world.story.lines(), world.holder("ledger").as_deref()), (vec!["one began".to_owned()], Some("a")));
    let refused = world.api.requests().count(|entry| entry.call.body.to_string().contains(TASKS));
    assert!(refused <= 8, "{refused} writes were refused");
    running.end().await.unwrap();
}
