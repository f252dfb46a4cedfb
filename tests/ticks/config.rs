//! The configuration of one world: its tasks and its faults.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use lease_protocol::ticks::Timetable;
use lease_runtime::{CatchUp, Delivery, LeaderTask, LeaseSpec, Overlap, StartDeadline, Term, Tick};

pub(crate) const SECOND: u64 = 1_000_000;
pub(crate) const MINUTE: u64 = 60 * SECOND;
pub(crate) const HOUR: u64 = 60 * MINUTE;

pub(crate) const REPLICAS: usize = 3;

/// Kinds of faults. Each world has some of them, because a fault that always occurs hides what only the others would
/// show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    Crash,
    Handover,
    LostAnswers,
    LostRequests,
    Refusals,
    LateWrites,
    Partition,
    Pause,
    Skew,
    Steps,
    FarAhead,
    Drift,
    Requests,
    Foreign,
    NoWatch,
    SlowBodies,
    /// Terms end gracefully, at any offset around a tick: SIGTERM, a step-down, a withdrawal.
    Graceful,
}

impl Fault {
    pub(crate) const ALL: [Fault; 17] = [
        Fault::Crash,
        Fault::Handover,
        Fault::LostAnswers,
        Fault::LostRequests,
        Fault::Refusals,
        Fault::LateWrites,
        Fault::Partition,
        Fault::Pause,
        Fault::Skew,
        Fault::Steps,
        Fault::FarAhead,
        Fault::Drift,
        Fault::Requests,
        Fault::Foreign,
        Fault::NoWatch,
        Fault::SlowBodies,
        Fault::Graceful,
    ];
}

/// The faults of one world.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Faults(pub(crate) u32);

impl Faults {
    pub(crate) const NONE: Faults = Faults(0);

    pub(crate) fn has(self, fault: Fault) -> bool {
        self.0 & (1 << fault as u32) != 0
    }

    pub(crate) fn without(self, fault: Fault) -> Faults {
        Faults(self.0 & !(1 << fault as u32))
    }

    fn drawn(rng: &mut Rng) -> Faults {
        Faults(rng.u32(..1 << Fault::ALL.len()))
    }
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(Fault::ALL.iter().filter(|fault| self.has(**fault))).finish()
    }
}

/// When a task is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    /// In seconds.
    Every {
        period: i64,
        offset: i64,
    },
    /// In seconds.
    Delay(i64),
    Once,
}

/// A task, in the form of the checks and in that of the core.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) name: Arc<str>,
    pub(crate) when: When,
    pub(crate) delivery: Delivery,
    pub(crate) catch_up: CatchUp,
    pub(crate) overlap: Overlap,
    /// In seconds, if a time was set.
    pub(crate) start_deadline: Option<i64>,
    pub(crate) jitter: i64,
    pub(crate) timetable: Timetable,
}

#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) seed: u64,
    pub(crate) faults: Faults,
    pub(crate) tasks: Vec<Task>,
    /// Faults occur for this long.
    pub(crate) span: u64,
}

impl Config {
    pub(crate) fn drawn(seed: u64) -> Config {
        let mut rng = Rng::with_seed(seed);
        let faults = Faults::drawn(&mut rng);
        Config { seed, faults, tasks: tasks(&mut rng), span: 2 * HOUR + rng.u64(..HOUR) }
    }

    /// No faults except graceful ends, slow bodies and people who annotate the Lease.
    pub(crate) fn graceful(seed: u64) -> Config {
        let config = Config::drawn(seed);
        let others = [Fault::SlowBodies, Fault::Foreign, Fault::Requests, Fault::NoWatch];
        let some = others.into_iter().filter(|fault| config.faults.has(*fault)).chain([Fault::Graceful]);
        let faults = Faults(some.fold(0, |faults, fault| faults | 1 << fault as u32));
        Config { faults, ..config }
    }

    pub(crate) fn quiet(seed: u64) -> Config {
        Config { faults: Faults::NONE, ..Config::drawn(seed) }
    }
}

fn tasks(rng: &mut Rng) -> Vec<Task> {
    // The strictest combinations are in each world.
    let mut tasks = vec![
        all(rng, "all-amo", Delivery::AtMostOnce),
        all(rng, "all-alo", Delivery::AtLeastOnce),
        latest(rng, "latest-amo", Delivery::AtMostOnce),
        latest(rng, "latest-alo", Delivery::AtLeastOnce),
    ];
    let delivery = |rng: &mut Rng| if rng.bool() { Delivery::AtMostOnce } else { Delivery::AtLeastOnce };
    let delay = 10 + rng.i64(0..50);
    tasks.push(match rng.u8(..4) {
        0 => task("once", When::Once, delivery(rng), None, None, None, 0),
        1 => task("delay", When::Delay(delay), delivery(rng), None, None, None, 0),
        2 => {
            let every = every(rng);
            task("none", every, delivery(rng), Some(CatchUp::None), Some(overlap(rng)), None, 0)
        }
        _ => {
            let every = every(rng);
            let overlap = Overlap::AllowAll(rng.u32(2..=4));
            let delivery = delivery(rng);
            task("beside", every, delivery, Some(CatchUp::All), Some(overlap), None, 0)
        }
    });
    tasks
}

fn every(rng: &mut Rng) -> When {
    let period = [10, 10, 10, 15, 20, 60][rng.usize(..6)];
    When::Every { period, offset: if rng.u8(..4) > 0 { 0 } else { rng.i64(0..period) } }
}

fn overlap(rng: &mut Rng) -> Overlap {
    [Overlap::Skip, Overlap::BufferOne, Overlap::CancelOther, Overlap::AllowAll(3)][rng.usize(..4)]
}

fn all(rng: &mut Rng, name: &'static str, delivery: Delivery) -> Task {
    task(name, every(rng), delivery, Some(CatchUp::All), None, None, 0)
}

fn latest(rng: &mut Rng, name: &'static str, delivery: Delivery) -> Task {
    let when = every(rng);
    let overlap = overlap(rng);
    let deadline = [None, Some(StartDeadline::Unlimited), Some(StartDeadline::After(Duration::from_secs(25)))];
    let jitter = if rng.u8(..4) == 0 { rng.i64(1..5) } else { 0 };
    task(name, when, delivery, None, Some(overlap), deadline[rng.usize(..3)], jitter)
}

fn task(
    name: &'static str,
    when: When,
    delivery: Delivery,
    catch_up: Option<CatchUp>,
    overlap: Option<Overlap>,
    start_deadline: Option<StartDeadline>,
    jitter: i64,
) -> Task {
    let body = |_: Term, _: Tick| async { Ok::<(), String>(()) };
    let seconds = |seconds: i64| Duration::from_secs(seconds.unsigned_abs());
    let mut task = LeaderTask::scheduled(name, LeaseSpec::new("ticks"), body).delivery(delivery);
    task = match when {
        When::Every { period, offset } => task.every(seconds(period)).offset(seconds(offset)),
        When::Delay(delay) => task.delay(seconds(delay)),
        When::Once => task.once(),
    };
    if let Some(catch_up) = catch_up {
        task = task.catch_up(catch_up);
        if catch_up == CatchUp::All {
            // More than can wait in a world, so no tick is over the limit.
            task = task.max_catch_up(1000);
        }
    }
    if let Some(overlap) = overlap {
        task = task.overlap(overlap);
    }
    if let Some(deadline) = start_deadline {
        task = task.start_deadline(deadline);
    }
    if jitter > 0 {
        task = task.jitter(seconds(jitter));
    }
    let timetable = task.timetable().expect("the settings are valid").expect("the task has a schedule");
    let catch_up = catch_up.unwrap_or_default();
    Task {
        name: name.into(),
        when,
        delivery,
        catch_up,
        overlap: overlap.unwrap_or(if catch_up == CatchUp::All { Overlap::BufferOne } else { Overlap::Skip }),
        start_deadline: match start_deadline {
            Some(StartDeadline::After(after)) => Some(after.as_secs().cast_signed()),
            _ => None,
        },
        jitter,
        timetable,
    }
}

impl Task {
    /// How many runs of the task may be under way at once.
    pub(crate) fn most(&self) -> usize {
        match self.overlap {
            Overlap::AllowAll(most) => most as usize,
            _ => 1,
        }
    }

    /// The last tick that is not after this second. It is computed independently of the core.
    pub(crate) fn tick_before(&self, second: i64) -> Option<i64> {
        match self.when {
            When::Every { period, offset } => Some(second - (second - offset).rem_euclid(period)),
            When::Delay(_) | When::Once => None,
        }
    }

    /// How many ticks there are after one second and up to another.
    pub(crate) fn ticks_between(&self, after: i64, upto: i64) -> i64 {
        let When::Every { period, offset } = self.when else { return 0 };
        let mut count = 0;
        // Counts step by step, because the core uses a formula.
        let mut tick = after - (after - offset).rem_euclid(period) + period;
        while tick <= upto {
            count += 1;
            tick += period;
        }
        count
    }

    /// Whether all ticks of the task must be run, whatever happens.
    pub(crate) fn runs_all(&self) -> bool {
        self.catch_up == CatchUp::All && self.start_deadline.is_none()
    }
}
