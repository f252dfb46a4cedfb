//! Ticks while requests fail, replicas come and go, and tasks are given up and added again.

use super::*;
use crate::embedded::Verb;

const MINUTE: Duration = Duration::from_secs(60);

/// There are three replicas, and at each moment one of them may be cut off or gone. A third of the writes are lost, late, or not
/// answered, and another program annotates the Lease all the time.
#[tokio::test(start_paused = true)]
async fn no_tick_is_started_twice_whatever_happens_to_writes() {
    for seed in 0..6 {
        let world = World::new();
        let started: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let mut rng = fastrand::Rng::with_seed(seed);
        let fault_rng = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed + 100)));
        world.api.inject_with(move |call| {
            let mut fault_rng = fault_rng.lock().unwrap();
            if call.verb != Verb::Update || fault_rng.u8(..) >= 85 {
                return None;
            }
            Some(match fault_rng.u8(0..6) {
                0 => Fault::lost_answer(),
                1 => Fault::lost_answer().late(Duration::from_millis(fault_rng.u64(100..9000))),
                2 => Fault::hang(),
                3 => Fault::status(504).after_commit(),
                4 => Fault::half_a_body(),
                _ => Fault::none().delayed(Duration::from_millis(fault_rng.u64(10..2500))),
            })
        });
        let candidates = futures_util::future::join_all(["a", "b", "c"].map(|name| world.candidate(name))).await;
        let mut running = Vec::new();
        for candidate in &candidates {
            for (name, every, takes) in [("t", 10_u64, 3_u64), ("u", 30, 45), ("v", 20, 1)] {
                let started = started.clone();
                let task = LeaderTask::scheduled(name, LEDGER, move |_: Term, tick: Tick| {
                    started.lock().unwrap().push((name.to_owned(), tick.nominal().to_string()));
                    async move {
                        seconds(takes).await;
                        Ok::<_, String>(())
                    }
                });
                let task = task.every(Duration::from_secs(every));
                drop(candidate.add(match name {
                    "v" => task.catch_up(crate::CatchUp::All).max_catch_up(1000),
                    _ => task,
                }));
            }
            running.push(Running::start(candidate));
        }
        for step in 0..120 {
            seconds(10).await;
            world.api.edit_lease("default", "ledger", |object| {
                object["metadata"]["annotations"]["somebody"] = step.to_string().into();
            });
            if rng.u8(..) < 40 {
                let _held = candidates[rng.usize(0..3)].step_down("ledger");
            }
        }
        world.api.clear_faults();
        seconds(120).await;
        for running in running {
            running.end().await.unwrap();
        }
        let mut all = started.lock().unwrap().clone();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count, "seed {seed}");
        for name in ["t", "u", "v"] {
            let ticks = ticks(&world, name);
            let counts = ticks.counts();
            let ran = all.iter().filter(|(task, _)| task == name).count() as u64;
            assert!(ticks.trouble().is_none() && ticks.running().is_empty(), "seed {seed}, {name}");
            // A tick can be taken and never started, but not started without being taken.
            assert!(ran <= counts.run(), "seed {seed}, {name}: {ran} started, {counts:?}");
            if name == "v" {
                assert!(ran > 30, "seed {seed}: {ran} of 66 were started, {counts:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_given_up_and_added_again_in_one_term_runs_each_tick_once() {
    for delivery in [Delivery::AtMostOnce, Delivery::AtLeastOnce] {
        let world = World::new();
        let a = world.candidate("a").await;
        a.add(world.obedient("body", LEDGER));
        let running = Running::start(&a);
        let task = |who| telling(&world.story, "t", who, 30).every(MINUTE).delivery(delivery);
        let (handle, placed) = a.place(task("first"));
        let placed = placed.unwrap();
        a.inner.drive(&placed.lease_tasks, &Handle::current(), Arrival::Late);
        // During the run of 22:14.
        seconds(45).await;
        placed.lease_tasks.give_up(&placed.entry);
        let (again, placed) = a.place(task("second"));
        a.inner.drive(&placed.unwrap().lease_tasks, &Handle::current(), Arrival::Late);
        seconds(65).await;
        let lines = world.story.lines();
        let mut want = vec!["body began", "first 2023-11-14T22:14:00Z #1"];
        if delivery == Delivery::AtLeastOnce {
            want.extend(["second 2023-11-14T22:14:00Z #2", "second 2023-11-14T22:14:00Z done"]);
        }
        want.push("second 2023-11-14T22:15:00Z #1");
        assert_eq!(lines, want);
        running.end().await.unwrap();
        drop((handle, again));
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_members_do_not_listen_has_failed_after_their_grace() {
    let world = World::new();
    let a = world.candidate("a").await;
    let group = crate::TaskGroup::sequence("nightly").with(world.stubborn("deaf", LEDGER));
    a.add(group.every(MINUTE).timeout(Duration::from_secs(20)));
    let running = Running::start(&a);
    // 22:14:00, then 20 s, then 10 s of grace.
    seconds(75).await;
    assert_eq!(world.story.lines(), ["deaf began", "deaf dropped, lease held"]);
    assert_eq!(ticks(&world, "nightly").counts().failed, 1);
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_a_retry() {
    let world = World::new();
    let a = world.candidate("a").await;
    let task = LeaderTask::scheduled("t", LEDGER, |_: Term, _: Tick| async { Err::<(), _>("no") });
    let hour = Duration::from_secs(3600);
    a.add(task.every(MINUTE).retry(3).backoff(hour..=2 * hour).delivery(Delivery::AtLeastOnce));
    let running = Running::start(&a);
    seconds(60).await;
    within(5, running.end()).await.unwrap();
    assert_eq!(ticks(&world, "t").state(), TickState::Taken);
    assert_eq!(world.holder("ledger").as_deref(), Some(""));
}

/// Each tick takes two writes, and the leader has to keep up with them.
#[tokio::test(start_paused = true)]
async fn a_lease_full_of_busy_tasks_is_renewed_in_time() {
    let world = World::new();
    let a = world.candidate("a").await;
    a.add(world.obedient("body", LEDGER));
    let names: Vec<&'static str> = (0..40).map(|n| &*Box::leak(format!("t{n}").into_boxed_str())).collect();
    for (number, name) in names.iter().enumerate() {
        let takes = u64::try_from(number).unwrap() % 4;
        let task = telling(&Story::default(), name, "a", takes).every(Duration::from_secs(10));
        a.add(task.jitter(Duration::from_secs(5)));
    }
    let running = Running::start(&a);
    seconds(65).await;
    assert_eq!(world.story.lines(), ["body began"]);
    for name in &names {
        let counts = ticks(&world, name).counts();
        // From 22:13:30 to 22:14:10, and 22:14:20 if its run is over.
        assert!((5..=6).contains(&counts.run()) && counts.not_run() == 0, "{name}: {counts:?}");
    }
    running.end().await.unwrap();
}
