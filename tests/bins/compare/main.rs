//! Measures a candidate of lease-runtime and one of client-go on a real API server, and prints one table.
//!
//! ```text
//! tests/kube-apiserver/run cargo run --release --bin compare            everything, about 7 minutes
//! tests/kube-apiserver/run cargo run --release --bin compare -- crash   one item
//! ```
//!
//! README.md beside this file says what is measured, how, and what disturbs it. The exit code is 1 if lease-runtime misses a
//! target.

mod audit;
mod candidate;
mod cli;
mod crew;
mod events;
mod folder;
mod items;
mod observer;
mod plan;
mod setup;
mod spread;
mod table;

use lease_tests::error;
use std::process::ExitCode;

use lease_tests::program;
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    program::run("compare", Runtime::new(), candidate::run, plan::run)
}
