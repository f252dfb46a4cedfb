//! The files of `lease-runtime/src/term` that threads share, and the cases.
//!
//! What is left out decides nothing between threads: the handles for users, the starting of threads and tasks.

#[path = "../../../../lease-runtime/src/term/drain.rs"]
mod drain;
#[path = "../../../../lease-runtime/src/term/exit.rs"]
mod exit;
#[path = "../../../../lease-runtime/src/term/gate.rs"]
mod gate;
#[path = "../../../../lease-runtime/src/term/guard/mod.rs"]
mod guard;
#[path = "../../../../lease-runtime/src/term/leadership.rs"]
mod leadership;
#[path = "../../../../lease-runtime/src/term/overrun/mod.rs"]
mod overrun;
#[path = "../../../../lease-runtime/src/term/scope.rs"]
mod scope;
#[path = "../../../../lease-runtime/src/term/slots.rs"]
mod slots;
#[path = "../../../../lease-runtime/src/term/state/mod.rs"]
mod state;
#[path = "../../../../lease-runtime/src/term/stop_signal.rs"]
mod stop_signal;
#[path = "../../../../lease-runtime/src/term/tick_channel.rs"]
mod tick_channel;
#[path = "../../../../lease-runtime/src/term/watchdog/watched.rs"]
mod watched;

pub mod cases;

use drain::DrainToken;
use gate::{Gate, GateUse};
use guard::{Ended, Guarded};
use leadership::Term;
use scope::RunScope;
use state::TermState;
use stop_signal::StopSignal;
use tick_channel::TickChannel;
