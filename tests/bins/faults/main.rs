//! Replicas of lease-runtime on a real API server, under faults of the processes, the network and the server.
//!
//! ```text
//! tests/kube-apiserver/run cargo run --bin faults                   60 faults, below 4 minutes
//! tests/kube-apiserver/run cargo run --bin faults -- --soak 30m     does anything grow?
//! ```
//!
//! README.md beside this file says what happens and what is checked. The exit code is 1 if something does not hold.

mod candidate;
mod check;
mod cli;
mod cli_program;
mod cpu;
mod crew;
mod faults;
mod figures;
mod folder;
mod nemesis;
mod parts;
mod plan;
mod role;
mod scene;
mod soak;
mod target;
mod traffic;

use lease_tests::error;
use std::process::ExitCode;

use cli::{Options, Run, USAGE};
use error::Result;
use lease_tests::program;
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    program::run("faults", runtime, candidate::run, chosen)
}

async fn chosen(arguments: program::Arguments) -> Result<ExitCode> {
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
