//! Replicas as processes of this machine, ended in several ways, and what their work's own log says about it.

mod log;
mod stage;
mod table;

use std::error::Error;

pub use log::{Entry, WorkLog};
pub use stage::{End, Stage};
pub use table::{overlaps, print_table};

/// What a play comes to.
pub type Outcome<T> = Result<T, Box<dyn Error>>;
