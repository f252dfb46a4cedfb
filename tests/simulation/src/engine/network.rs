//! The network between the processes and the API server: latencies, losses, and cut links.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use fastrand::Rng;
use http::Method;
use lease_runtime::embedded::Fault;
use tokio::sync::mpsc;

use super::clock::{MILLI, Nanos, SECOND};
use super::message::{Answer, AnswerFate, Arrival, Part, Request, Who};
use super::wire;
use crate::journal::Verb;
use crate::tally::Tally;

/// The state of the link of a replica.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Link {
    /// Nothing gets from the replica to the server.
    pub(crate) up_cut: bool,
    /// Nothing gets from the server to the replica.
    pub(crate) down_cut: bool,
    /// Connections are refused.
    pub(crate) refused: bool,
}

/// How many streams are remembered before those that have arrived are forgotten.
const STREAMS: usize = 256;

/// What becomes of the Events of Kubernetes that processes write.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum EventFate {
    /// They are written, as far as the network lets them.
    #[default]
    Written,
    /// The processes write none.
    Off,
    /// Access rules do not allow them.
    Refused,
    /// Nothing answers.
    Hanging,
}

/// How often each fault strikes a request, in thousandths, and how bad the latencies are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NetworkFaults {
    /// The request is lost.
    pub(crate) lost: u32,
    /// The connection breaks before the request takes effect.
    pub(crate) reset: u32,
    /// It breaks after that.
    pub(crate) reset_after: u32,
    /// The answer is lost.
    pub(crate) answer_lost: u32,
    /// The request arrives late.
    pub(crate) late: u32,
    /// The answer arrives late.
    pub(crate) answer_late: u32,
    /// 429 with `Retry-After`.
    pub(crate) too_many: u32,
    /// 500, 503 or 504, without effect.
    pub(crate) failed: u32,
    /// 500 or 504 after it took effect.
    pub(crate) failed_after: u32,
    /// The answer ends in the middle.
    pub(crate) half: u32,
    /// An event of a watch comes twice.
    pub(crate) duplicated: u32,
    /// An event of a watch, and all that follow it, are held back.
    pub(crate) held_back: u32,
    pub(crate) events: EventFate,
    /// The largest latency of a message without a fault.
    pub(crate) slowest: Nanos,
    /// The largest delay of what is late: a lease duration.
    pub(crate) latest: Nanos,
}

/// The network. It never delivers sooner than its smallest latency.
pub(crate) struct Network {
    latency: Nanos,
    pub(crate) links: Vec<Link>,
    pub(crate) faults: NetworkFaults,
    /// The server accepts no connection.
    pub(crate) server_down: bool,
    /// Each write takes seconds.
    pub(crate) slow_writes: bool,
    rng: Rng,
    sent: u64,
    requests: BinaryHeap<Reverse<Flying<Box<Request>>>>,
    answers: BinaryHeap<Reverse<Flying<PartialAnswer>>>,
    /// When the last part of each open watch arrives: parts do not overtake each other.
    streams: BTreeMap<(Who, u64), Nanos>,
    /// Watches of which a part was lost. Nothing more of them arrives: a connection has no gaps.
    silent: BTreeSet<(Who, u64)>,
}

/// A message on its way.
pub(crate) struct Flying<T> {
    pub(crate) arrives: Nanos,
    number: u64,
    pub(crate) cargo: T,
}

/// Parts of the answer to a request of a process.
pub(crate) struct PartialAnswer {
    pub(crate) to: Who,
    pub(crate) number: u64,
    pub(crate) parts: Vec<Part>,
    pub(crate) receiver: mpsc::UnboundedSender<Arrival>,
}

impl<T> PartialEq for Flying<T> {
    fn eq(&self, other: &Flying<T>) -> bool {
        self.number == other.number
    }
}

impl<T> Eq for Flying<T> {}

impl<T> PartialOrd for Flying<T> {
    fn partial_cmp(&self, other: &Flying<T>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Flying<T> {
    fn cmp(&self, other: &Flying<T>) -> Ordering {
        (self.arrives, self.number).cmp(&(other.arrives, other.number))
    }
}

impl Network {
    pub(crate) fn new(latency: Nanos, nodes: usize, faults: NetworkFaults, rng: Rng) -> Network {
        Network {
            latency,
            links: vec![Link::default(); nodes],
            faults,
            server_down: false,
            slow_writes: false,
            rng,
            sent: 0,
            requests: BinaryHeap::new(),
            answers: BinaryHeap::new(),
            streams: BTreeMap::new(),
            silent: BTreeSet::new(),
        }
    }

    /// From now on there are no faults.
    pub(crate) fn heal(&mut self) {
        self.links.fill(Link::default());
        (self.server_down, self.slow_writes) = (false, false);
        let (slowest, events) = (self.faults.slowest.min(100 * MILLI), self.faults.events);
        // A missing permission does not come by itself.
        self.faults = NetworkFaults { slowest, events, ..NetworkFaults::default() };
    }

    /// The next request that arrives until then.
    pub(crate) fn next_request(&mut self, until: Nanos) -> Option<Flying<Box<Request>>> {
        next(&mut self.requests, until)
    }

    /// The next parts of an answer that arrive until then.
    pub(crate) fn next_answer(&mut self, until: Nanos) -> Option<Flying<PartialAnswer>> {
        next(&mut self.answers, until)
    }

    /// A process sends a request.
    pub(crate) fn request(&mut self, mut request: Request, tally: &mut Tally) {
        let link = self.link(request.from);
        if link.up_cut {
            return tally.add("request lost in a partition");
        }
        if link.refused || self.server_down {
            tally.add("connection refused");
            return self.refuse(request);
        }
        let verb = wire::verb_of(&request.parts.method, &request.parts.uri);
        let mut arrives = request.sent + self.latency();
        if self.slow_writes && verb == Verb::Write {
            tally.add("slow write");
            arrives += self.rng.u64(SECOND..8 * SECOND);
        }
        let f = self.faults;
        let is_event = request.parts.uri.path().ends_with("/events");
        if is_event && f.events == EventFate::Hanging {
            return tally.add("Event without an answer");
        }
        if self.strikes(f.lost) {
            return tally.add("request lost");
        }
        if self.strikes(f.reset) {
            tally.add("connection broken before the effect");
            return self.refuse(request);
        }
        if self.strikes(f.late) {
            tally.add("request late");
            arrives += self.rng.u64(..=f.latest);
        }
        self.choose_fault(&mut request, &f, tally);
        self.choose_fate(&mut request, &f, tally);
        if is_event && f.events == EventFate::Refused {
            tally.add("Event refused");
            request.fault = Some(Fault::status(403));
        } else if is_event {
            tally.add("Event on its way");
        }
        let flying = self.flying(arrives, Box::new(request));
        self.requests.push(Reverse(flying));
    }

    fn choose_fault(&mut self, request: &mut Request, f: &NetworkFaults, tally: &mut Tally) {
        if self.strikes(f.too_many) {
            tally.add("429 with Retry-After");
            request.fault = Some(Fault::status(429).retry_after(self.rng.u32(1..60)));
        } else if self.strikes(f.failed) {
            let code = [500, 503, 504][self.rng.usize(..3)];
            tally.add("5xx without effect");
            request.fault = Some(Fault::status(code));
        } else if request.parts.method != Method::GET && self.strikes(f.failed_after) {
            let code = [500, 504][self.rng.usize(..2)];
            tally.add("5xx after the effect");
            request.fault = Some(Fault::status(code).after_commit());
        } else if self.strikes(f.half) {
            tally.add("half an answer");
            request.fault = Some(Fault::half_a_body());
        }
    }

    fn choose_fate(&mut self, request: &mut Request, f: &NetworkFaults, tally: &mut Tally) {
        if self.strikes(f.answer_lost) {
            tally.add("answer lost after the effect");
            request.fate = AnswerFate::Lost;
        } else if self.strikes(f.reset_after) {
            tally.add("connection broken after the effect");
            request.fate = AnswerFate::Reset;
        } else if self.strikes(f.answer_late) {
            tally.add("answer late");
            request.fate = AnswerFate::Late(self.rng.u64(..=f.latest));
        }
    }

    /// The connection of a request is refused. The process learns it after a latency.
    fn refuse(&mut self, request: Request) {
        let arrives = request.sent + self.latency();
        let Request { from, number, answer, .. } = request;
        self.launch(arrives, PartialAnswer { to: from, number, parts: vec![Part::Broken], receiver: answer });
    }

    /// The server sends parts of an answer.
    pub(crate) fn answer(&mut self, answer: Answer, tally: &mut Tally) {
        let Answer { to, number, sent, parts, receiver, fate, is_event } = answer;
        let mut arrives = sent + self.latency();
        let parts = match fate {
            AnswerFate::Arrives => parts,
            AnswerFate::Late(by) => {
                arrives += by;
                parts
            }
            AnswerFate::Lost => return,
            AnswerFate::Reset => vec![Part::Broken],
        };
        if is_event && self.strikes(self.faults.held_back) {
            tally.add("watch events held back");
            arrives += self.rng.u64(..20 * SECOND);
        }
        if self.streams.len() > STREAMS {
            // A watch that its process has dropped never ends here. What has arrived cannot be overtaken.
            self.streams.retain(|_, last| *last >= arrives);
        }
        let last = self.streams.entry((to, number)).or_default();
        arrives = arrives.max(*last);
        *last = arrives;
        let twice = match parts.first() {
            Some(Part::Frame(bytes)) if is_event && self.strikes(self.faults.duplicated) => {
                tally.add("watch event duplicated");
                Some(Part::Frame(bytes.clone()))
            }
            _ => None,
        };
        if parts.iter().any(|part| matches!(part, Part::End | Part::Broken)) {
            self.streams.remove(&(to, number));
        }
        self.launch(arrives, PartialAnswer { to, number, parts, receiver: receiver.clone() });
        if let Some(part) = twice {
            self.launch(arrives, PartialAnswer { to, number, parts: vec![part], receiver });
        }
    }

    /// How many messages are on their way.
    pub(crate) fn messages(&self) -> usize {
        self.requests.len() + self.answers.len()
    }

    /// The process is gone.
    pub(crate) fn forget(&mut self, who: Who) {
        self.streams.retain(|(of, _), _| *of != who);
        self.silent.retain(|(of, _)| *of != who);
    }

    /// Whether a part of an answer that arrives now gets through.
    pub(crate) fn gets_through(&mut self, who: Who, number: u64) -> bool {
        if self.link(who).down_cut {
            self.silent.insert((who, number));
        }
        !self.silent.contains(&(who, number))
    }

    fn launch(&mut self, arrives: Nanos, answer: PartialAnswer) {
        let flying = self.flying(arrives, answer);
        self.answers.push(Reverse(flying));
    }

    fn flying<T>(&mut self, arrives: Nanos, cargo: T) -> Flying<T> {
        // The server's timers have whole milliseconds.
        let arrives = arrives.div_ceil(MILLI) * MILLI;
        self.sent += 1;
        Flying { arrives, number: self.sent, cargo }
    }

    pub(crate) fn link(&self, who: Who) -> Link {
        self.links.get(usize::from(who.node)).copied().unwrap_or_default()
    }

    fn latency(&mut self) -> Nanos {
        // Most messages are fast, and a few are slow.
        let most = if self.rng.u8(..8) == 0 { self.faults.slowest } else { self.latency * 2 };
        self.latency + self.rng.u64(..=most)
    }

    fn strikes(&mut self, thousandths: u32) -> bool {
        thousandths > 0 && self.rng.u32(..1000) < thousandths
    }
}

/// The first message of a queue, if it arrives until then.
fn next<T>(queue: &mut BinaryHeap<Reverse<Flying<T>>>, until: Nanos) -> Option<Flying<T>> {
    let Reverse(first) = queue.peek()?;
    if first.arrives > until {
        return None;
    }
    queue.pop().map(|Reverse(flying)| flying)
}
