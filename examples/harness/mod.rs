//! Starts replicas as processes on this machine, ends them in several ways, and reads the log of their work.

mod late;
mod log;
mod postgres;
mod redis;
mod replicas;
mod table;

use std::error::Error;

pub use self::redis::Redis;
pub use late::{stop_the_leader, write_until_end};
pub use log::{Entry, WorkLog};
pub use postgres::Postgres;
pub use replicas::{End, Harness};
pub use table::{overlaps, print_table};

/// The result of an example.
pub type Outcome<T> = Result<T, Box<dyn Error>>;
