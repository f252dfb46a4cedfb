//! Ends the process, where a task asks for that.

use std::io::Write;
use std::sync::mpsc;
use std::time::Duration;

use super::TermState;

/// How long the end waits for the final message. Stderr may be a full pipe, or a stuck body may hold its lock.
pub(crate) const FINAL_MESSAGE_TIME: Duration = Duration::from_millis(100);

/// Ends the process if its term was lost and a task has [`OnLoss::Exit`](crate::OnLoss::Exit). The elector calls it from its own
/// thread when the term is drained, and at the hard stop.
pub(crate) fn if_lost(term_state: &TermState) {
    if let Some(reason) = term_state.stop_reason().filter(|reason| reason.is_involuntary())
        && term_state.exits_on_loss()
    {
        now(&format!("lease `{}` is lost, {reason}, and a task says `on_loss = exit`", term_state.lease()));
    }
}

/// As [`if_lost`], at the hard stop, unless the watchdog does it.
pub(crate) fn at_hard_stop(term_state: &TermState) {
    if !term_state.is_watched() {
        if_lost(term_state);
    }
}

/// Ends the process with exit code 1.
pub(crate) fn now(why: &str) -> ! {
    let why = why.to_owned();
    say(move || {
        let _ = writeln!(std::io::stderr(), "lease-runtime: {why}: ending the process");
        tracing::error!(target: "lease_runtime", "ending the process: {why}");
    });
    std::process::exit(1)
}

/// Writes the final message of the process on another thread, and waits for it for at most [`FINAL_MESSAGE_TIME`].
pub(super) fn say(words: impl FnOnce() + Send + 'static) {
    let (said, done) = mpsc::channel::<()>();
    let speaker = std::thread::Builder::new().name("lease-exit".to_owned()).spawn(move || {
        words();
        drop(said);
    });
    if speaker.is_ok() {
        // The thread has finished when it closes the channel.
        let _ = done.recv_timeout(FINAL_MESSAGE_TIME);
    }
}
