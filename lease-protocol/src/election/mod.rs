//! The election protocol, without I/O: events and times in, actions out.
//!
//! An [`Election`] has no clock, no socket, no task and no randomness. So the model checker, the simulation and
//! production run the same code. The caller reports that time has passed as an event.
//!
//! # The rules
//!
//! With these rules, and clocks whose speeds differ by less than a quarter, no poll of a body of one term begins after
//! a body of the next term has started. Each rule is implemented in one place, marked with its id.
//!
//! | rule | what it says | where |
//! |---|---|---|
//! | H1 | a holder counts from the instant at which it *sent* a write, and only proof of this write counts | `answer.rs` |
//! | H2 | a deadline belongs to one term, and a term that is over stays over | `core.rs`, `term.rs` |
//! | H3 | a get or a watch event that shows a record of another process ends the term at once; an error does not | `observe.rs` |
//! | H4 | reading one's own name proves nothing: only a successful write does | `observe.rs` |
//! | H5 | a release is written only after the bodies are gone | `plan.rs` |
//! | H6 | a process whose bodies are not gone does not compete | `plan.rs`; between two elections of a process, `elector/thread.rs` |
//! | C1 | a candidate counts from the instant at which it *received* a record that it had not seen before | `observe.rs` |
//! | C2 | it takes over after the duration in the record, with a write that names the state that it saw | `plan.rs` |
//! | C3 | a process that knew a Lease which is gone waits for the duration of that Lease, even if there is another Lease now, and gets the Lease again before it creates one; an observation becomes outdated | `observe.rs`, `plan.rs`, `memory.rs` |
//! | C4 | a record without a holder is free at once | `plan.rs` |
//! | C5 | a candidate leaves a released lease to the successor that the last holder has named, for two retry periods | `plan.rs` |
//! | C6 | a record whose holder is proven dead is free at once | `plan.rs` |
//! | D1 | a proof of death is about one identity: it never becomes false, and says nothing about another | `dead.rs`, `core.rs` |
//! | W1 | after a conflict or an unknown outcome, no write before a new get | `answer.rs` |
//! | W2 | never more requests than the cap | `pace.rs` |
//! | W3 | a write whose token would not grow begins no term | `answer.rs` |
//! | R1 | an observation of exactly the record of a write proves that the write took effect; the proof counts from when the write was sent | `outstanding.rs`, `acknowledge.rs` |
//! | R2 | if a get that was sent after a write shows the state before the write, the write counts from when the get was sent | `acknowledge.rs` |

mod acknowledge;
mod altered;
mod answer;
mod core;
mod dead;
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
mod taken;
mod term;
#[cfg(test)]
mod tests;
mod timing;
mod token;

pub use self::altered::AlteredField;
pub use map::{Map, Stamp};
pub use memory::Memory;
pub use record::{Observation, Record, Version, View};
pub use shown::{LONGEST_SHOWN, is_plain, shown};
pub use state::{Election, Role};
pub use step::{Action, Answer, Deadlines, Event, Grant, LossReason, Now, Request, RequestId, StopReason};
pub use taken::Taken;
pub use timing::Timing;
pub use token::{FencingToken, NotAFencingToken};
