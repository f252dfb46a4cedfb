//! `exec`: runs a program while this process holds a lease.

mod group;
pub(crate) mod guard;
mod run;

use std::ffi::OsString;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lease_runtime::{Candidate, LeaderTask, LeaseSpec, Overrides, Restart, StopReason, shutdown_signal};

use crate::args::{ExecArguments, Place};
use crate::cluster;
use crate::duration::duration;
use crate::error::CliError;
use run::CommandEnd;

/// A program and its arguments.
#[derive(Debug)]
struct Program {
    name: OsString,
    arguments: Vec<OsString>,
    grace: Duration,
}

/// Runs the program whenever this process leads, until the program ends by itself or this process is asked to end. Returns the exit
/// code of the run that was the last, or 0 if the program did not run then.
pub(crate) async fn run(place: &Place, arguments: ExecArguments) -> Result<u8, CliError> {
    let ExecArguments { lease, grace, lease_duration, command } = arguments;
    let mut command = command.into_iter();
    let Some(name) = command.next() else { return Err(CliError::NoCommand) };
    let program = Arc::new(Program { name, arguments: command.collect(), grace: duration(&grace)? });
    let last = Arc::new(Mutex::new(None));
    let mut task = LeaderTask::new("exec", LeaseSpec::unnamed(), {
        let (program, last) = (program.clone(), last.clone());
        move |term| {
            let (program, last) = (program.clone(), last.clone());
            async move {
                let end = run::run(&term, &program).await;
                // What was stopped because the lease was lost is not the last that this process does.
                let runs_again = matches!(end, CommandEnd::Stopped(_) | CommandEnd::Overdue)
                    && term.stop_reason() != Some(StopReason::Shutdown);
                if runs_again {
                    return end;
                }
                *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(end.clone());
                end
            }
        }
    });
    task = task.lease(lease).grace(program.grace).restart(Restart::Never);
    let lease_duration = lease_duration.as_deref().map(duration).transpose()?;
    let candidate = candidate(place, lease_duration).await?;
    let handle = candidate.add(task);
    let mut over = false;
    let end = candidate
        .run_until(async {
            tokio::select! {
                biased;
                signalled = shutdown_signal() => signalled,
                // The program has ended by itself. This error only begins the shutdown.
                _ = handle => {
                    over = true;
                    Err(io::Error::other("the program has ended"))
                }
            }
        })
        .await;
    match end {
        Err(lease_runtime::Error::Signal(_)) if over => {}
        end => end?,
    }
    let last = last.lock().unwrap_or_else(PoisonError::into_inner).take();
    match last {
        None => Ok(0),
        Some(CommandEnd::Overdue) => Ok(128 + 9),
        Some(CommandEnd::Exited(code) | CommandEnd::Stopped(code)) => Ok(code),
        Some(CommandEnd::Failed { code, reason }) => {
            eprintln!("error: {reason}");
            Ok(code)
        }
    }
}

/// An argument counts more than the variable of the environment that sets the same.
async fn candidate(place: &Place, lease_duration: Option<Duration>) -> Result<Candidate, CliError> {
    // The program outlives this process for an instant, until the guard has killed it. So nobody may take the end of this process for
    // the end of the program, as a free lock in a state directory would say.
    let mut overrides = Overrides::from_env().map_err(lease_runtime::Error::from)?.without_state_dir();
    if let Some(namespace) = &place.namespace {
        overrides = overrides.namespace(namespace);
    }
    if let Some(lease_duration) = lease_duration {
        overrides = overrides.lease_duration(lease_duration);
    }
    let mut builder = Candidate::builder().overrides(overrides);
    if place.kubeconfig.is_some() || place.context.is_some() {
        builder = builder.config(cluster::config(place).await?);
    }
    Ok(builder.build().await?)
}
