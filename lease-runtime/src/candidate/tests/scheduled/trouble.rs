//! Faults that keep ticks from being taken or written. They must not cost the lease, or many requests.

use serde_json::{Value, json};

use super::*;
use crate::Overlap;
use crate::elector::tests::log::Lines;
use lease_protocol::ticks::names::{ANNOTATIONS_BYTES, PAUSE, RECORD, TRIGGER};

const MINUTE: Duration = Duration::from_secs(60);

fn writes(world: &World) -> usize {
    world.api.requests().entries().iter().filter(|entry| entry.call.verb.is_write()).count()
}

fn annotate(world: &World, edit: impl FnOnce(&mut serde_json::Map<String, Value>)) {
    let edited = world.api.edit_lease("default", "ledger", |object| {
        let annotations = &mut object["metadata"]["annotations"];
        if annotations.is_null() {
            *annotations = json!({});
        }
        edit(annotations.as_object_mut().unwrap());
    });
    assert!(edited);
}

#[tokio::test(start_paused = true)]
async fn full_annotations_do_not_cost_the_lease_or_more_writes_and_are_logged_once() {
    let lines = Lines::default();
    let _capture = lines.capture();
    let world = World::new();
    let full = "x".repeat(ANNOTATIONS_BYTES - 300);
    world.api.put_lease("default", "ledger", &json!({ "metadata": { "annotations": { "somebodys": full } } }));
    let a = world.candidate("a").await;
    a.add(world.obedient("body", LEDGER));
    a.add(telling(&world.story, "t", "a", 1).every(MINUTE));
    let running = Running::start(&a);
    seconds(20).await;
    let before = writes(&world);
    seconds(100).await;
    // One renewal in five seconds, as without ticks.
    assert!(writes(&world) - before <= 21, "{} writes", writes(&world) - before);
    assert_eq!(world.story.lines(), ["body began"]);
    assert_eq!(lines.matching(&["ERROR", "annotations of the lease are full", "`t`"]), 1, "{lines:?}");
    // When there is room, ticks run again.
    annotate(&world, |annotations| drop(annotations.remove("somebodys")));
    seconds(80).await;
    assert!(world.story.lines().len() > 1, "{:?}", world.story.lines());
    running.end().await.unwrap();
}

/// Like a webhook, or a controller with its own idea of the Lease.
#[tokio::test(start_paused = true)]
async fn a_program_that_removes_the_records_costs_ticks_and_nothing_else() {
    let lines = Lines::default();
    let _capture = lines.capture();
    let world = World::new();
    let a = world.candidate("a").await;
    a.add(world.obedient("body", LEDGER));
    a.add(telling(&world.story, "t", "a", 1).every(MINUTE));
    let api = world.api.clone();
    let stripping = tokio::spawn(async move {
        let record = format!("{RECORD}t");
        loop {
            sleep(Duration::from_millis(20)).await;
            let annotations = api.lease("default", "ledger").and_then(|lease| lease.metadata.annotations);
            if annotations.is_some_and(|annotations| annotations.contains_key(&record)) {
                api.edit_lease("default", "ledger", |object| {
                    object["metadata"]["annotations"].as_object_mut().unwrap().remove(&record);
                });
            }
        }
    });
    let running = Running::start(&a);
    seconds(20).await;
    let before = writes(&world);
    seconds(100).await;
    assert!(writes(&world) - before <= 25, "{} writes", writes(&world) - before);
    assert_eq!(lines.matching(&["record was removed"]), 1, "{lines:?}");
    stripping.abort();
    running.end().await.unwrap();
}

/// Like a policy that does not allow annotations on Leases.
#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_writes_about_ticks_does_not_cost_the_lease() {
    let lines = Lines::default();
    let _capture = lines.capture();
    let world = World::new();
    let policy = RequestMatcher::writes().and(|call| call.body.to_string().contains(RECORD));
    world.api.inject(policy, Fault::status(422).message("no annotations here"));
    let a = world.candidate("a").await;
    a.add(world.obedient("body", LEDGER));
    a.add(telling(&world.story, "t", "a", 1).every(MINUTE));
    let running = Running::start(&a);
    seconds(20).await;
    let before = writes(&world);
    seconds(280).await;
    assert_eq!(world.story.lines(), ["body began"]);
    assert!(writes(&world) - before <= 80, "{} writes", writes(&world) - before);
    assert_eq!(lines.matching(&["refuses what the leader writes about ticks and tasks"]), 1, "{lines:?}");
    // It is tried again from time to time.
    world.api.clear_faults();
    seconds(420).await;
    assert!(world.story.lines().len() > 1, "{:?}", world.story.lines());
    running.end().await.unwrap();
}

/// A record has room for four runs. A record with more could not be read again.
#[tokio::test(start_paused = true)]
async fn no_run_is_taken_that_the_record_has_no_room_for() {
    for (overlap, paused) in [(Overlap::CancelOther, false), (Overlap::AllowAll(4), true)] {
        let world = World::new();
        let task = |who| {
            let task = telling(&world.story, "t", who, 20).every(MINUTE);
            task.delivery(Delivery::AtLeastOnce).overlap(overlap)
        };
        let a = world.candidate("a").await;
        a.add(task("a"));
        let first = Running::start(&a);
        seconds(20).await;
        first.end().await.unwrap();
        annotate(&world, |annotations| {
            let record = format!("{RECORD}t");
            let mut value: Value = serde_json::from_str(annotations[&record].as_str().unwrap()).unwrap();
            let runs: Vec<_> = (0..4).map(|n| json!([1_699_999_800 + 60 * n, format!("{:x}", n + 1), 1])).collect();
            value["running"] = runs.into();
            annotations.insert(record, value.to_string().into());
            if paused {
                annotations.insert(format!("{PAUSE}t"), "".into());
                annotations.insert(format!("{TRIGGER}t"), "one".into());
            }
        });
        let b = world.candidate("b").await;
        b.add(task("b"));
        let second = Running::start(&b);
        seconds(40).await;
        assert_eq!(ticks(&world, "t").trouble(), None, "{overlap:?}");
        seconds(300).await;
        assert_eq!(ticks(&world, "t").trouble(), None, "{overlap:?}");
        second.end().await.unwrap();
    }
}

/// More messages than tokio lets a task receive without a break.
#[tokio::test(start_paused = true)]
async fn the_ends_of_all_runs_are_written_with_the_release() {
    let world = World::new();
    let a = world.candidate("a").await;
    let names: Vec<&'static str> = (0..256).map(|n| &*Box::leak(format!("t{n}").into_boxed_str())).collect();
    for name in &names {
        let task = LeaderTask::scheduled(name, LEDGER, |term: Term, _: Tick| async move {
            term.cancelled().await;
            Ok::<_, String>(())
        });
        a.add(task.every(MINUTE));
    }
    let running = Running::start(&a);
    seconds(50).await;
    running.end().await.unwrap();
    assert_eq!(world.holder("ledger").as_deref(), Some(""));
    let done: u64 = names.iter().map(|name| ticks(&world, name).counts().done).sum();
    assert_eq!(done, 256);
}

/// The leader remembers the run, whatever happens to the record.
#[tokio::test(start_paused = true)]
async fn a_record_that_is_removed_while_a_run_goes_on_does_not_start_another_beside_it() {
    for which in 0..3 {
        let world = World::new();
        let a = world.candidate("a").await;
        let task = telling(&world.story, "t", "a", 100);
        a.add(match which {
            0 => task.once(),
            1 => task.delay(Duration::from_secs(30)),
            _ => task.every(MINUTE),
        });
        let running = Running::start(&a);
        let lines = world.story.grown_to(1).await;
        seconds(2).await;
        for _ in 0..3 {
            annotate(&world, |annotations| drop(annotations.remove(&format!("{RECORD}t"))));
            seconds(20).await;
        }
        assert_eq!(world.story.lines(), lines);
        running.end().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_status_shows_no_ticks_of_a_deleted_lease() {
    let world = World::new();
    let (a, b) = (world.candidate("a").await, world.candidate("b").await);
    a.add(telling(&world.story, "t", "a", 1).once());
    let first = Running::start(&a);
    let second = Running::start(&b);
    b.add(world.obedient("serve", LEDGER));
    let status = b.status("ledger").unwrap();
    until(|| status.borrow().ticks.get("t").is_some_and(TaskTicks::is_done)).await;
    first.end().await.unwrap();
    world.api.delete_lease("default", "ledger");
    until(|| status.borrow().ticks.is_empty()).await;
    second.end().await.unwrap();
}

/// What a policy does to the annotations of a write.
type Alters = fn(&mut serde_json::Map<String, Value>, &serde_json::Map<String, Value>);

/// A policy lets the write through, and removes, reverts or rewrites the annotations of ticks. No tick runs, the lease is still
/// renewed, few writes are made, and this is logged once. When the policy is gone, ticks run again.
#[tokio::test(start_paused = true)]
async fn a_policy_that_alters_the_annotations_of_ticks_costs_ticks_and_nothing_else() {
    let policies: [(&str, Alters); 3] = [
        ("was removed", |sent, _| sent.retain(|name, _| !name.contains(".lease-runtime.dev/"))),
        ("has another value", |sent, stored| {
            for (name, value) in sent.iter_mut().filter(|(name, _)| name.contains(".lease-runtime.dev/")) {
                stored.get(name).into_iter().for_each(|stored| stored.clone_into(value));
            }
        }),
        ("has another value", |sent, _| {
            for (_, value) in sent.iter_mut().filter(|(name, _)| name.contains(".lease-runtime.dev/")) {
                *value = "redacted".into();
            }
        }),
    ];
    for (how, alters) in policies {
        let lines = Lines::default();
        let _capture = lines.capture();
        let world = World::new();
        let a = world.candidate("a").await;
        a.add(world.obedient("body", LEDGER));
        a.add(telling(&world.story, "t", "a", 0).every(MINUTE).delivery(Delivery::AtLeastOnce));
        let running = Running::start(&a);
        // The record exists, and 22:14 has not come.
        seconds(20).await;
        let (api, before) = (world.api.clone(), writes(&world));
        world.api.mutate(move |_, object| {
            let stored = serde_json::to_value(api.lease("default", "ledger")).unwrap_or_default();
            let none = serde_json::Map::new();
            let stored = stored["metadata"]["annotations"].as_object().unwrap_or(&none);
            if let Some(sent) = object["metadata"]["annotations"].as_object_mut() {
                alters(sent, stored);
            }
        });
        seconds(280).await;
        assert_eq!(world.story.lines(), ["body began"], "{how}");
        assert!(writes(&world) - before <= 80, "{how}: {} writes", writes(&world) - before);
        assert_eq!(lines.matching(&["ERROR", "alters what the leader writes about ticks", how]), 1, "{how}: {lines:?}");
        let problem = || a.status("ledger").unwrap().borrow().tick_problem.clone();
        assert!(problem().is_some_and(|problem| problem.contains("mutating webhook")), "{:?}", problem());
        world.api.clear_faults();
        if world.api.lease("default", "ledger").is_some_and(|lease| {
            lease
                .metadata
                .annotations
                .unwrap_or_default()
                .get(&format!("{RECORD}t"))
                .is_some_and(|text| text == "redacted")
        }) {
            // A record that cannot be read is not overwritten. Somebody has to remove it.
            annotate(&world, |annotations| drop(annotations.remove(&format!("{RECORD}t"))));
        }
        seconds(420).await;
        assert!(world.story.lines().len() > 1, "{how}: {:?}", world.story.lines());
        assert_eq!(problem(), None);
        running.end().await.unwrap();
    }
}
