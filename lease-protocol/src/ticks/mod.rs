//! The tick protocol, without I/O. It is given annotations, times and ends of runs, and returns edits of annotations
//! and runs to start.
//!
//! Like the [election](crate::election), [`Ticks`] has no clock, no socket, no task and no randomness of its own.
//!
//! # The rules
//!
//! | rule | what it says | where |
//! |---|---|---|
//! | 1 | a run is taken by the write that renews, before it starts | `decide.rs` |
//! | 2 | a run starts inside the term that took it, and each poll of its body compares the clock with the deadline | `core.rs`, and the guard |
//! | 3 | after an unknown outcome, the same attempt is taken again if it was not taken, and never another one | `decide.rs` |
//! | 4 | a conflict loses nothing: the changes are composed again for the newer state | `core.rs` |
//! | 5 | an end is recorded for exactly the attempt that ended | `decide.rs` |
//! | 6 | no run is taken once the bodies are asked to end; the release comes when they are gone | `core.rs`, and the election |
//! | 7 | runs that an earlier term has left open are settled before anything else | `interrupted.rs` |
//! | 8 | if a replica's clock is ahead of the API server's by more than a tolerance, its ticks follow the server's clock | `time.rs` |
//! | 9 | a run whose body has certainly not begun is given back, and taken again under the same attempt number | `interrupted.rs`, and the elector |

mod attempt;
mod attempt_id;
mod codec;
mod core;
mod counts;
mod decide;
mod decision;
mod diagnostics;
mod due;
mod interrupted;
pub mod names;
mod policy;
mod record;
mod requests;
mod status;
#[cfg(test)]
mod tests;
mod tick_term;
mod time;
mod timetable;
mod unrecorded;

pub use self::core::{Edits, Ticks};
pub use attempt::{RunEnd, RunStart};
pub use attempt_id::AttemptId;
pub use codec::Unreadable;
pub use counts::{NotRun, TickCounts, TickOutcome};
pub use decision::TickNote;
pub use policy::{CatchUp, Delivery, Overlap, StartDeadline};
pub use record::{EndedRun, OpenRun, Origin, TickRecord};
pub use requests::Annotations;
pub use requests::{backfill_text, check_trigger};
pub use status::{TaskTicks, TickRun, TickState};
pub use time::TickTime;
pub use timetable::{Timetable, TimetableKind};
