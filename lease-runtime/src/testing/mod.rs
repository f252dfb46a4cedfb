//! Scheduled tasks in a simulated cluster: months of them in a test of milliseconds.
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU32, Ordering};
//!
//! use lease_runtime::{LeaderTask, LeaseSpec, Term, Tick, testing::Cluster};
//!
//! fn nightly_report(written: Arc<AtomicU32>) -> LeaderTask<()> {
//!     LeaderTask::scheduled("nightly-report", LeaseSpec::new("billing"), move |_: Term, _: Tick| {
//!         let written = written.clone();
//!         async move {
//!             tokio::time::sleep(std::time::Duration::from_secs(60)).await; // Work.
//!             written.fetch_add(1, Ordering::Relaxed);
//!         }
//!     })
//!     .cron("30 2 * * *")
//!     .time_zone("Europe/Prague")
//! }
//!
//! # /*
//! #[tokio::test(start_paused = true)]
//! # */
//! # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
//! # the_report_is_written_every_night().await }
//! async fn the_report_is_written_every_night() {
//!     let written = Arc::new(AtomicU32::new(0));
//!     let mut cluster = Cluster::starting_at("2027-03-01T00:00:00Z");
//!     let reports = written.clone();
//!     cluster.replicas(3, move |replica| drop(replica.add(nightly_report(reports.clone()))));
//!     cluster.run_until("2027-03-20T12:00:00Z").await;
//!     let leader = cluster.leader().unwrap();
//!     cluster.crash(leader).await;
//!     cluster.run_until("2027-04-01T00:00:00Z").await; // Past the change to summer time: 02:30 does not exist on that day.
//!     assert_eq!(written.load(Ordering::Relaxed), 31);
//!     assert_eq!(cluster.ticks()["nightly-report"].counts().not_run(), 0);
//!     println!("{}", cluster.timeline());
//! }
//! ```
//!
//! A leader renews every five seconds, which is half a million requests a month, so a real election is too slow for this. The
//! harness decides the election itself. Everything else is the code of production.
//!
//! # What is real
//!
//! - Your bodies. Each runs in a task of its own under production's guard and supervisor: groups, retries, timeouts, grace,
//!   overlap, children, panics.
//! - The decision which replica takes which tick when, and at which attempt. Each replica has production's tick protocol, with
//!   records that are written to and read from annotations as text.
//! - The [`Term`](crate::Term). Its fencing token grows with each term, it is cancelled with the reason of its loss, and a body
//!   is dropped at its deadline.
//! - The requests of [`pause`](Cluster::pause), [`trigger`](Cluster::trigger) and [`backfill`](Cluster::backfill).
//!
//! # What is simulated
//!
//! - *Time* is tokio's paused clock, which jumps from event to event. The test must run on a paused current-thread runtime, as
//!   `#[tokio::test(start_paused = true)]` makes it. Code that reads the time elsewhere, for example with `SystemTime::now()`, or
//!   that waits for anything outside of the process, does not follow it.
//! - *The election.* The first replica that is up and connected leads. After it, the next one in the circle leads. A lease that was
//!   given up passes on at once. A lease whose holder crashed or was cut off passes on one lease duration after the last renewal.
//!   While nothing of the lease runs, renewals are counted and not sent. Their times are those of production.
//! - *The Lease.* A read or a write takes no time, does not fail unless the replica is cut off, and never conflicts with another.
//!   There is no time to start a process, no warm-up and no readiness.
//! - *A crash* drops the bodies at once, without asking them to end. In a real crash not even their destructors run.
//! - *The end of a process* that a task asks for ([`OnExhausted::Exit`](crate::OnExhausted::Exit)) shuts the replica down, and it
//!   stays down. [`OnLoss::Exit`](crate::OnLoss::Exit) and overruns end no process here.
//!
//! The same program gives the same timeline at each run, except for random numbers that bodies use themselves.
//!
//! For elections under faults, such as lost answers, conflicts and slow requests, use `embedded` with a
//! [virtual clock](crate::clock::TokioClock). It runs seconds to minutes of a whole candidate, instead of months of its tasks.
//!
//! # What is not supported
//!
//! One cluster has one lease: make another cluster for the tasks of another lease. Tasks with a
//! [`warm_up`](crate::LeaderTask::warm_up) or [`contend_when`](crate::LeaderTask::contend_when) are refused with a panic, because
//! the candidate handles these. Continuous tasks work, but keep the clock from jumping: each simulated day of one takes 17,280
//! renewals.

mod cluster;
mod drive;
mod moment;
mod replica;
mod timeline;

pub use cluster::Cluster;
pub use moment::PointInTime;
pub use replica::Replica;
pub use timeline::{Run, RunOutcome, Timeline};

pub use crate::elector::{Machine, MachineProcess};

#[cfg(test)]
mod tests;
