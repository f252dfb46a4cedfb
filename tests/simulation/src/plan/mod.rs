//! What a seed chooses: the clocks, the latencies, the program, and which kinds of faults the run has.
//!
//! Each kind is absent in many runs. A run in which everything fails finds fewer mistakes than one in which one kind of request
//! fails often.

mod ticks;

use std::time::Duration;

use fastrand::Rng;

use crate::engine::{EventFate, MILLI, Nanos, NetworkFaults, SECOND};
use crate::program::{Deployment, Work};

/// The plan of one run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The smallest latency, and so the length of a step.
    pub(crate) step: Nanos,
    /// How fast the clock of each replica runs, in thousandths.
    pub(crate) rates: Vec<u64>,
    /// The machine of each replica. Replicas of one machine have a state directory in common. `None`: without one.
    pub(crate) machines: Vec<Option<u8>>,
    pub(crate) network: NetworkFaults,
    pub(crate) chances: Chances,
    pub(crate) work: Work,
    /// What a mutating policy does to each write.
    pub(crate) policy: Option<Policy>,
    /// The version of the program changes with restarts: the schedules of its tasks are edited.
    pub(crate) edits: bool,
}

/// How often something happens, in thousandths for each second.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chances {
    /// A replica is cut off from the server, in both directions or in one, or its connections are refused.
    pub(crate) partition: u32,
    /// A process is stopped, and goes on later.
    pub(crate) pause: u32,
    /// A process is killed, and starts again later.
    pub(crate) crash: u32,
    /// A replica crashes a few times in a row, a second or two after each start. It starts again at once.
    pub(crate) crash_loop: u32,
    /// A process shuts down in order, and starts again later.
    pub(crate) shutdown: u32,
    /// A process drops the future of its candidate, lives on for a while, and starts again later.
    pub(crate) abandon: u32,
    /// The calendar of a process jumps.
    pub(crate) wall_step: u32,
    /// The server is down for some time.
    pub(crate) outage: u32,
    /// The server restarts.
    pub(crate) server_restart: u32,
    /// Watches end, break, expire or become silent.
    pub(crate) watches: u32,
    /// Each write takes seconds, for some time.
    pub(crate) slow_writes: u32,
    /// Somebody deletes the Lease.
    pub(crate) deletion: u32,
    /// Somebody labels the Lease, or writes other objects.
    pub(crate) labels: u32,
    /// Somebody else takes the Lease.
    pub(crate) stranger: u32,
    /// Somebody clears the holder.
    pub(crate) clearing: u32,
    /// A replica gives a lease up.
    pub(crate) step_down: u32,
    /// The condition of a replica changes.
    pub(crate) condition: u32,
    /// Somebody pauses or triggers a task, or asks for a backfill.
    pub(crate) requests: u32,
    /// An operator asks a holder to give its lease up, or names a successor.
    pub(crate) handovers: u32,
}

/// A mutating admission policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Policy {
    /// Times lose their fraction of a second.
    WholeSeconds,
    /// A label is added.
    Label,
    /// The duration becomes longer.
    LongerDuration,
}

/// The rates of two clocks whose ratio is the largest that is allowed.
const SLOWEST: u64 = 900;
const FASTEST: u64 = 1125;

impl Plan {
    pub(crate) fn draw(seed: u64) -> Plan {
        let mut rng = Rng::with_seed(seed ^ 0x5eed_0000);
        let rng = &mut rng;
        let step = [5, 10, 20, 20, 40, 40, 50, 50][rng.usize(..8)] * MILLI;
        let nodes = [2, 3, 3, 3, 3, 4, 5][rng.usize(..7)];
        let lease_duration = [15, 15, 15, 6, 30][rng.usize(..5)];
        let rates = rates(rng, nodes);
        let mut network = network(rng, step, lease_duration * SECOND);
        // With numbers of their own, so that the rest of a plan does not depend on them.
        let mut of_events = Rng::with_seed(seed ^ 0x5eed_e7e7);
        network.events =
            [EventFate::Written, EventFate::Off, EventFate::Refused, EventFate::Hanging][of_events.usize(..4)];
        let mut chances = chances(rng);
        let mut work = work(rng, Duration::from_secs(lease_duration));
        work.events = network.events != EventFate::Off;
        let policy = [Policy::WholeSeconds, Policy::Label, Policy::LongerDuration].get(rng.usize(..24)).copied();
        let edits = rng.u8(..3) == 0;
        work.traffic = rng.u8(..3) == 0;
        // After the other choices, so that those of a seed stay as they were.
        (work.prefixed, work.observed) = (rng.bool(), rng.bool());
        chances.handovers = sometimes(rng, 60);
        let mut rates = rates;
        work.deployment = deployment(seed, &work);
        if !work.deployment.elects {
            // Others would run the same bodies at the same time.
            rates.truncate(1);
        }
        let machines = machines(seed, rates.len());
        let mut of_crashes = Rng::with_seed(seed ^ 0x5eed_c4a5);
        chances.crash_loop = sometimes(&mut of_crashes, 15);
        Plan { step, rates, machines, network, chances, work, policy, edits }
    }
}

/// With numbers of its own, so that the rest of a plan does not depend on them.
fn deployment(seed: u64, work: &Work) -> Deployment {
    let mut rng = Rng::with_seed(seed ^ 0x5eed_de91);
    let (timings, all_timings, labels) = (rng.u8(..3) == 0, rng.u8(..3) == 0, rng.bool());
    // A Lease with scheduled tasks cannot be owned.
    let owner = rng.bool() && work.ticks.is_empty();
    Deployment { timings, all_timings, labels, owner, elects: rng.u8(..12) > 0 }
}

/// In a third of the runs nobody has a state directory, in a third each replica has one of its own, as in a pod, and in the others two
/// replicas share a machine. With numbers of its own.
fn machines(seed: u64, nodes: usize) -> Vec<Option<u8>> {
    let mut rng = Rng::with_seed(seed ^ 0x5eed_d1e5);
    let kind = rng.u8(..3);
    let mut has_one = |node: u8| kind > 0 && (node == 0 || rng.u8(..5) > 0);
    let machine = |node: u8| if kind == 2 && node == 1 { 0 } else { node };
    (0..u8::try_from(nodes).unwrap_or(u8::MAX)).map(|node| has_one(node).then(|| machine(node))).collect()
}

/// A third of the runs have exact clocks, a third have clocks at the bound, and the others any within the bound.
fn rates(rng: &mut Rng, nodes: usize) -> Vec<u64> {
    let kind = rng.u8(..3);
    let mut rate = || match kind {
        0 => 1000,
        1 => *rng.choice(&[SLOWEST, FASTEST]).unwrap_or(&SLOWEST),
        _ => rng.u64(SLOWEST..=FASTEST),
    };
    (0..nodes).map(|_| rate()).collect()
}

/// A number up to `most`, in one of three cases.
fn sometimes(rng: &mut Rng, most: u32) -> u32 {
    if rng.u8(..3) == 0 { rng.u32(1..=most) } else { 0 }
}

fn network(rng: &mut Rng, step: Nanos, latest: Nanos) -> NetworkFaults {
    let slowest = if rng.u8(..3) == 0 { rng.u64(step..2 * SECOND) } else { 3 * step };
    NetworkFaults {
        lost: sometimes(rng, 150),
        reset: sometimes(rng, 150),
        reset_after: sometimes(rng, 150),
        answer_lost: sometimes(rng, 150),
        late: sometimes(rng, 150),
        answer_late: sometimes(rng, 200),
        too_many: sometimes(rng, 150),
        failed: sometimes(rng, 150),
        failed_after: sometimes(rng, 150),
        half: sometimes(rng, 80),
        duplicated: sometimes(rng, 300),
        held_back: sometimes(rng, 200),
        slowest,
        latest,
        events: EventFate::default(),
    }
}

fn chances(rng: &mut Rng) -> Chances {
    Chances {
        partition: sometimes(rng, 60),
        pause: sometimes(rng, 40),
        crash: sometimes(rng, 30),
        crash_loop: 0,
        shutdown: sometimes(rng, 30),
        wall_step: sometimes(rng, 30),
        outage: sometimes(rng, 20),
        server_restart: sometimes(rng, 20),
        watches: sometimes(rng, 60),
        slow_writes: sometimes(rng, 20),
        deletion: sometimes(rng, 20),
        labels: sometimes(rng, 100),
        stranger: sometimes(rng, 10),
        clearing: sometimes(rng, 10),
        step_down: sometimes(rng, 20),
        condition: sometimes(rng, 30),
        requests: sometimes(rng, 40),
        abandon: sometimes(rng, 20),
        handovers: 0,
    }
}

fn work(rng: &mut Rng, lease_duration: Duration) -> Work {
    let leases = [1, 1, 1, 2, 3][rng.usize(..5)];
    Work {
        leases,
        lease_duration,
        stack: rng.u8(..3) == 0,
        beat: Duration::from_millis(rng.u64(250..2000)),
        grace: Duration::from_secs(rng.u64(1..20)),
        stubborn: rng.u8(..3) == 0,
        failing: sometimes(rng, 60),
        panicking: sometimes(rng, 30),
        stepping_down: sometimes(rng, 5),
        blocking: sometimes(rng, 20),
        longest_block: Duration::from_millis([100, 1000, 20_000][rng.usize(..3)]),
        ticks: ticks::draw(rng, leases),
        traffic: false,
        prefixed: false,
        observed: false,
        events: true,
        deployment: Deployment::PLAIN,
    }
}
