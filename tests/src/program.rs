//! What the programs in `bins` share that start candidates: how they begin, and how they end.

use std::io;
use std::process::ExitCode;

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::error::Result;

/// The first argument that makes such a program a candidate, so that `cargo run --bin NAME` builds everything.
pub const CANDIDATE: &str = "candidate";

/// The arguments of a program without its name.
pub type Arguments = std::iter::Skip<std::env::Args>;

/// Runs the program `name`: as a candidate if the first argument says so, or else its `work`, which Ctrl-C and SIGTERM drop.
///
/// When this returns, the runtime has been dropped, and with it every process and folder of the work. An error is printed, and the
/// exit code is then 2.
pub fn run(
    name: &str,
    runtime: io::Result<Runtime>,
    candidate: impl AsyncFnOnce(Arguments) -> Result<ExitCode>,
    work: impl AsyncFnOnce(Arguments) -> Result<ExitCode>,
) -> ExitCode {
    let begin = || {
        let mut arguments = std::env::args().skip(1);
        let is_candidate = std::env::args().nth(1).is_some_and(|first| first == CANDIDATE);
        let runtime = runtime?;
        if is_candidate {
            arguments.next();
            runtime.block_on(candidate(arguments))
        } else {
            runtime.block_on(attended(work(arguments)))
        }
    };
    begin().unwrap_or_else(|error: crate::error::Error| {
        eprintln!("{name}: {error}");
        ExitCode::from(2)
    })
}

/// The work, until Ctrl-C or SIGTERM.
async fn attended(work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        biased;
        _ = interrupt.recv() => Ok(ExitCode::from(130)),
        _ = terminate.recv() => Ok(ExitCode::from(143)),
        code = work => code,
    }
}
