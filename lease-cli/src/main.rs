//! `kubectl lease-runtime`: shows Leases and their scheduled tasks, operates the tasks, and moves the leadership.
//!
//! kubectl finds this program by its name, `kubectl-lease_runtime`. It also runs by itself.

mod admin;
mod age;
mod args;
mod cluster;
mod describe;
mod doctor;
mod duration;
mod error;
#[cfg(unix)]
mod exec;
mod handover;
mod lease;
mod list;
mod live;
mod output;
mod table;
mod timers;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command, Place};
use cluster::Cluster;
use error::CliError;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(code) => ExitCode::from(code),
        // The reader has seen enough, as `head` does.
        Err(CliError::Stdout { cause }) if cause.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Carries the command out, and returns the exit code.
async fn run(Arguments { place, command }: Arguments) -> Result<u8, CliError> {
    if place.all_namespaces && !matches!(command, Command::List { .. } | Command::Timers { .. }) {
        return Err(CliError::AllNamespaces);
    }
    let text = match command {
        #[cfg(unix)]
        Command::Exec(arguments) => {
            let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| "warn,kube_client=off".to_owned());
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
            return exec::run(&place, arguments).await;
        }
        #[cfg(unix)]
        Command::Guard => return exec::guard::run().await.map(|()| 0).map_err(|cause| CliError::Guard { cause }),
        Command::List { lease: Some(lease), .. } => return Err(CliError::ListedByName { lease }),
        Command::List { watch: true, .. } => {
            return live::run(&connect(&place).await?, place.all_namespaces).await.map(|()| 0);
        }
        Command::List { output, .. } => list::run(&connect(&place).await?, place.all_namespaces, output).await?,
        Command::Timers { output } => timers::run(&connect(&place).await?, place.all_namespaces, output).await?,
        Command::Describe { lease, output } => describe::run(&connect(&place).await?, &lease, output).await?,
        Command::Doctor { leases, as_service_account } => {
            let (text, failed) = doctor::run(&connect(&place).await?, &leases, as_service_account.as_deref()).await?;
            io::stdout().write_all(text.as_bytes())?;
            return Ok(u8::from(failed));
        }
        Command::StepDown { asked } => handover::run(&connect(&place).await?, asked, None).await?,
        Command::Transfer { asked, to } => handover::run(&connect(&place).await?, asked, Some(&to)).await?,
        Command::Operate(operation) => admin::run(&connect(&place).await?, operation).await?,
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(0)
}

async fn connect(place: &Place) -> Result<Cluster, CliError> {
    Cluster::connect(place).await
}
