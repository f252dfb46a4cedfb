//! Replicas of lease-runtime on a real API server, under faults of the processes, the network and the server.
//!
//! ```text
//! tests/kube-apiserver/run cargo run -p lease-tests --bin faults                   60 faults, below 4 minutes
//! tests/kube-apiserver/run cargo run -p lease-tests --bin faults -- --soak 30m     does anything grow?
//! ```
//!
//! README.md beside this file says what happens and what is checked. The exit code is 1 if something does not hold.

mod candidate;
mod check;
mod cli;
mod cpu;
mod crew;
mod faults;
mod figures;
mod folder;
mod nemesis;
mod plan;
mod scene;
mod soak;
mod target;

use lease_tests::error;
use std::process::ExitCode;

use cli::{Options, Run, USAGE};
use error::Result;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    // This program is also the candidate, so that `cargo run --bin faults` builds everything.
    let outcome = if arguments.next_if(|first| first == candidate::COMMAND).is_some() {
        run(candidate::run(arguments.next().unwrap_or_default()))
    } else {
        run(attended(arguments))
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("faults: {error}");
        ExitCode::from(2)
    })
}

/// When this returns, the runtime has been dropped, and with it every process that was started.
fn run(work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(work)
}

/// Ctrl-C and SIGTERM drop the run with its processes and its folder.
async fn attended(arguments: impl Iterator<Item = String>) -> Result<ExitCode> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        biased;
        _ = interrupt.recv() => Ok(ExitCode::from(130)),
        _ = terminate.recv() => Ok(ExitCode::from(143)),
        code = chosen(arguments) => code,
    }
}

async fn chosen(arguments: impl Iterator<Item = String>) -> Result<ExitCode> {
    let arguments: Vec<String> = arguments.collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    let options = Options::parse(arguments.into_iter())?;
    match options.run {
        Run::Faults(count) => faults::run(&options, count).await,
        Run::Soak(time) => soak::run(&options, time).await,
    }
}
