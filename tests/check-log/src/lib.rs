//! Checks the log of replicas against the rules of the election and of the ticks.
//!
//! It reads what `lease-runtime` logs, in the JSON format of `tracing-subscriber`. Each line tells when it was written, which may be
//! later than what it tells about. So a rule compares lines of one replica by their order. Lines of two replicas are compared by the
//! calendar, with a tolerance, and never because a line came late.
//!
//! | rule | |
//! |---|---|
//! | begin | A term begins when the last one of the same replica has ended, and with the revision of the last answer that the replica received (if it logs answers, at level `trace`). |
//! | token | The tokens of a replica grow. No token is used twice in a lease. |
//! | end | What a replica says about a term, it says between the beginning and the end of that term. |
//! | overlap | A term begins when the term of another replica with the next lower token has ended, or could not be renewed any more: field `until`. |
//! | release | A replica releases the lease when its term has ended. |
//! | run | A task or a tick starts within the term that it names. |
//! | repeated | With `at_most_once`, a tick is started in one term, and each of its attempts once. A start that was given back and a backfill do not count. |
//! | complete | The library has not dropped lines because the subscriber was too slow. |

mod check;
mod error;
mod event;
mod lease;
mod replica;
mod report;
mod runs;

pub use check::{Check, Settings};
pub use error::Error;
pub use report::{Place, Report, Rule, Violation};
