//! Measures a candidate of lease-runtime and one of client-go on a real API server, and prints one table.
//!
//! ```text
//! tests/kube-apiserver/run cargo run --release -p lease-tests --bin compare            everything, about 7 minutes
//! tests/kube-apiserver/run cargo run --release -p lease-tests --bin compare -- crash   one item
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

use error::Result;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    // This program is also the candidate, so that `cargo run --bin compare` builds everything.
    let outcome = if arguments.next_if(|first| first == candidate::COMMAND).is_some() {
        run(candidate::run(arguments))
    } else {
        run(attended(arguments))
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("compare: {error}");
        ExitCode::from(2)
    })
}

/// When this returns, the runtime has been dropped, and with it every process that was started.
fn run(work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    Runtime::new()?.block_on(work)
}

/// Ctrl-C and SIGTERM drop the measurement with its processes and its folder.
async fn attended(arguments: impl Iterator<Item = String>) -> Result<ExitCode> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        biased;
        _ = interrupt.recv() => Ok(ExitCode::from(130)),
        _ = terminate.recv() => Ok(ExitCode::from(143)),
        code = plan::run(arguments) => code,
    }
}
