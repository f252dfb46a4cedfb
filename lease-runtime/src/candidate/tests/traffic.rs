//! Candidates that lead traffic to their own pod.

use serde_json::json;

use super::*;
use crate::embedded::{Fault, RequestMatcher};
use crate::spec::{Overrides, OwnPod, TrafficError};
use crate::task::TaskGroup;

const LABEL: &str = "leader.lease-runtime.dev/ledger";
const LABELLED: LeaseSpec = LeaseSpec::new("ledger").leader_label();

impl World {
    /// A candidate in the pod of its name.
    async fn in_pod(&self, name: &str) -> Candidate {
        self.api.put_object("pods", "default", name, &json!({ "metadata": { "uid": format!("uid-{name}") } }));
        let client = self.api.client_as(name, "default");
        let pod = OwnPod::new("default", name, format!("uid-{name}")).ip("10.0.0.1".parse().unwrap());
        let builder = Candidate::builder().identity(name).client(client).clock(self.clock.clone()).pod(pod);
        builder.build().await.unwrap()
    }

    fn is_labelled(&self, pod: &str) -> bool {
        self.api.object("pods", "default", pod).is_some_and(|pod| pod["metadata"]["labels"][LABEL] == "true")
    }
}

/// The label goes when the bodies are asked to end, and a candidate that has ended leaves none.
#[tokio::test(start_paused = true)]
async fn a_shutdown_removes_the_label_before_the_grace_and_the_release() {
    let world = World::new();
    let candidate = world.in_pod("a").await;
    candidate.add(world.stubborn("one", LABELLED).grace(Duration::from_secs(5)));
    let running = Running::start(&candidate);
    until(|| world.is_labelled("a")).await;
    let ended = tokio::spawn(running.end());
    until(|| !world.is_labelled("a")).await;
    assert_eq!(world.holder("ledger").as_deref(), Some("a"));
    assert_eq!(world.story.lines(), ["one began"], "the label is removed before the grace is over");
    ended.await.unwrap().unwrap();
    assert_eq!((world.holder("ledger").as_deref(), world.is_labelled("a")), (Some(""), false));
}

/// A body without grace: the release takes one request, and the removal of the label as long.
#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_the_label_but_no_longer_than_a_second() {
    for (fault, at_least, at_most) in [
        (Fault::none().slow_answer(Duration::from_millis(300)), 300, 500),
        (Fault::hang(), 1_000, 1_200),
        (Fault::status(403), 1_000, 1_200),
    ] {
        let world = World::new();
        let candidate = world.in_pod("a").await;
        candidate.add(world.obedient("one", LABELLED));
        let running = Running::start(&candidate);
        until(|| world.is_labelled("a")).await;
        world.api.inject(RequestMatcher::any().resource("pods"), fault);
        let before = world.clock.now();
        running.end().await.unwrap();
        let took = world.clock.now().since(before).as_millis();
        assert!((at_least..at_most).contains(&took), "{took} ms");
        assert_eq!(world.holder("ledger").as_deref(), Some(""));
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_of_one_lease_say_the_same_about_traffic() {
    let world = World::new();
    let candidate = world.in_pod("a").await;
    candidate.add(world.obedient("one", LABELLED));
    let error = candidate.add(world.obedient("two", LEDGER)).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Traffic(TrafficError::Differs { .. })), "{text}");
    let words = "task `two` asks for no leader_label and no leader_service, but task `one` of the same lease \
                 `default/ledger` for leader_label: ";
    assert!(text.starts_with(words), "{text}");
    let group = TaskGroup::concurrent("group")
        .with(world.obedient("three", SHARD).leader_service("orders"))
        .with(world.obedient("four", SHARD));
    let error = candidate.add(group).await.unwrap_err();
    assert!(matches!(error, Error::Traffic(TrafficError::Differs { .. })), "{error}");
}

#[tokio::test(start_paused = true)]
async fn two_leases_of_one_process_do_not_share_a_label_or_a_service() {
    let world = World::new();
    let candidate = world.in_pod("a").await;
    candidate.add(world.obedient("one", LABELLED.leader_service("orders")));
    let twice =
        [world.obedient("two", LABELLED.namespace("books")), world.obedient("three", SHARD).leader_service("orders")];
    for task in twice {
        let error = candidate.add(task).await.unwrap_err();
        assert!(matches!(error, Error::Traffic(TrafficError::Taken { .. })), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn names_that_do_not_fit_are_refused() {
    let world = World::new();
    let candidate = world.in_pod("a").await;
    let long = "x".repeat(64);
    for (task, words) in [
        (world.obedient("one", LEDGER).lease(&*long).leader_label(), "must have at most 63 characters"),
        (world.obedient("two", SHARD).leader_service("a.b"), "a Service's name must consist of"),
        (world.obedient("three", SHARD).leader_service(""), "a Service's name must consist of"),
    ] {
        let error = candidate.add(task).await.unwrap_err();
        assert!(matches!(error, Error::Spec { .. }) && error.to_string().contains(words), "{error}");
    }
    // With the prefix of the deployment, the name is too long.
    let client = world.api.client_as("a", "default");
    let overrides = Overrides::default().prefix(&*"x".repeat(60));
    let candidate = Candidate::builder().client(client).overrides(overrides).build().await.unwrap();
    let error = candidate.add(world.obedient("four", LABELLED)).await.unwrap_err();
    assert!(matches!(&error, Error::Overridden { .. }), "{error}");
}

/// The pod must be known when the candidate runs. Manifests, which set the variables, can be made without.
#[tokio::test(start_paused = true)]
async fn a_process_that_does_not_know_its_pod_does_not_run() {
    let world = World::new();
    let candidate = |pod: OwnPod| {
        let builder = Candidate::builder().client(world.api.client_as("a", "default")).clock(world.clock.clone());
        builder.pod(pod).build()
    };
    let without_ip = OwnPod::new("default", "a", "u");
    for (pod, task) in [
        (OwnPod::default(), world.obedient("one", LABELLED)),
        (without_ip.clone(), world.obedient("one", LEDGER).leader_service("orders")),
    ] {
        let candidate = candidate(pod).await.unwrap();
        candidate.add(task);
        assert!(candidate.manifests("app").build().is_ok());
        let error = candidate.run().await.unwrap_err();
        assert!(matches!(error, Error::Traffic(TrafficError::PodUnknown { .. })), "{error}");
    }
    let candidate = candidate(without_ip).await.unwrap();
    candidate.add(world.obedient("one", LEDGER));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    let error = candidate.add(world.obedient("late", SHARD).leader_service("orders")).await.unwrap_err();
    assert!(error.to_string().contains("has no POD_IP: set the variables by the downward API"), "{error}");
    running.end().await.unwrap();
    assert_eq!(world.api.requests().count(|entry| !matches!(entry.call.resource, "leases" | "events")), 0);
}

#[tokio::test(start_paused = true)]
async fn without_an_election_nothing_is_written_and_no_pod_is_needed() {
    let world = World::new();
    let builder = Candidate::builder().client(world.api.client_as("a", "default")).clock(world.clock.clone());
    let candidate =
        builder.pod(OwnPod::default()).overrides(Overrides::default().election(false)).build().await.unwrap();
    candidate.add(world.obedient("one", LABELLED.leader_service("orders")));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    seconds(600).await;
    running.end().await.unwrap();
    assert_eq!(world.api.requests().total(), 0);
}

/// Another task of the same lease, with another Service, needs another election.
#[tokio::test(start_paused = true)]
async fn a_lease_whose_tasks_are_replaced_follows_the_new_ones() {
    let world = World::new();
    let candidate = world.in_pod("a").await;
    for service in ["orders", "bills"] {
        world.api.put_object("services", "default", service, &json!({ "spec": { "ports": [{ "port": 80 }] } }));
    }
    candidate.add(world.obedient("keeps", SHARD));
    let running = Running::start(&candidate);
    let endpoints = |service: &str| {
        let slice = world.api.object("endpointslices", "default", &format!("{service}-leader"));
        slice.map(|slice| slice["endpoints"].as_array().map_or(0, Vec::len))
    };
    let first = LeaderTask::new("one", LEDGER, |_| sleep(Duration::from_secs(10))).leader_service("orders");
    candidate.add(first).await.unwrap();
    candidate.add(world.obedient("two", LEDGER).leader_service("bills"));
    until(|| endpoints("bills") == Some(1)).await;
    until(|| endpoints("orders") == Some(0)).await;
    running.end().await.unwrap();
    assert_eq!((endpoints("orders"), endpoints("bills")), (Some(0), Some(0)));
}

/// The container has started again in its pod, and does not take part yet.
#[tokio::test(start_paused = true)]
async fn a_label_that_an_earlier_container_left_is_removed_while_a_process_does_not_take_part() {
    for waits_for_warm_up in [true, false] {
        let world = World::new();
        let candidate = world.in_pod("a").await;
        world.api.edit_object("pods", "default", "a", |pod| pod["metadata"]["labels"] = json!({ (LABEL): "true" }));
        let (ready, condition) = watch::channel(false);
        let task = world.obedient("one", LABELLED);
        candidate.add(match waits_for_warm_up {
            true => task.warm_up(async move {
                let _ = condition.clone().wait_for(|ready| *ready).await;
            }),
            false => task.contend_when(condition),
        });
        let running = Running::start(&candidate);
        until(|| !world.is_labelled("a")).await;
        assert_eq!(world.holder("ledger"), None, "it does not take part");
        ready.send_replace(true);
        until(|| world.is_labelled("a")).await;
        seconds(600).await;
        assert!(world.is_labelled("a"));
        running.end().await.unwrap();
        assert!(!world.is_labelled("a"));
    }
}
