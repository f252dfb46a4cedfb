//! The channel between the scheduled tasks of a term and the elector, which takes their ticks.

use std::sync::{Arc, PoisonError};

use tokio::sync::mpsc;

use crate::sync::Mutex;
use crate::tick::Permit;
use lease_protocol::ticks::AttemptId;
use lease_protocol::ticks::{RunEnd, RunStart, Timetable};

/// The channel between the scheduled tasks of a term and the elector. They run on different threads, and neither waits for the
/// other.
#[derive(Debug)]
pub(crate) struct TickChannel {
    sender: mpsc::UnboundedSender<TaskMessage>,
    receiver: Mutex<Option<mpsc::UnboundedReceiver<TaskMessage>>>,
}

/// A message from a task to the elector.
#[derive(Debug)]
pub(crate) enum TaskMessage {
    /// Take my ticks from now on.
    Join { task: Arc<str>, timetable: Box<Timetable>, signals: mpsc::UnboundedSender<ElectorMessage> },
    /// Take no more of my ticks.
    Leave { task: Arc<str> },
    /// A run has ended, and nothing of it is left.
    Ended { id: AttemptId, end: RunEnd },
}

/// A message from the elector to a task.
#[derive(Debug)]
pub(crate) enum ElectorMessage {
    /// The run is taken. Start it, unless its permit was revoked.
    Start(Box<RunStart>, Permit),
    /// The Lease says that this task, which runs once, is done.
    Done,
}

impl TickChannel {
    pub(super) fn new() -> TickChannel {
        let (sender, receiver) = mpsc::unbounded_channel();
        TickChannel { sender, receiver: Mutex::new(Some(receiver)) }
    }

    /// The receiver, for the elector. `None` after the first call.
    pub(crate) fn receiver(&self) -> Option<mpsc::UnboundedReceiver<TaskMessage>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The elector takes the ticks of this task until the subscription is dropped.
    pub(crate) fn join(&self, task: Arc<str>, timetable: Timetable) -> TickSubscription<'_> {
        let (signals, receiver) = mpsc::unbounded_channel();
        self.send(TaskMessage::Join { task: task.clone(), timetable: Box::new(timetable), signals });
        TickSubscription { channel: self, task, signals: receiver, left: false }
    }

    fn send(&self, message: TaskMessage) {
        // In a test of a body there is no elector, and so there are no ticks.
        let _ = self.sender.send(message);
    }
}

/// A task whose ticks the elector takes.
#[derive(Debug)]
pub(crate) struct TickSubscription<'a> {
    channel: &'a TickChannel,
    task: Arc<str>,
    signals: mpsc::UnboundedReceiver<ElectorMessage>,
    left: bool,
}

impl TickSubscription<'_> {
    /// The next message of the elector. Never resolves if the elector is gone. Cancel safe.
    pub(crate) async fn signal(&mut self) -> ElectorMessage {
        match self.signals.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }

    /// Asks the elector to take no more ticks of this task. Runs that are active must still report their ends, after this call:
    /// in the other order the elector would take a tick that waited for such an end.
    pub(crate) fn leave(&mut self) {
        if !std::mem::replace(&mut self.left, true) {
            self.channel.send(TaskMessage::Leave { task: self.task.clone() });
        }
    }

    /// Reports how a run ended. Call it when nothing of the run is left.
    pub(crate) fn ended(&self, id: AttemptId, end: RunEnd) {
        self.channel.send(TaskMessage::Ended { id, end });
    }
}

/// When the term ends or the runtime goes away, runs that were handed over but not started are given back.
impl Drop for TickSubscription<'_> {
    fn drop(&mut self) {
        self.signals.close();
        while let Ok(signal) = self.signals.try_recv() {
            if let ElectorMessage::Start(start, permit) = signal
                && permit.revoke()
            {
                self.ended(start.id, RunEnd::NotStarted);
            }
        }
        self.leave();
    }
}
