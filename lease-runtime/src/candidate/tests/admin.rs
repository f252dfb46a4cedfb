//! Operating scheduled tasks through their Lease, while candidates lead it.

use jiff::Timestamp;
use kube::api::{Api, Patch, PatchParams};

use super::*;
use crate::admin::{TickAdmin, TickAdminError};
use crate::elector::ElectorError;
use crate::embedded::{Fault, RequestMatcher, Verb};
use crate::tick::{Cause, Tick};
use lease_protocol::ticks::{Overlap, TaskTicks};

const LEASE: &str = "ledger";
const TASK: &str = "report";

/// A task that notes each of its runs in the story. Each run takes so long.
fn report(story: &Story, takes: u64) -> LeaderTask<Result<(), String>> {
    let story = story.clone();
    LeaderTask::scheduled(TASK, LEDGER, move |_: Term, tick: Tick| {
        let story = story.clone();
        async move {
            let what = match tick.cause() {
                Cause::Trigger(id) => format!("{id}"),
                cause => format!("{cause:?} {}", tick.nominal()),
            };
            story.add(format!("{what} began"));
            seconds(takes).await;
            story.add(format!("{what} ended"));
            Ok(())
        }
    })
}

/// A leader with an hourly report that has seen its tasks, and an admin.
async fn led(world: &World, takes: u64) -> (Running, TickAdmin) {
    let a = world.candidate("a").await;
    a.add(report(&world.story, takes).every(Duration::from_secs(3600)));
    let running = Running::start(&a);
    until(|| world.annotation("tick").is_some()).await;
    (running, TickAdmin::new(world.api.client_as("admin", "default"), "default"))
}

impl World {
    fn annotation(&self, purpose: &str) -> Option<String> {
        let lease = self.api.lease("default", LEASE)?;
        lease.metadata.annotations?.get(&format!("{purpose}.lease-runtime.dev/{TASK}")).cloned()
    }

    fn ticks(&self) -> TaskTicks {
        let lease = self.api.lease("default", LEASE).unwrap();
        TaskTicks::all(&lease.metadata.annotations.unwrap()).remove(TASK).unwrap()
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_paused_task_runs_no_tick_until_it_is_resumed() {
    // 22:13:20 UTC.
    let world = World::new();
    let (leader, admin) = led(&world, 1).await;
    admin.pause(LEASE, TASK, "maintenance").await.unwrap();
    assert_eq!(world.annotation("pause").as_deref(), Some("maintenance"));
    seconds(3600).await;
    assert!(admin.ticks(LEASE).await.unwrap()[TASK].is_paused());
    assert_eq!((world.story.lines(), world.ticks().counts().paused), (vec![], 1));
    admin.resume(LEASE, TASK).await.unwrap();
    // Resuming again changes nothing.
    admin.resume(LEASE, TASK).await.unwrap();
    seconds(3600).await;
    assert_eq!(world.story.lines(), ["Schedule 2023-11-15T00:00:00Z began", "Schedule 2023-11-15T00:00:00Z ended"]);
    leader.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_trigger_runs_once_for_each_id() {
    let world = World::new();
    let (leader, admin) = led(&world, 1).await;
    admin.trigger(LEASE, TASK, "ticket-1").await.unwrap();
    world.story.grown_to(2).await;
    admin.trigger(LEASE, TASK, "ticket-1").await.unwrap();
    assert_eq!(world.annotation("trigger"), None, "it is not requested again");
    // The same id, set by hand, is dropped.
    merge(&world, "trigger", Some("ticket-1")).await;
    until(|| world.annotation("trigger").is_none()).await;
    admin.trigger(LEASE, TASK, "ticket-2").await.unwrap();
    assert_eq!(world.story.grown_to(4).await, ["ticket-1 began", "ticket-1 ended", "ticket-2 began", "ticket-2 ended"]);
    assert_eq!(admin.ticks(LEASE).await.unwrap()[TASK].last_trigger(), Some("ticket-2"));
    leader.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_trigger_waits_for_the_run_that_goes_on_and_is_not_overwritten() {
    let world = World::new();
    let (leader, admin) = led(&world, 30).await;
    admin.trigger(LEASE, TASK, "first").await.unwrap();
    world.story.grown_to(1).await;
    admin.trigger(LEASE, TASK, "second").await.unwrap();
    // Unchanged, because the request waits already.
    admin.trigger(LEASE, TASK, "second").await.unwrap();
    let error = admin.trigger(LEASE, TASK, "third").await.unwrap_err();
    assert!(matches!(&error, TickAdminError::TriggerWaiting { waiting, .. } if waiting == "second"), "{error}");
    seconds(20).await;
    assert_eq!(world.story.lines(), ["first began"]);
    assert_eq!(world.story.grown_to(4).await, ["first began", "first ended", "second began", "second ended"]);
    leader.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_trigger_replaces_the_run_of_a_task_that_cancels_others() {
    let world = World::new();
    let a = world.candidate("a").await;
    let task = report(&world.story, 3600).every(Duration::from_secs(7200)).overlap(Overlap::CancelOther);
    a.add(task.grace(Duration::from_secs(1)));
    let leader = Running::start(&a);
    until(|| world.annotation("tick").is_some()).await;
    let admin = a.admin().await.unwrap();
    admin.trigger(LEASE, TASK, "first").await.unwrap();
    world.story.grown_to(1).await;
    admin.trigger(LEASE, TASK, "second").await.unwrap();
    assert_eq!(world.story.grown_to(2).await, ["first began", "second began"]);
    until(|| world.ticks().counts().cancelled == 1).await;
    leader.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_backfill_runs_each_tick_of_a_stretch_once_and_one_after_another() {
    let world = World::new();
    let (leader, admin) = led(&world, 3).await;
    let stretch = at("2023-11-01T01:00:00Z")..=at("2023-11-01T03:59:59Z");
    admin.backfill(LEASE, TASK, stretch.clone()).await.unwrap();
    world.story.grown_to(1).await;
    let error = admin.backfill(LEASE, TASK, stretch).await.unwrap_err();
    assert!(matches!(&error, TickAdminError::BackfillWaiting { .. }), "{error}");
    let lines = world.story.grown_to(6).await;
    until(|| world.annotation("backfill").is_none()).await;
    seconds(60).await;
    let want: Vec<String> = (1..=3)
        .flat_map(|hour| ["began", "ended"].map(|what| format!("Backfill 2023-11-01T0{hour}:00:00Z {what}")))
        .collect();
    assert_eq!((lines, world.story.lines().len()), (want, 6));
    assert_eq!(world.ticks().counts().done, 3);
    leader.end().await.unwrap();
}

/// A merge patch without a version, as `kubectl annotate` sends it.
async fn merge(world: &World, purpose: &str, value: Option<&str>) {
    let leases: Api<k8s_openapi::api::coordination::v1::Lease> =
        Api::namespaced(world.api.client_as("kubectl", "default"), "default");
    let annotations = serde_json::json!({ format!("{purpose}.lease-runtime.dev/{TASK}"): value });
    let patch = serde_json::json!({ "metadata": { "annotations": annotations } });
    leases.patch(LEASE, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_merge_patch_does_the_same() {
    let world = World::new();
    let (leader, _) = led(&world, 1).await;
    merge(&world, "trigger", Some("by-hand")).await;
    assert_eq!(world.story.grown_to(2).await, ["by-hand began", "by-hand ended"]);
    merge(&world, "backfill", Some("2023-11-01T01:00:00Z/2023-11-01T01:00:00Z")).await;
    assert_eq!(
        world.story.grown_to(4).await[2..],
        ["Backfill 2023-11-01T01:00:00Z began", "Backfill 2023-11-01T01:00:00Z ended",]
    );
    merge(&world, "pause", Some("")).await;
    seconds(3600).await;
    merge(&world, "pause", None).await;
    assert_eq!(world.story.lines().len(), 4);
    seconds(3600).await;
    assert_eq!(world.story.lines().len(), 6);
    leader.end().await.unwrap();
}

/// Each request of the admin waits until the leader has written, and each request of the leader until the admin has.
#[tokio::test(start_paused = true)]
async fn conflicts_with_the_leader_lose_no_write() {
    let world = World::new();
    let a = world.candidate("a").await;
    a.add(report(&world.story, 1).every(Duration::from_secs(60)));
    let leader = Running::start(&a);
    until(|| world.annotation("tick").is_some()).await;
    world.api.edit_lease("default", LEASE, |lease| {
        lease["metadata"]["labels"] = serde_json::json!({ "team": "ledger" });
    });
    let admin = a.admin().await.unwrap();
    let api = world.api.clone();
    let touched = std::sync::atomic::AtomicU64::new(0);
    // Another program writes between the read and the write, sometimes of the admin and sometimes of the leader.
    world.api.inject_with(move |call| {
        let number = touched.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if call.verb == Verb::Update && !number.is_multiple_of(3) {
            api.edit_lease("default", LEASE, |lease| {
                lease["metadata"]["annotations"]["example.com/count"] = number.to_string().into();
            });
        }
        None
    });
    for number in 0..20 {
        admin.trigger(LEASE, TASK, &format!("t{number}")).await.unwrap();
        until(|| world.story.lines().contains(&format!("t{number} ended"))).await;
        seconds(7).await;
    }
    let lines = world.story.lines();
    for number in 0..20 {
        assert_eq!(lines.iter().filter(|line| **line == format!("t{number} began")).count(), 1, "{lines:?}");
    }
    let lease = world.api.lease_json("default", LEASE).unwrap();
    assert_eq!(lease["metadata"]["labels"]["team"], "ledger");
    assert!(lease["metadata"]["annotations"]["example.com/count"].is_string());
    let counts = world.ticks().counts();
    let scheduled = lines.iter().filter(|line| line.starts_with("Schedule") && line.ends_with("began")).count() as u64;
    assert!(scheduled >= 2, "{lines:?}");
    assert_eq!(counts.run() + world.ticks().running().len() as u64, 20 + scheduled);
    leader.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_admin_keeps_fields_that_it_does_not_know() {
    let world = World::new();
    world.api.put_lease("default", LEASE, &serde_json::json!({ "spec": { "fieldOfTheFuture": [1, { "a": null }] } }));
    let admin = TickAdmin::new(world.api.client_as("admin", "default"), "default").allow_unrecorded();
    let (seen, sent) = (Arc::new(Mutex::new(None)), world.api.lease_json("default", LEASE).unwrap());
    let body = seen.clone();
    world.api.inject_with(move |call| {
        if call.verb == Verb::Update {
            *body.lock().unwrap() = Some(call.body.clone());
        }
        None
    });
    admin.pause(LEASE, TASK, "maintenance").await.unwrap();
    let body = seen.lock().unwrap().take().unwrap();
    assert_eq!(body["spec"], sent["spec"]);
    for field in ["uid", "resourceVersion"] {
        assert_eq!(body["metadata"][field], sent["metadata"][field], "{field}");
    }
    assert_eq!(world.annotation("pause").as_deref(), Some("maintenance"));
}

#[tokio::test(start_paused = true)]
async fn invalid_requests_are_refused_with_a_remedy() {
    let world = World::new();
    let admin = TickAdmin::new(world.api.client_as("admin", "default"), "default");
    let missing = admin.pause(LEASE, TASK, "why").await.unwrap_err();
    assert!(missing.to_string().contains("no candidate has led it yet"), "{missing}");
    assert!(world.api.lease("default", LEASE).is_none(), "it is not created");

    let (leader, admin) = led(&world, 1).await;
    let unknown = admin.trigger(LEASE, "raport", "ticket-1").await.unwrap_err();
    let TickAdminError::UnknownTask { known, .. } = &unknown else { panic!("{unknown}") };
    assert_eq!(known, &[TASK]);
    assert!(unknown.to_string().contains("only of `report`"), "{unknown}");
    admin.clone().allow_unrecorded().trigger(LEASE, "next-week", "ticket-1").await.unwrap();

    for id in ["", "two words", "a\"b", &"x".repeat(37)] {
        let error = admin.trigger(LEASE, TASK, id).await.unwrap_err();
        assert!(matches!(error, TickAdminError::TriggerId { .. }), "{error}");
    }
    let (from, to) = (at("2023-11-02T00:00:00Z"), at("2023-11-01T00:00:00Z"));
    #[allow(clippy::reversed_empty_ranges, reason = "that is the mistake")]
    let error = admin.backfill(LEASE, TASK, from..=to).await.unwrap_err();
    assert!(matches!(error, TickAdminError::BackfillOrder { .. }), "{error}");
    assert!(matches!(admin.resume(LEASE, "a/b").await, Err(TickAdminError::TaskName { .. })));
    assert!(matches!(admin.resume("No Lease", TASK).await, Err(TickAdminError::Spec(_))));
    leader.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn refusals_and_missing_answers_end_with_a_remedy() {
    let world = World::new();
    let (leader, admin) = led(&world, 1).await;
    let request = |error: TickAdminError| match error {
        TickAdminError::Request { cause, .. } => cause,
        error => panic!("{error}"),
    };
    let mine = |verb| RequestMatcher::verb(verb).caller("admin");
    let rule = world.api.inject(mine(Verb::Update), Fault::status(403));
    let error = request(admin.pause(LEASE, TASK, "why").await.unwrap_err());
    let ElectorError::Forbidden(denial) = &*error else { panic!("{error}") };
    assert_eq!(denial.verb, "update");
    assert!(denial.role.contains(r#"verbs: ["get", "update"]"#), "{}", denial.role);
    rule.remove();

    let rule = world.api.inject(mine(Verb::Get), Fault::hang());
    let error = request(admin.ticks(LEASE).await.unwrap_err());
    assert!(matches!(&*error, ElectorError::Unreachable { .. }), "{error}");
    rule.remove();

    // In the end it gives up.
    let rule = world.api.inject(mine(Verb::Update), Fault::status(409));
    let error = admin.pause(LEASE, TASK, "why").await.unwrap_err();
    assert!(matches!(error, TickAdminError::Contended { tried: 8, .. }), "{error}");
    rule.remove();

    // A temporary refusal is tried again. A write that may have taken effect is not.
    world.api.inject(mine(Verb::Update).times(2), Fault::status(429));
    admin.pause(LEASE, TASK, "why").await.unwrap();
    let rule = world.api.inject(mine(Verb::Update), Fault::status(504).after_commit());
    let error = request(admin.trigger(LEASE, TASK, "ticket-1").await.unwrap_err());
    assert!(matches!(&*error, ElectorError::Unavailable { .. }), "{error}");
    assert_eq!(rule.hits(), 1);
    admin.trigger(LEASE, TASK, "ticket-1").await.unwrap();
    world.story.grown_to(2).await;
    assert_eq!((world.story.lines().len(), rule.hits()), (2, 1));
    leader.end().await.unwrap();
}
