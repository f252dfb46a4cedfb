//! Starts replicas as processes on this machine, ends them in several ways, and reads the log of their work.

mod log;
mod replicas;
mod table;

use std::error::Error;

pub use log::{Entry, WorkLog};
pub use replicas::{End, Harness};
pub use table::{overlaps, print_table};

/// The result of an example.
pub type Outcome<T> = Result<T, Box<dyn Error>>;
