//! A line of the log, and what it tells.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;

/// What a line tells about a lease.
pub(crate) struct Event<'a> {
    pub(crate) at: Timestamp,
    pub(crate) namespace: Cow<'a, str>,
    pub(crate) lease: Cow<'a, str>,
    pub(crate) identity: Cow<'a, str>,
    pub(crate) what: What<'a>,
}

/// What happened. The words of the log are in `lease-runtime/src/elector/log.rs` and `lease-runtime/src/task/log.rs`.
pub(crate) enum What<'a> {
    /// So the log also shows answers.
    Sent,
    Answered {
        revision: u64,
    },
    Begun {
        term: u64,
        until: Option<Timestamp>,
        /// The last holder was proven dead.
        from_dead: bool,
    },
    Renewed {
        term: u64,
        until: Option<Timestamp>,
    },
    Ending {
        term: u64,
    },
    Ended {
        term: u64,
        /// When it ended. Older versions do not log it.
        at: Option<Timestamp>,
    },
    /// Another replica holds the lease.
    Held,
    /// No replica holds the lease.
    Free,
    Released,
    /// The election is over, and its term with it.
    Failed,
    TaskStarted {
        term: u64,
    },
    TickStarted(Start<'a>),
    GivenBack(Start<'a>),
    Other,
}

impl What<'_> {
    /// The election of a replica says it, not one of its tasks.
    pub(crate) fn is_of_the_election(&self) -> bool {
        !matches!(self, What::TaskStarted { .. } | What::TickStarted(_) | What::GivenBack(_) | What::Other)
    }
}

/// The start of a tick.
pub(crate) struct Start<'a> {
    pub(crate) term: u64,
    pub(crate) task: Cow<'a, str>,
    pub(crate) tick: Cow<'a, str>,
    pub(crate) attempt: u64,
    pub(crate) cause: Cow<'a, str>,
    pub(crate) at_most_once: bool,
}

/// What is in a line.
pub(crate) enum Line<'a> {
    /// It is not about a lease.
    Foreign,
    /// It should be, but cannot be read.
    Unreadable,
    /// The library has dropped this many lines.
    Dropped(u64),
    Event(Event<'a>),
}

/// The fields that the check reads, at the top or in `fields`.
#[derive(Deserialize, Default)]
struct Fields<'a> {
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    #[serde(borrow)]
    namespace: Option<Cow<'a, str>>,
    #[serde(borrow)]
    lease: Option<Cow<'a, str>>,
    #[serde(borrow)]
    identity: Option<Cow<'a, str>>,
    #[serde(borrow)]
    task: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tick: Option<Cow<'a, str>>,
    #[serde(borrow)]
    cause: Option<Cow<'a, str>>,
    #[serde(borrow)]
    delivery: Option<Cow<'a, str>>,
    #[serde(borrow)]
    until: Option<Cow<'a, str>>,
    #[serde(borrow)]
    at: Option<Cow<'a, str>>,
    #[serde(borrow)]
    taken: Option<Cow<'a, str>>,
    term: Option<u64>,
    revision: Option<u64>,
    attempt: Option<u64>,
    dropped: Option<u64>,
}

#[derive(Deserialize)]
struct Json<'a> {
    #[serde(borrow)]
    timestamp: Option<Cow<'a, str>>,
    #[serde(borrow)]
    target: Option<Cow<'a, str>>,
    #[serde(borrow)]
    fields: Option<Fields<'a>>,
}

const TARGET: &str = "lease_runtime";

/// Reads a line. Text before the first brace is skipped, as `kubectl logs --prefix` writes it.
pub(crate) fn read(text: &str) -> Line<'_> {
    if !text.contains(TARGET) {
        return Line::Foreign;
    }
    let Some(brace) = text.find('{') else { return Line::Foreign };
    let text = text[brace..].trim_end();
    let Ok(json) = serde_json::from_str::<Json<'_>>(text) else { return Line::Unreadable };
    if json.target.as_deref() != Some(TARGET) {
        return Line::Foreign;
    }
    let fields = json.fields.or_else(|| serde_json::from_str(text).ok());
    let Some(fields) = fields else { return Line::Unreadable };
    if let Some(dropped) = fields.dropped {
        return Line::Dropped(dropped);
    }
    fields.event(time(json.timestamp.as_deref()))
}

fn time(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}

impl<'a> Fields<'a> {
    fn event(mut self, at: Option<Timestamp>) -> Line<'a> {
        let (Some(lease), Some(identity)) = (self.lease.take(), self.identity.take()) else { return Line::Foreign };
        let namespace = self.namespace.take().unwrap_or_default();
        let (Some(at), Some(what)) = (at, self.what()) else { return Line::Unreadable };
        Line::Event(Event { at, namespace, lease, identity, what })
    }

    /// `None` if a field is missing that the line must have.
    fn what(self) -> Option<What<'a>> {
        let until = time(self.until.as_deref());
        Some(match &*self.message {
            "a request is sent" => What::Sent,
            "a request was answered" => What::Answered { revision: self.revision? },
            "acquired lease, started leading" => {
                What::Begun { term: self.term?, until, from_dead: self.taken.as_deref() == Some("proven_dead") }
            }
            "renewed lease" => What::Renewed { term: self.term?, until },
            "lost lease" | "giving up lease, stopping tasks" => What::Ending { term: self.term? },
            "all tasks stopped" => What::Ended { term: self.term?, at: time(self.at.as_deref()) },
            "new leader observed" => What::Held,
            "lease has no holder" => What::Free,
            "released lease" => What::Released,
            "the election has ended" => What::Failed,
            "task started" => What::TaskStarted { term: self.term? },
            "tick started" => What::TickStarted(self.start()?),
            "tick given back: its body has not begun" => What::GivenBack(self.start()?),
            _ => What::Other,
        })
    }

    fn start(self) -> Option<Start<'a>> {
        Some(Start {
            term: self.term?,
            task: self.task?,
            tick: self.tick?,
            attempt: self.attempt?,
            cause: self.cause.unwrap_or_default(),
            at_most_once: self.delivery.as_deref() == Some("at_most_once"),
        })
    }
}
