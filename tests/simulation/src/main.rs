//! Whole candidates in virtual time, each with a clock of its own, under all faults. See README.md.

mod check;
mod cli;
mod cost;
mod engine;
mod expected;
mod journal;
mod nemesis;
mod plan;
mod program;
mod run;
mod seeds;
mod tally;
mod year;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if !cfg!(tokio_unstable) {
        eprintln!(
            "simulation: tokio's order of tasks can only be repeated with its unstable interface: run tests/simulation/run"
        );
        return ExitCode::FAILURE;
    }
    let options = match cli::Options::from_args(std::env::args().skip(1), std::env::var("SEED").ok()) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("simulation: {error}");
            return ExitCode::FAILURE;
        }
    };
    let succeeded = match (options.days, options.seed) {
        (Some(days), _) => year::simulate(days),
        (None, Some(seed)) => seeds::replay(seed, options.seconds),
        (None, None) => seeds::all(&options),
    };
    if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
