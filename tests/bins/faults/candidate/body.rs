//! The continuous task: an effect every few milliseconds.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lease_runtime::clock::Moment;
use lease_runtime::{Term, leader_only};
use lease_tests::log::now;
use rustix::process::{Signal, getpid, kill_process};

use super::Desk;
use super::orders::Order;

/// From one effect to the next.
const BEAT: Duration = Duration::from_millis(20);
/// How long a process may take until its threads have stopped.
const STOPS: Duration = Duration::from_millis(10);
/// How long the body goes on when it has been asked to end: a successor that comes before that is too early.
const WIND_UP: Duration = Duration::from_millis(300);
/// How long its last effect takes if the term ends as planned.
const FINISHES: Duration = Duration::from_millis(200);

#[leader_only(lease = "faults", grace = "500ms")]
pub(super) async fn work(term: Term, desk: Arc<Desk>) {
    desk.bodies.fetch_add(1, Ordering::Relaxed);
    let body = Body { token: term.fencing_token().get(), desk };
    body.write("started", "");
    let mut asked = None;
    while asked.is_none_or(|at| now().since(at) < WIND_UP) {
        body.effect(&term);
        body.write_to_target().await;
        tokio::select! {
            biased;
            () = term.cancelled(), if asked.is_none() => asked = Some(body.cancelled(&term)),
            () = tokio::time::sleep(BEAT) => {}
        }
    }
}

/// Logs its end when it is dropped, for any reason.
struct Body {
    token: u64,
    desk: Arc<Desk>,
}

impl Body {
    fn write(&self, what: &str, detail: &str) -> Moment {
        self.desk.pen.write(what, self.token, detail)
    }

    /// An effect on a target that does not know tokens: a line in a file.
    ///
    /// The function is not async, so all of it happens in one poll, and so does the beginning of the write that follows.
    fn effect(&self, term: &Term) {
        self.write("enter", "");
        match self.desk.orders.take() {
            Some(Order::Stop) => self.stop(),
            Some(Order::Block(span)) => self.block(span),
            Some(Order::StepDown) => term.step_down(),
            Some(Order::Nothing) | None => {}
        }
        self.write("leave", "");
    }

    /// Where the term ends as planned, the body finishes an effect that cannot be dropped: a release must wait for it.
    fn cancelled(&self, term: &Term) -> Moment {
        let why = term.stop_reason();
        let asked = self.write("cancelled", &why.as_ref().map(ToString::to_string).unwrap_or_default());
        if why.is_some_and(|why| !why.is_involuntary()) {
            self.write("enter", "");
            std::thread::sleep(FINISHES);
            self.write("leave", "");
        }
        asked
    }

    fn stop(&self) {
        self.write("stopping", "");
        kill_process(getpid(), Signal::STOP).expect("a process may stop itself");
        // The signal may reach another thread first. This one must not go on before all of them have stopped.
        std::thread::sleep(STOPS);
    }

    /// Blocks the thread, which no async function should do, and goes on with its effects.
    fn block(&self, span: Duration) {
        let begun = now();
        while now().since(begun) < span {
            std::thread::sleep(BEAT);
            self.write("leave", "");
            self.write("enter", "");
        }
    }

    async fn write_to_target(&self) {
        match self.desk.target.write(self.token).await {
            Ok(true) => {}
            Ok(false) => drop(self.write("refused", "")),
            Err(error) => drop(self.write("target-failed", &error.to_string())),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.write("stopped", "");
        self.desk.bodies.fetch_sub(1, Ordering::Relaxed);
    }
}
