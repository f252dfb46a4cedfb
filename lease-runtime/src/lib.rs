//! Work that only one replica may do.
//!
//! Write an async function, name a Kubernetes Lease, and run it in every replica: it starts on the one that acquires the
//! lease, and is gone before another replica can start it.
//!
//! ```no_run
//! use lease_runtime::{Candidate, Term, leader_only, shutdown_signal};
//! # #[derive(Clone)] struct Db;
//! # #[derive(Debug)] struct DbError;
//! # impl Db { async fn sync(&self, _: lease_runtime::FencingToken) -> Result<(), DbError> { Ok(()) } }
//!
//! #[leader_only(lease = "ledger")]
//! async fn sync_ledger(term: Term, db: Db) -> Result<(), DbError> {
//!     while !term.is_cancelled() {
//!         db.sync(term.fencing_token()).await?;
//!     }
//!     Ok(())
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), lease_runtime::Error> {
//!     # let db = Db;
//!     let candidate = Candidate::from_env().await?; // In the pod, or the kubeconfig.
//!     candidate.add(sync_ledger(db));
//!     candidate.run_until(shutdown_signal()).await // SIGTERM: end the bodies, then release the leases.
//! }
//! ```
//!
//! No two bodies of a lease are ever polled at the same time, as long as the clocks of two machines run at speeds that differ by at
//! most a quarter, and the body yields. For code that blocks, and for a request that has been sent, this cannot be promised. There
//! the [`FencingToken`] protects the target. [`Term`] says how a body ends.
//!
//! Work that is due at certain times is annotated in the same way:
//!
//! ```
//! # use lease_runtime::{Tick, leader_only};
//! # #[derive(Clone)] struct Db;
//! # #[derive(Debug)] struct DbError;
//! # impl Db { async fn write_report(&self, _: String) -> Result<(), DbError> { Ok(()) } }
//! /// Every night, on the replica that leads then. If that replica crashes during the work, the next leader runs it again.
//! #[leader_only(lease = "billing", cron = "0 2 * * *", time_zone = "Europe/Prague", delivery = at_least_once)]
//! async fn report(tick: Tick, db: Db) -> Result<(), DbError> {
//!     db.write_report(tick.nominal().to_string()).await
//! }
//! # let _ = report(Db);
//! ```
//!
//! The Lease remembers the last tick of each task, so that a tick which falls due while leadership moves is not lost.
//! [`LeaderTask::scheduled`] says what is promised, and what is not.
//!
//! Where to go from here: [`leader_only`] for the attribute and the code it generates, [`LeaderTask`] for the settings,
//! [`TaskGroup`] for tasks in an order, [`Term`] for what a body can do, [`Candidate`] for running tasks.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod admin;
mod candidate;
pub mod clock;
mod elector;
#[cfg(feature = "embedded")]
#[cfg_attr(docsrs, doc(cfg(feature = "embedded")))]
#[doc(inline)]
pub use lease_embedded as embedded;
mod error;
pub mod fencing;
mod lease;
mod manifests;
mod observer;
mod policy;
pub mod spec;
mod sync;
mod task;
mod term;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
mod tick;
mod yaml;

pub use admin::{LeaseAdmin, LeaseAdminError, TickAdmin, TickAdminError};
pub use candidate::{
    Candidate, CandidateBuilder, OnLateRefusal, ShutdownRequest, ShutdownSignal, Signalled, shutdown_signal,
};
pub use elector::{Denial, ElectorError, Health, LeaseStatus, Standing};
// For `kubectl lease-runtime`, and no part of what is promised to other programs.
#[doc(hidden)]
pub use elector::{cluster_client, cluster_config};
pub use error::Error;
/// The types of times that [`Tick`] and [`TickAdmin`] use.
#[doc(no_inline)]
pub use jiff;
/// The client that elections use. With it, a program can name its types without a dependency on kube.
#[doc(no_inline)]
pub use kube;
pub use lease::{LeaseId, LeaseRef, NotALeaseId};
#[doc(inline)]
pub use lease_macros::leader_only;
#[doc(inline)]
pub use lease_protocol::election::{FencingToken, LossReason, NotAFencingToken, StopReason, Taken};
pub use lease_protocol::schedule::ScheduleError;
#[doc(inline)]
pub use lease_protocol::ticks::{
    AttemptId, CatchUp, Delivery, NotRun, Overlap, StartDeadline, TaskTicks, TickCounts, TickOutcome, TickRun,
    TickState,
};
pub use manifests::{Manifests, ManifestsBuilder, ManifestsError};
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub use observer::MetricsObserver;
pub use observer::{BodyOutcome, LeaseEvent, Observer, RenewalResult};
pub use policy::{OnExhausted, OnLoss, OnOverrun, Restart};
#[doc(inline)]
pub use spec::{LeaseSpec, OverrideError, Overrides, OwnPod, SpecError, TrafficError};
pub use task::{DEFAULT_GRACE, IntoTask, LeaderTask, TaskGroup, TaskHandle, TaskOutput, TickOutput};
pub use term::{Ended, FenceError, Guarded, Lost, Reconcile, ReconcileError, Term, TermCheck, TermControl, TermHandle};
pub use tick::{Cause, Tick};
