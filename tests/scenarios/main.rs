//! Real processes under faults of the network, the API server and the processes themselves. One list of scenarios runs against
//! `embedded` and, inside `tests/kube-apiserver/run`, against a real kube-apiserver.
//!
//! ```sh
//! cargo test --test scenarios                              # all of them on `embedded`
//! cargo test --test scenarios -- handover                  # those whose name contains this
//! tests/kube-apiserver/run cargo test --test scenarios     # all of them on both
//! ```
//!
//! A scenario starts replicas as processes, each behind a proxy, injects a fault, and checks the event log that the replicas
//! write. No scenario relies on a sleep, and each ends with the checks of `src/invariants.rs`.

#![cfg_attr(not(unix), allow(unused))]

#[cfg(unix)]
mod access;
#[cfg(unix)]
mod bodies;
#[cfg(unix)]
mod checks;
#[cfg(unix)]
mod cli;
#[cfg(unix)]
mod controller;
#[cfg(unix)]
mod deployed;
#[cfg(unix)]
mod events;
#[cfg(unix)]
mod fencing;
#[cfg(unix)]
mod handover;
#[cfg(unix)]
mod hostile;
#[cfg(unix)]
mod input;
#[cfg(unix)]
mod leaving;
#[cfg(unix)]
mod manifest;
#[cfg(unix)]
mod network;
#[cfg(unix)]
mod object;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod programs;
#[cfg(unix)]
mod runner;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod sharded;
#[cfg(unix)]
mod stories;
#[cfg(unix)]
mod targets;
#[cfg(unix)]
mod ticks;
#[cfg(unix)]
mod timings;
#[cfg(unix)]
mod traffic;
#[cfg(unix)]
mod transfer;
#[cfg(unix)]
mod watchdog;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    let lists = [
        checks::list(),
        cli::list(),
        controller::list(),
        deployed::list(),
        events::list(),
        fencing::list(),
        handover::list(),
        hostile::list(),
        network::list(),
        object::list(),
        ticks::list(),
        timings::list(),
        access::list(),
        bodies::list(),
        leaving::list(),
        process::list(),
        input::list(),
        manifest::list(),
        stories::list(),
        server::list(),
        sharded::list(),
        targets::list(),
        traffic::list(),
        transfer::list(),
        watchdog::list(),
    ];
    runner::run(lists.into_iter().flatten().collect())
}

#[cfg(not(unix))]
fn main() {
    println!("scenarios: not covered on this system, because they send Unix signals");
}
