//! The tick protocol, without I/O: annotations, times and ends of runs in; edits of annotations and runs to start out.
#![doc(hidden)]

mod policy;

pub use policy::{CatchUp, Delivery, Overlap, StartDeadline};
