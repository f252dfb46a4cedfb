//! The effect of each setting of a schedule. Each test fails if the setting is ignored.

use super::*;
use crate::{CatchUp, Overlap};
use lease_protocol::election::StopReason;

fn started(lines: &[String]) -> Vec<&str> {
    lines.iter().filter(|lines| lines.ends_with("#1")).map(|lines| &lines[13..21]).collect()
}

#[tokio::test(start_paused = true)]
async fn cron_runs_in_its_time_zone() {
    let world = World::new();
    let a = world.candidate("a").await;
    // 22:13:20 UTC is 23:13:20 in Prague.
    a.add(telling(&world.story, "t", "a", 1).cron("20 23 * * *").time_zone("Europe/Prague"));
    let running = Running::start(&a);
    seconds(500).await;
    assert_eq!(started(&world.story.lines()), ["22:20:00"]);
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn offset_moves_each_tick() {
    let world = World::new();
    let a = world.candidate("a").await;
    a.add(telling(&world.story, "t", "a", 1).every(Duration::from_secs(60)).offset(Duration::from_secs(30)));
    let running = Running::start(&a);
    seconds(80).await;
    assert_eq!(started(&world.story.lines()), ["22:13:30", "22:14:30"]);
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn delay_counts_from_the_end_of_the_last_run_on_whichever_replica() {
    let world = World::new();
    let task = |who| telling(&world.story, "t", who, 25).delay(Duration::from_secs(60));
    let a = world.candidate("a").await;
    a.add(task("a"));
    let first = Running::start(&a);
    seconds(100).await;
    assert_eq!(started(&world.story.lines()), ["22:14:20"]);
    first.end().await.unwrap();
    let b = world.candidate("b").await;
    b.add(task("b"));
    let second = Running::start(&b);
    seconds(80).await;
    // The last run ended shortly after 22:14:45.
    assert_eq!(started(&world.story.lines()), ["22:14:20", "22:15:45"]);
    second.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn jitter_starts_a_tick_later_and_at_the_same_time_on_every_replica() {
    let mut starts = Vec::new();
    for who in ["a", "b"] {
        let world = World::new();
        let candidate = world.candidate(who).await;
        let (story, clock) = (world.story.clone(), world.clock.clone());
        let task = LeaderTask::scheduled("t", LEDGER, move |_: Term, tick: Tick| {
            story.add(format!("{} {:?}", clock.wall(), tick.lateness()));
            async {}
        });
        candidate.add(task.every(Duration::from_secs(600)).jitter(Duration::from_secs(300)));
        let running = Running::start(&candidate);
        seconds(1500).await;
        let lines = world.story.lines();
        assert_eq!(lines.len(), 2, "{lines:?}");
        starts.push(lines.iter().map(|lines| lines[..19].to_owned()).collect::<Vec<_>>());
        running.end().await.unwrap();
    }
    assert_eq!(starts[0], starts[1]);
    assert!(starts[0].iter().any(|start| !start.ends_with("0:00")), "{starts:?}");
}

#[tokio::test(start_paused = true)]
async fn cancel_other_tells_the_body_that_it_is_replaced_and_waits_for_it() {
    let world = World::new();
    let a = world.candidate("a").await;
    let story = world.story.clone();
    let task = LeaderTask::scheduled("t", LEDGER, move |term: Term, tick: Tick| {
        let story = story.clone();
        async move {
            story.add(format!("{} begins", &tick.nominal().to_string()[11..19]));
            term.cancelled().await;
            assert_eq!(term.stop_reason(), Some(StopReason::Replaced));
            seconds(3).await;
            story.add(format!("{} ends", &tick.nominal().to_string()[11..19]));
        }
    });
    a.add(task.every(Duration::from_secs(60)).overlap(Overlap::CancelOther));
    let running = Running::start(&a);
    seconds(170).await;
    let lines = world.story.lines();
    let want = ["22:14:00 begins", "22:14:00 ends", "22:15:00 begins", "22:15:00 ends", "22:16:00 begins"];
    assert_eq!(lines, want);
    assert_eq!(ticks(&world, "t").counts().cancelled, 2);
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn a_failed_tick_is_tried_again_as_often_as_it_may_be() {
    for (retry, want) in [(0, vec![1]), (2, vec![1, 2, 3])] {
        let world = World::new();
        let a = world.candidate("a").await;
        let (story, ids) = (world.story.clone(), Arc::new(Mutex::new(Vec::new())));
        let noted = ids.clone();
        let task = LeaderTask::scheduled("t", LEDGER, move |_: Term, tick: Tick| {
            story.add(tick.attempt().to_string());
            noted.lock().unwrap().push(tick.attempt_id());
            async { Err::<(), _>("no") }
        });
        let pauses = Duration::from_secs(1)..=Duration::from_secs(2);
        a.add(task.every(Duration::from_secs(60)).retry(retry).backoff(pauses));
        let running = Running::start(&a);
        seconds(60).await;
        let want: Vec<_> = want.iter().map(i32::to_string).collect();
        assert_eq!(world.story.lines(), want);
        assert_eq!(ticks(&world, "t").counts().failed, 1);
        let mut ids = ids.lock().unwrap().clone();
        ids.dedup();
        assert_eq!(ids.len(), want.len(), "each attempt has a name of its own");
        running.end().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn timeout_drops_a_run_which_has_failed() {
    let world = World::new();
    let a = world.candidate("a").await;
    a.add(telling(&world.story, "t", "a", 100).every(Duration::from_secs(60)).timeout(Duration::from_secs(10)));
    let running = Running::start(&a);
    seconds(60).await;
    assert_eq!(ticks(&world, "t").counts().failed, 1);
    assert_eq!(world.story.lines().len(), 1);
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_tick_is_taken_before_the_initial_delay() {
    let world = World::new();
    let a = world.candidate("a").await;
    let task = telling(&world.story, "t", "a", 1).every(Duration::from_secs(60)).initial_delay(Duration::from_secs(55));
    a.add(task);
    let running = Running::start(&a);
    seconds(50).await;
    assert_eq!(world.story.lines().len(), 0);
    seconds(10).await;
    assert_eq!(started(&world.story.lines()), ["22:14:00"]);
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn catch_up_and_start_deadline_decide_about_a_backlog() {
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let cases: [(&str, CatchUp, Option<Duration>, Vec<&str>); 5] = [
        ("none", CatchUp::None, None, vec!["22:25:00"]),
        ("latest", CatchUp::Latest, None, vec!["22:24:00", "22:25:00"]),
        ("late", CatchUp::Latest, Some(minutes(1)), vec!["22:24:00", "22:25:00"]),
        (
            "all",
            CatchUp::All,
            None,
            vec!["22:19:00", "22:20:00", "22:21:00", "22:22:00", "22:23:00", "22:24:00", "22:25:00"],
        ),
        ("some", CatchUp::All, Some(minutes(3)), vec!["22:22:00", "22:23:00", "22:24:00", "22:25:00"]),
    ];
    for (name, catch_up, deadline, want) in cases {
        let world = World::new();
        let task = |who| {
            let task = telling(&world.story, "t", who, 1).every(minutes(1)).catch_up(catch_up);
            match deadline {
                Some(deadline) => task.start_deadline(deadline),
                None => task,
            }
        };
        let a = world.candidate("a").await;
        a.add(task("a"));
        let first = Running::start(&a);
        // To 22:18:20.
        seconds(300).await;
        first.end().await.unwrap();
        let before = world.story.lines().len();
        // To 22:24:30.
        seconds(370).await;
        let b = world.candidate("b").await;
        b.add(task("b"));
        let second = Running::start(&b);
        seconds(40).await;
        let lines = world.story.lines();
        assert_eq!(started(&lines[before..]), want, "{name}");
        let counts = ticks(&world, "t").counts();
        // 22:14 to 22:25.
        assert_eq!(counts.run() + counts.not_run(), 12, "{name}: {counts:?}");
        second.end().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn max_catch_up_keeps_the_latest() {
    let world = World::new();
    let task =
        |who| telling(&world.story, "t", who, 1).every(Duration::from_secs(60)).catch_up(CatchUp::All).max_catch_up(2);
    let a = world.candidate("a").await;
    a.add(task("a"));
    let first = Running::start(&a);
    seconds(20).await;
    first.end().await.unwrap();
    seconds(370).await;
    let b = world.candidate("b").await;
    b.add(task("b"));
    let second = Running::start(&b);
    seconds(8).await;
    assert_eq!(started(&world.story.lines()), ["22:18:00", "22:19:00"]);
    assert_eq!(ticks(&world, "t").counts().over_limit, 4);
    second.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_paused_task_runs_nothing_until_the_annotation_is_gone() {
    let world = World::new();
    let a = world.candidate("a").await;
    a.add(telling(&world.story, "t", "a", 1).every(Duration::from_secs(60)));
    let running = Running::start(&a);
    seconds(10).await;
    let leases: kube::Api<k8s_openapi::api::coordination::v1::Lease> =
        kube::Api::namespaced(world.api.client_as("somebody", "default"), "default");
    let annotate = async |value: serde_json::Value| {
        let patch = serde_json::json!({ "metadata": { "annotations": { "pause.lease-runtime.dev/t": value } } });
        leases.patch("ledger", &kube::api::PatchParams::default(), &kube::api::Patch::Merge(patch)).await.unwrap();
    };
    annotate("maintenance".into()).await;
    // Over 22:14 and 22:15.
    seconds(110).await;
    assert_eq!(world.story.lines().len(), 0);
    assert!(ticks(&world, "t").is_paused());
    assert_eq!(ticks(&world, "t").counts().paused, 2);
    annotate(serde_json::Value::Null).await;
    seconds(50).await;
    assert_eq!(started(&world.story.lines()), ["22:16:00"]);
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_waits_for_the_run_before_it_is_not_started_when_the_term_ends_with_that() {
    let world = World::new();
    let a = world.candidate("a").await;
    let story = world.story.clone();
    let candidate = a.clone();
    let tokens: Arc<Mutex<Vec<_>>> = Arc::default();
    let told_by = tokens.clone();
    let task = LeaderTask::scheduled("t", LEDGER, move |term: Term, tick: Tick| {
        let (story, candidate) = (story.clone(), candidate.clone());
        told_by.lock().unwrap().push(term.fencing_token());
        async move {
            story.add(format!("{} begins #{}", &tick.nominal().to_string()[11..19], tick.attempt()));
            term.cancelled().await;
            seconds(3).await;
            candidate.step_down("ledger");
        }
    });
    a.add(task.every(Duration::from_secs(60)).overlap(Overlap::CancelOther));
    let running = Running::start(&a);
    seconds(120).await;
    // It was given back, and the next term runs it.
    assert_eq!(world.story.lines(), ["22:14:00 begins #1", "22:15:00 begins #1"]);
    let tokens = tokens.lock().unwrap().clone();
    assert!(tokens[0] != tokens[1], "{tokens:?}");
    assert_eq!(ticks(&world, "t").counts().cancelled, 1);
    running.end().await.unwrap();
}
