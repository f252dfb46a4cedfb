//! The end of the process, where a task asks for it.

use std::io::Write;
use std::sync::mpsc;
use std::time::Duration;

use super::TermState;

/// Saying why must not hold up the end: stderr may be a full pipe, and its lock with a body that is stuck.
pub(crate) const FINAL_MESSAGE_TIME: Duration = Duration::from_millis(100);

/// Ends the process if its term was lost and a task said [`OnLoss::Exit`](crate::OnLoss::Exit). The elector calls it from its
/// own thread when nothing of the term is left, and at the hard stop.
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

/// Lets the process's last words be said, for a moment. On another thread: see [`LAST_WORDS`].
pub(super) fn say(words: impl FnOnce() + Send + 'static) {
    let (said, done) = mpsc::channel::<()>();
    let speaker = std::thread::Builder::new().name("lease-exit".to_owned()).spawn(move || {
        words();
        drop(said);
    });
    if speaker.is_ok() {
        // Resolves when the speaker is done, by the closed channel.
        let _ = done.recv_timeout(FINAL_MESSAGE_TIME);
    }
}
