//! A candidate: this process in its elections.

mod announce;
mod builder;
mod election_status;
mod handle;
mod identity;
mod inner;
mod lease_driver;
mod lease_tasks;
mod manifests;
mod place;
mod process;
mod rest;
mod run;
mod signal;
mod takeover;
mod warm_up;

pub use builder::CandidateBuilder;
pub use handle::Candidate;
pub use inner::OnLateRefusal;
#[cfg(feature = "testing")]
pub(crate) use lease_tasks::LeaseTasks;
pub use signal::{ShutdownRequest, ShutdownSignal, Signalled, shutdown_signal};

#[cfg(all(test, feature = "embedded"))]
mod tests;
