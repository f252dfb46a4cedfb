//! What a deployment sets in place of what a program says: prefixes, namespaces, timings, labels and owners.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::*;
use crate::spec::Overrides;
use lease_protocol::ticks::StartDeadline;

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

impl World {
    fn builder(&self, name: &str) -> CandidateBuilder {
        Candidate::builder().identity(name).client(self.api.client_as(name, "default")).clock(self.clock.clone())
    }

    async fn deployed(&self, name: &str, overrides: Overrides) -> Candidate {
        self.builder(name).overrides(overrides).build().await.unwrap()
    }
}

fn scheduled(name: &'static str, spec: LeaseSpec) -> LeaderTask<()> {
    LeaderTask::scheduled(name, spec, |_, _| async {}).cron("0 2 * * *")
}

#[tokio::test(start_paused = true)]
async fn the_program_leaves_the_prefix_out_and_the_cluster_shows_it() {
    let world = World::new();
    world.api.create_namespace("books");
    let candidate = world.deployed("a", Overrides::default().prefix("blue")).await;
    let told = world.story.clone();
    candidate.add(LeaderTask::new("one", LEDGER, move |term: Term| {
        told.add(term.lease().to_string());
        async move { term.cancelled().await }
    }));
    candidate.add(scheduled("nightly", SHARD.namespace("books")));
    let running = Running::start(&candidate);
    assert_eq!(world.story.grown_to(1).await, ["default/blue-ledger"]);
    until(|| world.api.lease("books", "blue-shard").is_some_and(|lease| lease.metadata.annotations.is_some())).await;
    assert_eq!(world.holder("blue-ledger").as_deref(), Some("a"));
    assert!(world.api.lease("default", "ledger").is_none() && world.api.lease("books", "shard").is_none());
    let ids: Vec<_> = candidate.leases().iter().map(ToString::to_string).collect();
    assert_eq!(ids, ["books/blue-shard", "default/blue-ledger"]);
    // A text is the name of the program, with or without a namespace. An id is the name in the cluster.
    for status in
        [candidate.status("ledger"), candidate.status("default/ledger"), candidate.status(&candidate.leases()[1])]
    {
        assert_eq!(&*status.unwrap().borrow().lease.name, "blue-ledger");
    }
    assert!(candidate.status("blue-ledger").is_none());
    assert!(candidate.status(LeaseId::new("default", "ledger")).is_none());
    let admin = candidate.admin().await.unwrap();
    assert!(admin.ticks("books/shard").await.unwrap().contains_key("nightly"));
    assert!(admin.ticks(LeaseId::new("books", "blue-shard")).await.unwrap().contains_key("nightly"));
    assert!(candidate.step_down("ledger"));
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn releases_with_different_prefixes_lead_side_by_side() {
    let world = World::new();
    let mut running = Vec::new();
    for (name, prefix) in [("a", "blue"), ("b", "green"), ("c", "green")] {
        let candidate = world.deployed(name, Overrides::default().prefix(prefix)).await;
        candidate.add(world.obedient(name, LEDGER));
        running.push(Running::start(&candidate));
        seconds(20).await;
    }
    assert_eq!(world.story.lines(), ["a began", "b began"]);
    let holders = ["blue-ledger", "green-ledger"].map(|lease| world.holder(lease).unwrap());
    assert_eq!(holders, ["a", "b"]);
    for running in running {
        running.end().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_namespace_of_the_deployment_is_that_of_leases_that_name_none() {
    let world = World::new();
    let overrides = Overrides::default().namespace("jobs");
    let candidate = world.builder("a").namespace("other").overrides(overrides).build().await.unwrap();
    assert_eq!(candidate.namespace(), "jobs");
    candidate.add(world.obedient("one", LEDGER));
    candidate.add(world.obedient("two", SHARD.namespace("books")));
    let ids: Vec<_> = candidate.leases().iter().map(ToString::to_string).collect();
    assert_eq!(ids, ["books/shard", "jobs/ledger"]);
    candidate.status("ledger").expect("the namespace of a text is that of the deployment");
}

#[tokio::test(start_paused = true)]
async fn the_timings_of_the_deployment_replace_those_of_a_task() {
    let world = World::new();
    let overrides = Overrides::default().lease_duration(secs(60)).retry_period(secs(3));
    let candidate = world.deployed("a", overrides).await;
    candidate.add(world.obedient("one", LEDGER.lease_duration(secs(30)).renew_deadline(secs(10))));
    candidate.add(scheduled("two", SHARD).start_deadline(secs(90)));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    let spec = world.api.lease("default", "ledger").unwrap().spec.unwrap();
    assert_eq!(spec.lease_duration_seconds, Some(60));
    running.end().await.unwrap();
}

/// The error names the variable or method, the lease and the task, and says what is wrong. It comes from the handle and from `run`.
#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_fit_the_deployment_is_refused() {
    let world = World::new();
    let none = Overrides::default;
    let plain = |spec| LeaderTask::new("t", spec, |_| async {});
    let long: &'static str = Box::leak("l".repeat(250).into_boxed_str());
    for (overrides, task, parts) in [
        (
            none().lease_duration(secs(5)),
            plain(LEDGER.renew_deadline(secs(10))),
            [
                "`Overrides::lease_duration` = `5s` does not fit lease `default/ledger`",
                "renew_deadline must be less than",
            ],
        ),
        (
            none().lease_duration(secs(60)).renew_deadline(secs(50)),
            plain(LEDGER),
            [
                "`Overrides::lease_duration` = `60s`, `Overrides::renew_deadline` = `50s`",
                "renew_deadline must be less than",
            ],
        ),
        (none().retry_period(secs(9)), plain(LEDGER), ["`Overrides::retry_period` = `9s`", "retry_period * 1.2"]),
        (
            none().lease_duration(secs(60)),
            scheduled("t", LEDGER).start_deadline(StartDeadline::After(secs(30))),
            ["`Overrides::lease_duration` = `60s` does not fit lease", "start_deadline must be at least"],
        ),
        (
            none().prefix("blue"),
            plain(LeaseSpec::new(long)),
            ["`Overrides::prefix` = `blue` does not fit lease `default/lll", "at most 253 characters"],
        ),
    ] {
        let candidate = world.deployed("a", overrides).await;
        let of_handle = candidate.add(task).await.unwrap_err();
        let of_run = candidate.run().await.unwrap_err();
        assert_eq!(of_handle.to_string(), of_run.to_string());
        assert!(matches!(of_handle, Error::Overridden { .. }), "{of_handle:?}");
        let text = of_handle.to_string();
        assert!(text.contains("task `t` cannot run") && parts.iter().all(|part| text.contains(part)), "{text}");
    }
    // What is wrong without the deployment, too, is not blamed on it.
    let candidate = world.deployed("a", none().lease_duration(secs(60)).prefix("blue")).await;
    for task in [plain(LEDGER).retry_period(secs(50)), plain(LEDGER).lease("Ledger"), scheduled("t", LEDGER).retry(101)]
    {
        let error = candidate.add(task).await.unwrap_err();
        assert!(!error.to_string().contains("Overrides::"), "{error}");
    }
    assert_eq!(world.api.requests().total(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_bad_value_of_the_deployment_is_refused_before_anything_is_sent() {
    let world = World::new();
    for overrides in [Overrides::default().prefix("Blue"), Overrides::default().label("team", "not this")] {
        let error = world.builder("a").overrides(overrides).build().await.unwrap_err();
        assert!(matches!(error, Error::Overrides(_)), "{error:?}");
    }
    assert_eq!(world.api.requests().total(), 0);
}

#[tokio::test(start_paused = true)]
async fn labels_of_the_deployment_replace_those_of_the_program() {
    let world = World::new();
    let overrides = Overrides::default().label("team", "billing").label("app.kubernetes.io/instance", "blue");
    let builder = world.builder("a").lease_label("team", "ledger").lease_label("tier", "3").overrides(overrides);
    let candidate = builder.build().await.unwrap();
    candidate.add(world.obedient("one", LEDGER));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    let labels = world.api.lease("default", "ledger").unwrap().metadata.labels.unwrap();
    let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let all =
        ["app.kubernetes.io/instance=blue", "app.kubernetes.io/managed-by=lease-runtime", "team=billing", "tier=3"];
    assert_eq!(labels, all);
    running.end().await.unwrap();
}

fn owner() -> OwnerReference {
    OwnerReference {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        name: "billing".to_owned(),
        uid: "8f1c2f5e-5d0a-4a43-9d6f-0a3c5b1c9e77".to_owned(),
        ..OwnerReference::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_created_gets_the_owner() {
    let world = World::new();
    world.api.create_namespace("books");
    let candidate = world.builder("a").lease_owner(owner()).build().await.unwrap();
    candidate.add(world.obedient("one", LEDGER));
    candidate.add(world.obedient("two", SHARD.namespace("books")));
    let running = Running::start(&candidate);
    world.story.grown_to(2).await;
    let owners = |namespace: &str, name: &str| world.api.lease(namespace, name).unwrap().metadata.owner_references;
    assert_eq!(owners("default", "ledger"), Some(vec![owner()]));
    assert_eq!(owners("books", "shard"), None, "its owner would be looked for in the wrong namespace");
    // Others may take the owner away.
    world.api.edit_lease("default", "ledger", |lease| lease["metadata"]["ownerReferences"] = serde_json::json!([]));
    seconds(20).await;
    assert!(owners("default", "ledger").is_none_or(|owners| owners.is_empty()));
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lease_with_scheduled_tasks_has_no_owner() {
    let world = World::new();
    let candidate = world.builder("a").lease_owner(owner()).build().await.unwrap();
    candidate.add(scheduled("elsewhere", SHARD.namespace("books")));
    let error = candidate.add(scheduled("nightly", LEDGER)).await.unwrap_err();
    assert!(matches!(&error, Error::OwnedRecord { task, .. } if task == "nightly"));
    let text = error.to_string();
    assert!(text.contains("lease `default/ledger`") && text.contains("its record of ticks would be deleted"), "{text}");
    let error = candidate.run().await.unwrap_err();
    assert!(matches!(error, Error::OwnedRecord { .. }));
    assert_eq!(world.api.requests().total(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_kubernetes_would_refuse_is_refused_before_anything_is_sent() {
    let world = World::new();
    let cut = |cut: fn(&mut OwnerReference)| {
        let mut owner = owner();
        cut(&mut owner);
        owner
    };
    for (owner, missing) in [
        (cut(|owner| owner.api_version.clear()), "apiVersion"),
        (cut(|owner| owner.kind.clear()), "kind"),
        (cut(|owner| owner.name.clear()), "name"),
        (cut(|owner| owner.uid = " ".to_owned()), "uid"),
    ] {
        let error = world.builder("a").lease_owner(owner).build().await.unwrap_err();
        assert!(matches!(error, Error::Owner { .. }) && error.to_string().contains(&format!("has no {missing}:")));
    }
}
