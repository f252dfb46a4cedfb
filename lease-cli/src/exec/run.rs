//! One run of the program, within one term.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use lease_runtime::{TaskOutput, Term};
use rustix::process::Signal;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::Program;
use super::group::ProcessGroup;

/// The program is killed so long before the body is dropped, so that its end is seen before the lease is given up.
const MARGIN: Duration = Duration::from_millis(250);

/// How a run ended.
#[derive(Clone, Debug)]
pub(super) enum CommandEnd {
    /// By itself, with this exit code.
    Exited(u8),
    /// Because the term ended.
    Stopped(u8),
    /// By the guard, because this process was stopped or starved, and told the guard no later deadline.
    Overdue,
    /// The program was not run, or not to its end.
    Failed { code: u8, reason: String },
}

impl TaskOutput for CommandEnd {
    fn failure(&self) -> Option<String> {
        None
    }
}

/// Runs the program until it ends by itself, or the term ends. If the future is dropped, the processes of its group are killed.
pub(super) async fn run(term: &Term, program: &Program) -> CommandEnd {
    loop {
        match run_once(term, program).await {
            // The program did nothing wrong. If the lease was renewed in time, the term goes on, and the program runs again.
            CommandEnd::Overdue if term.remaining().is_zero() => term.cancelled().await,
            CommandEnd::Overdue => {}
            end => return end,
        }
        if term.is_cancelled() {
            return CommandEnd::Overdue;
        }
    }
}

async fn run_once(term: &Term, program: &Program) -> CommandEnd {
    let mut group = match ProcessGroup::start(term).await {
        Ok(group) => group,
        // The guard ended at once, as it should.
        Err(_) if term.remaining().is_zero() => return CommandEnd::Overdue,
        Err(error) => {
            let reason = format!("the guard of the program cannot be started: {error}");
            return CommandEnd::Failed { code: 1, reason };
        }
    };
    // The term may have ended meanwhile.
    if term.is_cancelled() {
        return CommandEnd::Stopped(0);
    }
    let mut command = Command::new(&program.name);
    command.args(&program.arguments).env("LEASE_FENCING_TOKEN", term.fencing_token().get().to_string());
    // A group in the background cannot read from the terminal.
    command.stdin(Stdio::null()).process_group(group.id()).kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        // The guard has ended, and its group with it.
        Err(_) if group.is_overdue() => return CommandEnd::Overdue,
        Err(error) => return not_run(program, &error),
    };
    let stopped = tokio::select! {
        biased;
        status = child.wait() => return ended(program, &group, status),
        () = group.guarded(term) => {
            group.kill();
            let late = group.is_overdue();
            // The next run must not begin beside this one.
            let _ = child.wait().await;
            if late {
                return CommandEnd::Overdue;
            }
            let reason = "the guard of the program has ended: the program was killed".to_owned();
            return CommandEnd::Failed { code: 1, reason };
        }
        () = term.cancelled() => stop(term, program, &mut group, &mut child).await,
    };
    match stopped {
        Ok(status) => CommandEnd::Stopped(code(status)),
        Err(error) => ended(program, &group, Err(error)),
    }
}

/// SIGTERM now, SIGKILL when the time of the body is almost up.
async fn stop(term: &Term, program: &Program, group: &mut ProcessGroup, child: &mut Child) -> io::Result<ExitStatus> {
    group.signal(Signal::TERM);
    let margin = MARGIN.min(program.grace / 4);
    loop {
        let left = term.remaining().saturating_sub(margin);
        if left.is_zero() {
            group.kill();
            return child.wait().await;
        }
        tokio::select! {
            biased;
            status = child.wait() => return status,
            // The lease is renewed during the grace, and the guard has to know.
            () = group.guarded(term) => {
                group.kill();
                return child.wait().await;
            }
            () = sleep(left) => {}
        }
    }
}

fn ended(program: &Program, group: &ProcessGroup, status: io::Result<ExitStatus>) -> CommandEnd {
    match status {
        Ok(status) if status.signal() == Some(Signal::KILL.as_raw()) && group.is_overdue() => CommandEnd::Overdue,
        Ok(status) => CommandEnd::Exited(code(status)),
        Err(error) => {
            let reason = format!("{:?} cannot be waited for: {error}", program.name);
            CommandEnd::Failed { code: 1, reason }
        }
    }
}

/// The exit codes of a shell.
fn not_run(program: &Program, error: &io::Error) -> CommandEnd {
    let code = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
    CommandEnd::Failed { code, reason: format!("{:?} cannot be run: {error}", program.name) }
}

/// The exit code, or 128 and the number of the signal.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code & 0xff).unwrap_or(1)
}
