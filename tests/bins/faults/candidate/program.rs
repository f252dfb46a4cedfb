//! The program that a candidate runs that is `exec`: effects like those of a body, until it is asked to end or is killed.
//!
//! It compares no clock, and cannot know whether its lease is still held. Whatever ends it in time is outside of it.

use std::process::ExitCode;
use std::time::Duration;

use lease_tests::log::{Pen, now};
use tokio::signal::unix::{SignalKind, signal};

use super::Settings;
use crate::error::{Context, Result};

/// What the detail of its `started` begins with. The id of the process that runs `exec` follows.
pub(crate) const RUN_BY: &str = "run by";
/// Where `exec` tells the token.
const TOKEN: &str = "LEASE_FENCING_TOKEN";
/// From one effect to the next.
const BEAT: Duration = Duration::from_millis(20);
/// How long it goes on when it has been asked to end: a successor that comes before that is too early.
const WIND_UP: Duration = Duration::from_millis(300);

/// As whom the programs of this process of `exec` write their events.
pub(crate) fn identity(member: &str, exec: u32) -> String {
    format!("{member}_{exec}")
}

/// SIGUSR1 makes it ignore SIGTERM, and SIGUSR2 makes it obey again.
pub(super) async fn run(settings: &Settings) -> Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    let (mut refuse, mut obey) = (signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?);
    let exec = rustix::process::getppid().ok_or("the process of exec is gone")?.as_raw_nonzero().get().unsigned_abs();
    let token: u64 = std::env::var(TOKEN).context(|| TOKEN.to_owned())?.parse()?;
    let pen = Pen::open(&settings.events, &identity(&settings.name, exec))?;
    let target = settings.target.connect().await?;
    pen.write("started", token, &format!("{RUN_BY} {exec}"));
    let (mut asked, mut refuses) = (None, false);
    while asked.is_none_or(|at| refuses || now().since(at) < WIND_UP) {
        pen.write("enter", token, "");
        pen.write("leave", token, "");
        match target.write(token).await {
            Ok(true) => {}
            Ok(false) => drop(pen.write("refused", token, "")),
            Err(error) => drop(pen.write("target-failed", token, &error.to_string())),
        }
        tokio::select! {
            biased;
            _ = refuse.recv() => refuses = true,
            _ = obey.recv() => refuses = false,
            _ = terminate.recv(), if asked.is_none() => asked = Some(pen.write("cancelled", token, "")),
            () = tokio::time::sleep(BEAT) => {}
        }
    }
    pen.write("stopped", token, "");
    Ok(ExitCode::SUCCESS)
}
