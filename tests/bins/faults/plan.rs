//! The plan of a run: which fault happens when, and to which candidate. It follows from the seed.

use std::time::Duration;

use fastrand::Rng;

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    Pause,
    PauseInPoll,
    Kill,
    Terminate,
    StepDown,
    Starve,
    BlockCutOff,
    Delay,
    DelayThenHole,
    NoAnswers,
    NoRequests,
    Reset,
    HalfClose,
    BlackHole,
    SlowReads,
    Refuse,
    SlowStore,
    PauseServer,
    KillServer,
}

impl Kind {
    pub(crate) const ALL: [Kind; 19] = [
        Kind::Pause,
        Kind::PauseInPoll,
        Kind::Kill,
        Kind::Terminate,
        Kind::StepDown,
        Kind::Starve,
        Kind::BlockCutOff,
        Kind::Delay,
        Kind::DelayThenHole,
        Kind::NoAnswers,
        Kind::NoRequests,
        Kind::Reset,
        Kind::HalfClose,
        Kind::BlackHole,
        Kind::SlowReads,
        Kind::Refuse,
        Kind::SlowStore,
        Kind::PauseServer,
        Kind::KillServer,
    ];

    /// The name in tables and on the command line, and what it is.
    pub(crate) fn words(self) -> (&'static str, &'static str) {
        match self {
            Kind::Pause => ("pause", "SIGSTOP, later SIGCONT"),
            Kind::PauseInPoll => ("pause-in-poll", "the same between comparison and effect"),
            Kind::Kill => ("kill", "SIGKILL, then a new process"),
            Kind::Terminate => ("terminate", "SIGTERM, then a new process"),
            Kind::StepDown => ("step-down", "the body steps down"),
            Kind::Starve => ("starve", "almost no processor time"),
            Kind::BlockCutOff => ("block-cut-off", "the body blocks, and no bytes pass"),
            Kind::Delay => ("delay", "answers come late"),
            Kind::DelayThenHole => ("delay-then-hole", "answers come late, then no requests arrive"),
            Kind::NoAnswers => ("no-answers", "requests arrive, answers do not"),
            Kind::NoRequests => ("no-requests", "requests do not arrive"),
            Kind::Reset => ("reset", "connections are reset"),
            Kind::HalfClose => ("half-close", "the server's side of connections ends"),
            Kind::BlackHole => ("black-hole", "no bytes pass"),
            Kind::SlowReads => ("slow-reads", "answers come in small pieces"),
            Kind::Refuse => ("refuse", "connections are refused"),
            Kind::SlowStore => ("slow-store", "etcd answers late"),
            Kind::PauseServer => ("pause-server", "SIGSTOP to the API server, later SIGCONT"),
            Kind::KillServer => ("kill-server", "kill -9 of the API server, then a restart"),
        }
    }

    pub(crate) fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.words().0 == name)
    }

    /// Whether it happens to the API server, and not to one candidate.
    pub(crate) fn is_of_server(self) -> bool {
        matches!(self, Kind::SlowStore | Kind::PauseServer | Kind::KillServer)
    }

    /// How long it lasts, in milliseconds. Those that end by themselves have a short time, in which the plan waits.
    fn lasts(self) -> (u64, u64) {
        match self {
            Kind::Reset | Kind::HalfClose | Kind::StepDown => (100, 600),
            // Until the process is there again.
            Kind::Kill | Kind::Terminate | Kind::KillServer => (0, 1000),
            Kind::PauseServer => (300, 2000),
            // From when another replica leads.
            Kind::PauseInPoll => (0, 800),
            // Longer than all leases.
            Kind::BlockCutOff => (4500, 6000),
            Kind::Pause | Kind::DelayThenHole => (100, 5500),
            Kind::BlackHole | Kind::NoAnswers | Kind::NoRequests => (500, 4500),
            _ => (500, 3500),
        }
    }
}

/// The candidate to which it happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum On {
    /// The one that leads when it happens.
    Leader,
    /// This one, whether it leads or not.
    Member(usize),
}

/// The process to which it happens, of a candidate that is `exec`. Other candidates are one process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// The one that takes part in the election.
    Exec,
    /// The one that kills the program if `exec` does not.
    Guard,
    /// The program.
    Program,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) on: On,
    pub(crate) part: Part,
    /// How long it lasts.
    pub(crate) lasts: Duration,
    /// How late bytes are, where bytes are late.
    pub(crate) late: Duration,
}

/// Faults that happen together, after a time without any.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Round {
    pub(crate) quiet: Duration,
    pub(crate) faults: Vec<Fault>,
}

/// The plan of a seed: rounds with this many faults in all.
pub(crate) fn plan(seed: u64, count: usize, kinds: &[Kind], replicas: usize) -> impl Iterator<Item = Round> {
    let (mut random, kinds) = (Rng::with_seed(seed), kinds.to_vec());
    let mut deck = Vec::new();
    let mut left = if kinds.is_empty() { 0 } else { count };
    std::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        let quiet = Duration::from_millis(random.u64(100..700));
        let together = if left > 1 && random.f32() < 0.25 { 2 } else { 1 };
        let mut faults: Vec<Fault> = Vec::new();
        while faults.len() < together {
            // Dealt like cards, so that each kind happens equally often.
            let kind = deal(&mut deck, &kinds, &mut random);
            faults.push(fault(kind, replicas, &mut random));
        }
        // Two faults of the server at once would undo each other.
        if faults.iter().filter(|fault| fault.kind.is_of_server()).count() > 1 {
            deck.extend(faults.pop().map(|fault| fault.kind));
        }
        // If `exec` and its guard are killed at once, nobody is left to end the program. `exec` does not promise that.
        if let [Fault { kind: Kind::Kill, part, .. }, Fault { kind: Kind::Kill, part: other, .. }] = &mut faults[..] {
            *other = *part;
        }
        left -= faults.len();
        Some(Round { quiet, faults })
    })
}

fn deal(deck: &mut Vec<Kind>, kinds: &[Kind], random: &mut Rng) -> Kind {
    if deck.is_empty() {
        deck.extend_from_slice(kinds);
        random.shuffle(deck);
    }
    deck.pop().unwrap_or(Kind::Pause)
}

fn fault(kind: Kind, replicas: usize, random: &mut Rng) -> Fault {
    let (from, to) = kind.lasts();
    // Nothing happens if a candidate that does not lead is told to do something in its body.
    let leader = matches!(kind, Kind::PauseInPoll | Kind::StepDown | Kind::BlockCutOff | Kind::DelayThenHole);
    let on = if leader || random.f32() < 0.7 { On::Leader } else { On::Member(random.usize(..replicas)) };
    let lasts = Duration::from_millis(random.u64(from..=to));
    let part = [Part::Exec, Part::Guard, Part::Program][random.usize(..3)];
    Fault { kind, on, part, lasts, late: Duration::from_millis(random.u64(200..=1300)) }
}
