//! The election protocol, without I/O: state, event and time in; state and actions out.
//!
//! An [`Election`] has no clock, no socket, no task and no randomness of its own, so that a model checker, a simulation and
//! production run the very same code. "Time passes" is an event of the caller.
#![doc(hidden)]

mod core;
mod record;
mod step;
mod timing;

pub use self::core::{Election, Role};
pub use record::{FencingToken, Record, Sight, Version, View};
pub use step::{Action, Answer, Deadlines, Event, Grant, Loss, Now, Request, RequestId};
pub use timing::Timing;
