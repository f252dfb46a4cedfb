//! Crashes, partitions, shutdowns, wrong clocks, and requests.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_crash_drops_the_body_and_the_next_replica_runs_it_again() {
    for (delivery, again) in [(Delivery::AtMostOnce, false), (Delivery::AtLeastOnce, true)] {
        let mut cluster = Cluster::starting_at("2027-03-01T00:00:30Z");
        cluster.replicas(2, move |replica| drop(replica.add(minutely(20).delivery(delivery))));
        cluster.run_until("2027-03-01T00:01:12Z").await;
        cluster.crash(0).await;
        assert_eq!((cluster.leader(), cluster.timeline()[0].outcome.clone()), (None, RunOutcome::Dropped));
        cluster.run_until("2027-03-01T00:01:59Z").await;
        // Last renewed at 00:01:10, so the lease expired at 00:01:25. The first renewal of the next leader is five seconds later.
        let mut want = vec!["00:01:00 #1 on 0 at 00:01:00: dropped"];
        if again {
            want.push("00:01:00 #2 on 1 at 00:01:25: done");
        }
        assert_eq!(story(&cluster.timeline()), want);
        let counts = cluster.ticks()["minutely"].counts();
        assert_eq!((counts.done, counts.abandoned), if again { (1, 0) } else { (0, 1) });
        assert_eq!(cluster.leader(), Some(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_cut_off_ends_before_another_leads() {
    let mut cluster = Cluster::starting_at("2027-03-01T00:00:30Z");
    cluster.replicas(2, |replica| {
        let task = LeaderTask::scheduled("slow", BILLING, |term: Term, _: Tick| async move {
            term.cancelled().await;
            assert_eq!(term.stop_reason(), Some(StopReason::Lost(lease_protocol::election::LossReason::NotRenewed)));
            std::future::pending::<()>().await
        });
        drop(replica.add(task.every(Duration::from_secs(3600)).delivery(Delivery::AtLeastOnce)));
    });
    cluster.run_until("2027-03-01T01:00:01Z").await;
    cluster.partition(0);
    cluster.run_until("2027-03-01T01:00:30Z").await;
    let timeline = cluster.timeline();
    // Its body is dropped twelve seconds after the last renewal, and another replica leads after fifteen.
    assert_eq!(timeline[0].ended, Some(at("2027-03-01T01:00:11.75Z")));
    assert_eq!(timeline[1].started, at("2027-03-01T01:00:15Z"));
    assert_eq!((timeline[1].replica, timeline[1].attempt), (1, 2));
    cluster.heal(0);
    cluster.crash(1).await;
    cluster.run_for(Duration::from_secs(20)).await;
    assert_eq!(cluster.timeline()[2].replica, 0);
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_heals_in_time_costs_nothing() {
    let mut cluster = Cluster::starting_at("2027-03-01T00:00:30Z");
    cluster.replicas(2, |replica| drop(replica.add(minutely(20))));
    cluster.run_until("2027-03-01T00:01:05Z").await;
    cluster.partition(0);
    cluster.run_for(Duration::from_secs(8)).await;
    cluster.heal(0);
    cluster.run_until("2027-03-01T00:02:30Z").await;
    assert_eq!(
        story(&cluster.timeline()),
        ["00:01:00 #1 on 0 at 00:01:00: done", "00:02:00 #1 on 0 at 00:02:00: done"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_gives_grace_and_the_next_leads_at_once() {
    let mut cluster = Cluster::starting_at("2027-03-01T00:00:30Z");
    cluster.replicas(2, |replica| drop(replica.add(minutely(20).delivery(Delivery::AtLeastOnce))));
    cluster.run_until("2027-03-01T00:01:05Z").await;
    cluster.shut_down(0).await;
    // Its grace of ten seconds was too short.
    assert_eq!(cluster.now().round(jiff::Unit::Second).unwrap(), at("2027-03-01T00:01:15Z"));
    cluster.run_until("2027-03-01T00:01:50Z").await;
    assert_eq!(
        story(&cluster.timeline()),
        ["00:01:00 #1 on 0 at 00:01:00: dropped", "00:01:00 #2 on 1 at 00:01:15: done"]
    );
    cluster.restart(0).await;
    cluster.shut_down(1).await;
    cluster.run_until("2027-03-01T00:02:30Z").await;
    assert_eq!(cluster.timeline().last().unwrap().replica, 0);
}

#[tokio::test(start_paused = true)]
async fn each_term_has_a_higher_fencing_token() {
    let mut cluster = Cluster::starting_at("2027-03-01T00:00:30Z");
    let tokens = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = tokens.clone();
    cluster.replicas(3, move |replica| {
        let seen = seen.clone();
        let task = LeaderTask::scheduled("minutely", BILLING, move |term: Term, _: Tick| {
            seen.lock().unwrap().push(term.fencing_token());
            async {}
        });
        drop(replica.add(task.every(Duration::from_secs(60))));
    });
    for _ in 0..5 {
        cluster.run_for(Duration::from_secs(120)).await;
        let leader = cluster.leader().unwrap();
        cluster.restart(leader).await;
    }
    let tokens = tokens.lock().unwrap().clone();
    assert!(tokens.is_sorted() && tokens.first() < tokens.last(), "{tokens:?}");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_behind_makes_ticks_late_and_doubles_none() {
    let mut cluster = Cluster::starting_at("2027-03-01T00:00:30Z");
    cluster.replicas(2, |replica| drop(replica.add(minutely(1))));
    cluster.skew(1, SignedDuration::from_secs(-25));
    cluster.run_until("2027-03-01T00:03:30Z").await;
    cluster.shut_down(0).await;
    cluster.run_until("2027-03-01T00:06:30Z").await;
    let timeline = cluster.timeline();
    let ticks: Vec<_> = timeline.iter().map(|run| run.tick).collect();
    let mut unique = ticks.clone();
    unique.dedup();
    assert_eq!((ticks.len(), unique.len()), (6, 6), "{timeline}");
    assert_eq!(timeline[3].lateness(), Duration::from_secs(25));
}

#[tokio::test(start_paused = true)]
async fn the_ticks_of_a_replica_whose_clock_is_ahead_follow_the_servers_clock() {
    let mut cluster = Cluster::starting_at("2027-03-01T00:00:30Z");
    cluster.replicas(1, |replica| drop(replica.add(minutely(1))));
    cluster.run_until("2027-03-01T00:01:30Z").await;
    cluster.skew(0, SignedDuration::from_hours(5));
    cluster.run_until("2027-03-01T00:04:30Z").await;
    let timeline = cluster.timeline();
    assert_eq!(timeline.len(), 4, "{timeline}");
}

#[tokio::test(start_paused = true)]
async fn requests_to_a_task_are_carried_out() {
    let mut cluster = Cluster::starting_at("2027-03-01T00:00:30Z");
    cluster.replicas(2, |replica| drop(replica.add(minutely(5))));
    // Before any leader has seen the task.
    cluster.trigger("minutely", "early").unwrap();
    cluster.run_until("2027-03-01T00:00:50Z").await;
    assert_eq!(cluster.timeline().len(), 1);
    cluster.pause("minutely", "maintenance").unwrap();
    cluster.run_until("2027-03-01T00:05:30Z").await;
    assert_eq!((cluster.timeline().len(), cluster.ticks()["minutely"].counts().paused), (1, 5));
    cluster.resume("minutely").unwrap();
    cluster.backfill("minutely", at("2027-03-01T00:02:00Z")..=at("2027-03-01T00:03:30Z")).unwrap();
    cluster.run_until("2027-03-01T00:05:50Z").await;
    assert_eq!(
        story(&cluster.timeline())[1..],
        ["00:02:00 #1 on 0 at 00:05:30: done", "00:03:00 #1 on 0 at 00:05:35: done"]
    );
    assert!(cluster.trigger("minutly", "typo").is_err());
    assert_eq!(cluster.ticks()["minutely"].state(), TickState::Ended(TickOutcome::Done));
}

#[tokio::test(start_paused = true)]
async fn retries_timeouts_and_panics_are_in_the_timeline() {
    let mut cluster = Cluster::starting_at("2027-03-01T00:00:30Z");
    cluster.replicas(1, |replica| {
        let task = LeaderTask::scheduled("flaky", BILLING, |_: Term, tick: Tick| async move {
            match tick.attempt() {
                1 => return Err("no luck"),
                2 => panic!("worse luck"),
                3 => std::future::pending().await,
                _ => {}
            }
            Ok(())
        });
        drop(replica.add(task.every(Duration::from_secs(3600)).retry(3).timeout(Duration::from_secs(30))));
    });
    cluster.run_until("2027-03-01T01:30:00Z").await;
    let outcomes: Vec<_> = cluster.timeline().into_iter().map(|run| (run.attempt, run.outcome.to_string())).collect();
    let words = ["failed: \"no luck\"", "panicked", "dropped", "done"];
    let want: Vec<_> = (1..).zip(words.map(str::to_owned)).collect();
    assert_eq!(outcomes, want);
    assert!(cluster.timeline().to_string().contains("panicked"), "{}", cluster.timeline());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_runs_once_is_done_on_every_replica() {
    let mut cluster = Cluster::starting_at("2027-03-01T00:00:30Z");
    let handles = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = handles.clone();
    cluster.replicas(3, move |replica| {
        let handle = replica.add(taking("migrate", 30).once().delivery(Delivery::AtLeastOnce));
        keep.lock().unwrap().push(handle);
        drop(replica.add(minutely(1)));
    });
    cluster.run_until("2027-03-01T00:00:50Z").await;
    cluster.crash(0).await;
    cluster.run_until("2027-03-01T00:10:00Z").await;
    assert_eq!(
        story(&cluster.timeline().of("migrate")),
        ["00:00:30 #1 on 0 at 00:00:30: dropped", "00:00:30 #2 on 1 at 00:01:05: done"]
    );
    let handles = std::mem::take(&mut *handles.lock().unwrap());
    for handle in &handles[1..] {
        handle.completed().await;
    }
    assert!(cluster.ticks()["migrate"].is_done());
}

#[tokio::test(start_paused = true)]
async fn groups_continuous_tasks_and_stepping_down_work() {
    let mut cluster = Cluster::starting_at("2027-03-01T00:00:30Z");
    cluster.replicas(2, |replica| {
        let number = replica.number();
        let watch = LeaderTask::new("watch", BILLING, move |term: Term| async move {
            if number == 0 {
                sleep(Duration::from_secs(100)).await;
                term.step_down();
            }
            term.cancelled().await
        });
        drop(replica.add(watch));
        let group = TaskGroup::sequence("pipeline").with(taking("extract", 5)).with(taking("load", 5));
        drop(replica.add(group.every(Duration::from_secs(60)).overlap(Overlap::BufferOne).catch_up(CatchUp::Latest)));
    });
    cluster.run_until("2027-03-01T00:03:30Z").await;
    let timeline = cluster.timeline();
    assert_eq!(
        story(&timeline.of("load")),
        [
            "00:01:00 #1 on 0 at 00:01:05: done",
            "00:02:00 #1 on 0 at 00:02:05: done",
            "00:03:00 #1 on 1 at 00:03:05: done",
        ]
    );
    assert_eq!(timeline.of("watch").iter().map(|run| run.replica).collect::<Vec<_>>(), [0, 1], "{timeline}");
    assert_eq!(cluster.leader(), Some(1));
}

#[tokio::test]
#[should_panic(expected = "not paused")]
async fn real_time_is_refused() {
    let mut cluster = Cluster::starting_at("2027-03-01T00:00:30Z");
    cluster.run_for(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "make another `Cluster`")]
async fn tasks_of_two_leases_are_refused() {
    let mut cluster = Cluster::starting_at("2027-03-01T00:00:30Z");
    cluster.replicas(1, |replica| {
        drop(replica.add(minutely(1)));
        drop(replica.add(taking("other", 1).lease("other").cron("@daily")));
    });
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "warm_up")]
async fn a_warm_up_is_refused() {
    let mut cluster = Cluster::starting_at("2027-03-01T00:00:30Z");
    cluster.replicas(1, |replica| drop(replica.add(minutely(1).warm_up(async {}))));
}
