//! Tasks: work that runs while this process holds a lease.

mod backoff;
pub(crate) mod entry;
mod group;
mod handle;
mod inside;
mod leader_task;
mod lock;
mod log;
mod member;
mod name;
mod observed;
mod output;
mod overridden;
mod plan;
mod policy;
mod resolve;
mod run;
mod scheduling;
mod settings;
pub(crate) mod supervise;
mod supervisor;
mod ticking;
#[cfg(feature = "testing")]
pub(crate) mod watched;

pub use group::TaskGroup;
pub use handle::TaskHandle;
pub use leader_task::LeaderTask;
pub use output::{TaskOutput, TickOutput};
pub use plan::IntoTask;
pub use policy::DEFAULT_GRACE;

#[cfg(test)]
mod tests;
