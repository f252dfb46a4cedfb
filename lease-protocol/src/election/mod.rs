//! The election protocol, without I/O: state, event and time in; state and actions out.
//!
//! An [`Election`] has no clock, no socket, no task and no randomness of its own, so that a model checker, a simulation and
//! production run the very same code. "Time passes" is an event of the caller.
//!
//! # The rules
//!
//! With these, and clocks whose speeds differ by less than a quarter, no poll of one term's body begins after a body of
//! the next term was started. Each rule stands in one place of the code, under its number.
//!
//! | rule | what it says | where |
//! |---|---|---|
//! | H1 | a holder counts from the instant it *sent* the write, and only proof of that very write counts | `answer.rs` |
//! | H2 | a deadline belongs to one term, and what is over stays over | `core.rs`, `term.rs` |
//! | H3 | a look that shows somebody else's record ends the term at once; an error does not | `observe.rs` |
//! | H4 | reading one's own name proves nothing: only a successful write does | `observe.rs` |
//! | H5 | a release is written only after the bodies are gone | `plan.rs` |
//! | H6 | a process whose bodies are not gone does not compete | `plan.rs`, and from one election to the next `elector/thread.rs` |
//! | C1 | a candidate counts from the instant it *received* a record it had not seen before | `observe.rs` |
//! | C2 | it takes over after the duration in the record, with a write that names the state it saw | `plan.rs` |
//! | C3 | a process that knew a Lease which is gone waits as long, even if there is another, and looks again before it creates one; what it saw ages | `observe.rs`, `plan.rs`, `memory.rs` |
//! | C4 | a record with no holder is free at once | `plan.rs` |
//! | W1 | after a conflict or an unknown outcome, no write before a fresh look | `answer.rs` |
//! | W2 | no more requests than the cap, whatever happens | `pace.rs` |
//! | W3 | a token that would not grow makes no term | `answer.rs` |
//! | R1 | a sight of the very record of a write proves that it took effect, from when it was sent | `outstanding.rs`, `acknowledge.rs` |
//! | R2 | a look sent after a write that shows the state before it: the write counts from there | `acknowledge.rs` |

mod acknowledge;
mod altered;
mod answer;
mod core;
mod map;
mod memory;
mod observe;
mod outstanding;
mod own_record;
mod pace;
mod plan;
mod record;
mod shown;
mod state;
mod step;
mod term;
#[cfg(test)]
mod tests;
mod timing;

pub use self::altered::AlteredField;
pub use map::{Map, Stamp};
pub use memory::Memory;
pub use record::{FencingToken, Observation, Record, Version, View};
pub use shown::{LONGEST_SHOWN, is_plain, shown};
pub use state::{Election, Role};
pub use step::{Action, Answer, Deadlines, Event, Grant, LossReason, Now, Request, RequestId, StopReason};
pub use timing::Timing;
