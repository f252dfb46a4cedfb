//! A program with a scheduled task, and its tests: the nights of a spring in milliseconds of test time.
//!
//! ```sh
//! cargo run --example your_own_test    # runs the scenario and prints the runs
//! cargo test --example your_own_test   # the tests at the end of this file
//! ```
//!
//! In your own project, only the tests need the feature:
//!
//! ```toml
//! [dev-dependencies]
//! lease-runtime = { version = "0.1", features = ["testing"] }
//! tokio = { version = "1", features = ["macros", "rt", "test-util"] }
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lease_runtime::testing::Cluster;
use lease_runtime::{Cause, Delivery, LeaderTask, LeaseSpec, Term, Tick};

// ---- the program

/// A table of reports. Its key is the day, so writing the same report twice has no effect.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<BTreeMap<String, u32>>>);

impl Reports {
    async fn write(&self, day: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(day).or_default() += 1;
    }
}

/// The nightly report. It takes ten minutes, must be ready in the morning, and may run again from the beginning.
fn nightly_report(reports: Reports) -> LeaderTask<Result<(), String>> {
    LeaderTask::scheduled("nightly-report", LeaseSpec::new("billing"), move |_term: Term, tick: Tick| {
        let reports = reports.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(600)).await; // Computes the report.
            let key = match tick.cause() {
                Cause::Trigger(id) => id.to_string(),
                _ => tick.zoned().date().to_string(),
            };
            reports.write(key).await;
            Ok(())
        }
    })
    .cron("30 2 * * *")
    .time_zone("Europe/Prague")
    .delivery(Delivery::AtLeastOnce)
}

// ---- the scenario

/// Three replicas of the program.
fn cluster(start: &str, reports: &Reports) -> Cluster {
    let mut cluster = Cluster::starting_at(start);
    let reports = reports.clone();
    cluster.replicas(3, move |replica| drop(replica.add(nightly_report(reports.clone()))));
    cluster
}

/// A week around the change of the clocks, with a crash, a pause, and a tick that is triggered by hand.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut cluster = cluster("2027-03-25T12:00:00+01:00", &Reports::default());

    // The leader's machine dies in the middle of a report.
    cluster.run_until("2027-03-26T02:35:00+01:00").await;
    let leader = cluster.leader().ok_or("no replica leads")?;
    cluster.crash(leader).await;

    // On the 28th, the clocks go from 02:00 to 03:00, and there is no 02:30.
    cluster.run_until("2027-03-29T12:00:00+02:00").await;
    cluster.trigger("nightly-report", "ticket-4711")?;

    // The database is moved during the night before the 30th.
    cluster.run_for(Duration::from_secs(3600)).await;
    cluster.pause("nightly-report", "the database is being moved")?;
    cluster.run_until("2027-03-30T12:00:00+02:00").await;
    cluster.resume("nightly-report")?;
    cluster.run_until("2027-04-01T00:00:00+02:00").await;

    println!("{}", cluster.timeline());
    for (task, ticks) in cluster.ticks() {
        println!("{task}: {:?}, next at {}", ticks.counts(), ticks.next().map(|at| at.to_string()).unwrap_or_default());
    }
    Ok(())
}

// ---- the tests

#[cfg(test)]
mod tests {
    use super::*;

    const MARCH: &str = "2027-03-01T00:00:00+01:00";

    impl Reports {
        fn all(&self) -> BTreeMap<String, u32> {
            self.0.lock().unwrap().clone()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_night_has_its_report_also_when_the_clocks_change() {
        let reports = Reports::default();
        let mut cluster = cluster(MARCH, &reports);
        cluster.run_until("2027-04-01T00:00:00+02:00").await;
        assert_eq!(reports.all().len(), 31);
        assert!(reports.all().values().all(|times| *times == 1));
        // At the first instant after the gap.
        let timeline = cluster.timeline();
        let spring =
            timeline.iter().find(|run| run.tick.is_some_and(|tick| tick.to_string().starts_with("2027-03-28")));
        assert_eq!(spring.unwrap().started.to_string(), "2027-03-28T01:00:00Z");
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_whose_machine_dies_is_begun_again_elsewhere() {
        let reports = Reports::default();
        let mut cluster = cluster(MARCH, &reports);
        cluster.run_until("2027-03-05T02:35:00+01:00").await;
        let dead = cluster.leader().unwrap();
        cluster.crash(dead).await;
        assert_eq!(reports.all().len(), 4);
        cluster.run_until("2027-03-05T03:00:00+01:00").await;
        assert_eq!(reports.all().get("2027-03-05"), Some(&1));
        let last = cluster.timeline().last().cloned().unwrap();
        assert_ne!(last.replica, dead);
        assert_eq!(last.attempt, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticket_gets_a_report_of_its_own_at_once() {
        let reports = Reports::default();
        let mut cluster = cluster(MARCH, &reports);
        cluster.run_until("2027-03-01T12:00:00+01:00").await;
        cluster.trigger("nightly-report", "ticket-4711").unwrap();
        cluster.trigger("nightly-report", "ticket-4711").unwrap();
        cluster.run_for(Duration::from_secs(601)).await;
        cluster.trigger("nightly-report", "ticket-4711").unwrap();
        cluster.run_for(Duration::from_secs(601)).await;
        assert_eq!(reports.all().get("ticket-4711"), Some(&1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_night_is_left_out_and_counted() {
        let reports = Reports::default();
        let mut cluster = cluster(MARCH, &reports);
        cluster.run_until("2027-03-02T12:00:00+01:00").await;
        cluster.pause("nightly-report", "maintenance").unwrap();
        cluster.run_until("2027-03-03T12:00:00+01:00").await;
        cluster.resume("nightly-report").unwrap();
        cluster.run_until("2027-03-04T12:00:00+01:00").await;
        assert_eq!(reports.all().into_keys().collect::<Vec<_>>(), ["2027-03-01", "2027-03-02", "2027-03-04"]);
        assert_eq!(cluster.ticks()["nightly-report"].counts().paused, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rollout_loses_no_night() {
        let reports = Reports::default();
        let mut cluster = cluster(MARCH, &reports);
        for night in 2..=8 {
            // In the middle of a report: its replica has the grace to finish, and the next replica runs it again.
            cluster.run_until(format!("2027-03-0{night}T02:35:00+01:00").as_str()).await;
            for replica in 0..3 {
                cluster.shut_down(replica).await;
                cluster.restart(replica).await;
            }
        }
        cluster.run_until("2027-03-09T00:00:00+01:00").await;
        assert_eq!(reports.all().len(), 8);
    }
}
