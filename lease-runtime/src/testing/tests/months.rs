//! Long simulations.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_nightly_task_runs_every_night_over_a_change_of_the_clocks() {
    let mut cluster = Cluster::starting_at("2027-03-01T00:00:00Z");
    cluster.replicas(3, |replica| {
        let task = taking("nightly", 60).cron("30 2 * * *").time_zone("Europe/Prague");
        drop(replica.add(task));
    });
    cluster.run_until("2027-06-01T00:00:00Z").await;
    let timeline = cluster.timeline();
    assert_eq!(timeline.len(), 31 + 30 + 31);
    assert!(timeline.iter().all(|run| run.replica == 0 && run.attempt == 1 && run.outcome == RunOutcome::Done));
    assert!(timeline.iter().all(|run| run.lateness() < Duration::from_millis(2)));
    // 02:30 does not exist on that day.
    assert_eq!(timeline[27].tick, Some(at("2027-03-28T01:00:00Z")));
    let counts = cluster.ticks()["nightly"].counts();
    assert_eq!((counts.done, counts.not_run()), (92, 0));
}

#[tokio::test(start_paused = true)]
async fn a_minutely_task_runs_through_a_day() {
    let mut cluster = Cluster::starting_at("2027-03-01T00:00:30Z");
    cluster.replicas(2, |replica| drop(replica.add(minutely(1))));
    cluster.run_until("2027-03-02T00:00:30Z").await;
    assert_eq!(cluster.timeline().len(), 1440);
    assert_eq!(cluster.ticks()["minutely"].counts().done, 1440);
}

/// A measurement. Run it with `--ignored --nocapture`.
#[test]
#[ignore = "measures"]
#[allow(clippy::disallowed_methods, reason = "real time is what is measured")]
fn how_long_a_simulation_takes() {
    let measured = |what: &str, from: &str, to: &str, add: fn(&mut Replica)| {
        for _ in 0..3 {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            let began = std::time::Instant::now();
            let runs = runtime.block_on(async {
                let mut cluster = Cluster::starting_at(from);
                cluster.replicas(3, add);
                cluster.run_until(to).await;
                cluster.timeline().len()
            });
            println!("{what}: {runs} runs in {:?}", began.elapsed());
        }
    };
    measured("nightly, 3 months", "2027-03-01T00:00:00Z", "2027-06-01T00:00:00Z", |replica| {
        drop(replica.add(taking("nightly", 60).cron("30 2 * * *").time_zone("Europe/Prague")));
    });
    measured("minutely, a month", "2027-03-01T00:00:30Z", "2027-03-31T00:00:30Z", |replica| {
        drop(replica.add(minutely(1)));
    });
    measured("continuous, a day", "2027-03-01T00:00:30Z", "2027-03-02T00:00:30Z", |replica| {
        drop(replica.add(LeaderTask::<()>::new("watch", BILLING, |term: Term| async move { term.cancelled().await })));
    });
}
