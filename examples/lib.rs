//! The common code of the examples: replicas as processes, and the log of their work.

pub mod harness;
