//! Where a term's scheduled tasks and the elector, which takes their ticks, tell each other.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::tick::Permit;
use lease_protocol::ticks::AttemptId;
use lease_protocol::ticks::{RunEnd, RunStart, Timetable};

/// Where a term's scheduled tasks tell the elector what it has to know. Whoever runs them and the elector live on different
/// threads, and neither waits for the other.
#[derive(Debug)]
pub(crate) struct TickChannel {
    sender: mpsc::UnboundedSender<TaskMessage>,
    receiver: Mutex<Option<mpsc::UnboundedReceiver<TaskMessage>>>,
}

/// What a task tells.
#[derive(Debug)]
pub(crate) enum TaskMessage {
    /// Take my ticks from now on.
    Join { task: Arc<str>, timetable: Box<Timetable>, signals: mpsc::UnboundedSender<ElectorMessage> },
    /// Take no more of them.
    Leave { task: Arc<str> },
    /// A run is over, and nothing of it is left.
    Ended { id: AttemptId, end: RunEnd },
}

/// What a task is told.
#[derive(Debug)]
pub(crate) enum ElectorMessage {
    /// The run is taken: start it, if the permit still allows.
    Start(Box<RunStart>, Permit),
    /// The Lease says that the task, which runs once, is done.
    Done,
}

impl TickChannel {
    pub(super) fn new() -> TickChannel {
        let (sender, receiver) = mpsc::unbounded_channel();
        TickChannel { sender, receiver: Mutex::new(Some(receiver)) }
    }

    /// The elector's end, once.
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
        // Without an elector, as in a test of a body, there are no ticks either.
        let _ = self.sender.send(message);
    }
}

/// A task whose ticks are taken.
#[derive(Debug)]
pub(crate) struct TickSubscription<'a> {
    channel: &'a TickChannel,
    task: Arc<str>,
    signals: mpsc::UnboundedReceiver<ElectorMessage>,
    left: bool,
}

impl TickSubscription<'_> {
    /// The next thing that the elector has to say; never, once there is none. Cancel safe.
    pub(crate) async fn signal(&mut self) -> ElectorMessage {
        match self.signals.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }

    /// Has no more ticks taken; how the runs at hand end is still to be said. Before that: at the news of an end, the elector
    /// would take what has waited for it.
    pub(crate) fn leave(&mut self) {
        if !std::mem::replace(&mut self.left, true) {
            self.channel.send(TaskMessage::Leave { task: self.task.clone() });
        }
    }

    /// Says how a run ended, once nothing of it is left.
    pub(crate) fn ended(&self, id: AttemptId, end: RunEnd) {
        self.channel.send(TaskMessage::Ended { id, end });
    }
}

/// Runs that were handed over and not started, as when the term ends or the runtime goes away, are given back.
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
