//! All of a run: the processes, the server, the network, and the global time.

use std::collections::BTreeMap;

use fastrand::Rng;
use lease_runtime::testing::Machine;

use super::clock::{MILLI, Nanos, Pace, SECOND};
use super::message::{Arrival, Part, Request, Who};
use super::network::{Network, PartialAnswer};
use super::process::Process;
use super::server::Server;
use super::wire;
use crate::journal::{Event, Journal, print};
use crate::tally::Tally;

/// How far the clock of a process may be behind the time until which it was driven: it has whole milliseconds of its own.
const BEHIND: Nanos = 2 * MILLI;

/// The processes, the server and the network.
pub(crate) struct World {
    /// How far the processes are, and all events are known. The server may be ahead, see [`step`](Self::step).
    pub(crate) now: Nanos,
    /// How far the server is.
    served: Nanos,
    /// The smallest latency.
    latency: Nanos,
    pub(crate) processes: Vec<Option<Process>>,
    /// How often each replica was started.
    starts: Vec<u16>,
    rates: Vec<u64>,
    /// The machine of each replica, if it has a state directory.
    machines: Vec<Option<Machine>>,
    pub(crate) server: Server,
    pub(crate) network: Network,
    pub(crate) journal: Journal,
    pub(crate) tally: Tally,
    rng: Rng,
}

impl World {
    /// A world without processes. `rates` are those of the clocks of the replicas, in thousandths, and `machines` says on which machine
    /// a replica is. `None`: on one without a state directory.
    pub(crate) fn new(latency: Nanos, rates: Vec<u64>, machines: &[Option<u8>], network: Network, seed: u64) -> World {
        let mut known = BTreeMap::new();
        let mut machine = |of: u8| known.entry(of).or_insert_with(Machine::new).clone();
        let journal = Journal::default();
        World {
            now: 0,
            served: 0,
            latency,
            processes: rates.iter().map(|_| None).collect(),
            starts: vec![0; rates.len()],
            rates,
            machines: machines.iter().map(|of| of.map(&mut machine)).collect(),
            server: Server::new(seed, journal.clone()),
            network,
            journal,
            tally: Tally::default(),
            rng: Rng::with_seed(seed),
        }
    }

    /// Starts a process of a replica, which has none.
    pub(crate) fn start(&mut self, node: usize) -> &Process {
        self.starts[node] += 1;
        let who = Who { node: u8::try_from(node).unwrap_or(u8::MAX), start: self.starts[node] };
        let pace = Pace { begun: self.now, rate: self.rates[node] };
        let on_machine = self.machines.get(node).and_then(Option::as_ref).map(Machine::start);
        let process = Process::start(who, pace, on_machine, self.rng.u64(..), self.journal.clone());
        self.processes[node].insert(process)
    }

    /// Kills the process of a replica.
    pub(crate) fn kill(&mut self, node: usize) {
        if let Some(process) = self.processes[node].take() {
            self.network.forget(process.here.who);
            process.kill(self.now);
        }
    }

    /// Lets some time pass: almost two latencies, but not beyond `until`. The processes run as far as the server can have sent
    /// nothing that arrives. Then the server runs as far as no process can have sent anything that arrives. At `until`, all of
    /// them have the same time.
    pub(crate) fn step(&mut self, until: Nanos) {
        let to = (self.served + self.latency).min(until);
        while let Some(flying) = self.network.next_answer(to) {
            self.deliver(flying.arrives, flying.cargo);
        }
        for process in self.processes.iter_mut().flatten() {
            process.run_until(to);
            for request in process.here.take_sent() {
                note_sent(process, &request);
                self.network.request(request, &mut self.tally);
            }
        }
        let served = (to + self.latency - BEHIND).min(until);
        while let Some(flying) = self.network.next_request(served) {
            self.server.receive(*flying.cargo, flying.arrives);
        }
        self.server.run_until(served);
        for answer in self.server.take_sent() {
            self.network.answer(answer, &mut self.tally);
        }
        (self.now, self.served) = (to, served);
    }

    fn deliver(&mut self, arrives: Nanos, answer: PartialAnswer) {
        let PartialAnswer { to, number, parts, receiver } = answer;
        let Some(process) = self.processes.get(usize::from(to.node)).and_then(Option::as_ref) else { return };
        if process.here.who != to || receiver.is_closed() {
            return;
        }
        if !self.network.gets_through(to, number) {
            return self.tally.add("answer lost in a partition");
        }
        let at = process.here.pace.local(arrives);
        let (mut status, mut stamps, mut content) = (0, Vec::new(), 0);
        for part in &parts {
            match part {
                Part::Head(head) => status = head.status.as_u16(),
                Part::Frame(bytes) => {
                    stamps.extend(wire::stamps(bytes));
                    content = print(bytes);
                }
                Part::End => {}
                Part::Broken => status = 1,
            }
        }
        self.journal.write(arrives, Event::Arrived { who: to, number, status, stamps, print: content });
        for part in parts {
            // The process may have stopped waiting.
            let _ = receiver.send(Arrival { at, part });
        }
    }

    /// The replicas whose processes run and are not stopped.
    pub(crate) fn running(&self) -> Vec<usize> {
        let runs = |process: &Process| !process.is_stopped() && !self.is_ahead(process);
        let running = self.processes.iter().enumerate();
        running.filter(|(_, process)| process.as_ref().is_some_and(runs)).map(|(node, _)| node).collect()
    }

    /// A body of it blocks at the moment.
    fn is_ahead(&self, process: &Process) -> bool {
        process.enter(|| process.here.now()) > self.now + SECOND / 1000
    }

    pub(crate) fn note(&mut self, kind: &'static str, to: Option<Who>) {
        self.tally.add(kind);
        self.journal.write(self.now, Event::Fault { kind, to });
    }
}

fn note_sent(process: &Process, request: &Request) {
    let verb = wire::verb_of(&request.parts.method, &request.parts.uri);
    let lease = wire::lease_of(&request.parts.uri, &request.body);
    let event = Event::Sent {
        who: request.from,
        number: request.number,
        verb,
        lease,
        stamp: wire::stamps(&request.body).pop().map(|stamp| stamp.time),
        local: request.sent_local,
        print: print(&request.body),
    };
    process.here.write_at(request.sent, event);
}
