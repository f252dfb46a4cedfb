//! A term: one period of leadership of this process.

mod check;
mod child;
mod control;
mod drain;
pub(crate) mod exit;
mod fence;
mod gate;
mod guard;
mod leadership;
pub(crate) mod overrun;
pub(crate) mod polled;
mod reconciler;
mod run_span;
mod scope;
mod slots;
mod state;
mod stop_signal;
mod tick_channel;
pub(crate) mod watchdog;

pub use check::TermCheck;
pub use child::TermHandle;
pub use control::TermControl;
pub(crate) use drain::DrainToken;
pub use fence::FenceError;
pub(crate) use gate::{Gate, GateUse};
pub(crate) use guard::panic_message;
pub use guard::{Ended, Guarded};
pub use leadership::{Lost, Term};
pub use reconciler::{Reconcile, ReconcileError};
pub(crate) use scope::RunScope;
pub(crate) use state::TermState;
pub(crate) use stop_signal::StopSignal;
pub(crate) use tick_channel::{ElectorMessage, TaskMessage, TickChannel};

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
