//! What travels through the simulated network.

use std::fmt;

use bytes::Bytes;
use http::{request, response};
use lease_runtime::embedded::Fault;
use tokio::sync::mpsc;

use super::clock::Nanos;

/// A process: the number of its replica, and which start of that replica it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Who {
    pub(crate) node: u8,
    pub(crate) start: u16,
}

impl Who {
    /// The process that an identity names.
    pub(crate) fn of_identity(identity: &str) -> Option<Who> {
        let name = identity.split('_').next()?;
        let node = name.bytes().next()?.checked_sub(b'a')?;
        let start = name.get(1..)?.parse().ok()?;
        Some(Who { node, start })
    }

    /// The pod of the replica. A process that starts again is another container of the same pod.
    pub(crate) fn pod(self) -> String {
        format!("pod-{}", self.node)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", char::from(b'a' + self.node), self.start)
    }
}

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A request on its way.
pub(crate) struct Request {
    pub(crate) from: Who,
    pub(crate) number: u64,
    /// When the process sent it, in global time and on the clock of the process.
    pub(crate) sent: Nanos,
    pub(crate) sent_local: Nanos,
    pub(crate) parts: request::Parts,
    pub(crate) body: Bytes,
    pub(crate) answer: mpsc::UnboundedSender<Arrival>,
    /// Strikes it at the server.
    pub(crate) fault: Option<Fault>,
    /// What happens to its answer.
    pub(crate) fate: AnswerFate,
}

/// What happens to the answer of a request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) enum AnswerFate {
    #[default]
    Arrives,
    /// Arrives so much later.
    Late(Nanos),
    /// Nothing of it arrives, and the connection stays open.
    Lost,
    /// The connection breaks instead.
    Reset,
}

/// A part of an answer.
pub(crate) enum Part {
    Head(Box<response::Parts>),
    Frame(Bytes),
    End,
    /// The connection is broken.
    Broken,
}

/// A part of an answer, and when it arrives on the clock of the process.
pub(crate) struct Arrival {
    pub(crate) at: Nanos,
    pub(crate) part: Part,
}

/// Parts of an answer on their way to a process.
pub(crate) struct Answer {
    pub(crate) to: Who,
    pub(crate) number: u64,
    /// When the server sent it, in global time.
    pub(crate) sent: Nanos,
    pub(crate) parts: Vec<Part>,
    pub(crate) receiver: mpsc::UnboundedSender<Arrival>,
    pub(crate) fate: AnswerFate,
    /// It is an event of a watch.
    pub(crate) is_event: bool,
}
