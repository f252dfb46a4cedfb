//! A simulated year with a handover every day: nothing grows.
//!
//! The first replica lives for the whole year, so that what it keeps of each term adds up. The other one ends every second day.

use std::fmt;
use std::time::Duration;

use lease_runtime::{CatchUp, Delivery};

use crate::cost::Cost;
use crate::engine::{NetworkFaults, SECOND};
use crate::nemesis::Deed;
use crate::plan::{Chances, Plan};
use crate::program::{Deployment, LEASES, TickTask, When, Work};
use crate::run::Run;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// How often the program is measured.
const SAMPLES: u64 = 12;
/// How much more memory the last sample may have than the first, in KiB: what the allocator keeps in pieces.
const MEMORY: u64 = 8 * 1024;

/// What the program has at one point.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Sample {
    day: u64,
    /// Tasks that are alive on the runtimes of all processes.
    tasks: usize,
    server_tasks: usize,
    watches: usize,
    /// Requests whose answer has not come.
    requests: usize,
    /// Resident memory, in KiB. `None` where the system does not tell.
    memory: Option<u64>,
    files: Option<usize>,
    terms: u64,
    runs: u64,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sample { day, tasks, server_tasks, watches, requests, memory, files, terms, runs } = self;
        let (memory, files) = (memory.unwrap_or_default(), files.unwrap_or_default());
        write!(
            f,
            "{day:>4} {tasks:>6} {server_tasks:>7} {watches:>8} {requests:>9} {memory:>8} {files:>6} {terms:>6} {runs:>6}"
        )
    }
}

/// Simulates so many days. Returns whether all checks held.
pub(crate) fn simulate(days: u64) -> bool {
    let cost = Cost::begin();
    fastrand::seed(1);
    let mut run = Run::with_plan(plan(), 1, false);
    println!(" day  tasks  server  watches  requests  KiB RSS  files  terms   runs");
    let mut samples = Vec::new();
    for day in 1..=days {
        if let Err(broken) = a_day(&mut run, day) {
            println!("day {day}: {}", broken.0);
            return false;
        }
        if day * SAMPLES / days != (day - 1) * SAMPLES / days {
            let sample = sample(&mut run, day);
            println!("{sample}");
            samples.push(sample);
        }
    }
    let speed = (days * DAY) as f64 / cost.processor().as_secs_f64();
    println!("{days} days in {:.0} s: {speed:.0} times real time", cost.elapsed().as_secs_f64());
    let grown = grown(&samples);
    grown.iter().for_each(|what| println!("grows: {what}"));
    grown.is_empty()
}

/// At noon, the first replica steps down. The next day the second one, which leads then, is killed or shuts down in order.
fn a_day(run: &mut Run, day: u64) -> Result<(), crate::check::Broken> {
    run.pass(DAY / 2 * SECOND)?;
    run.carry_out(match day % 4 {
        0 => Deed::Crash(1),
        2 => Deed::ShutDown(1),
        _ => Deed::StepDown(0),
    });
    // The embedded API keeps all revisions, unlike etcd under a kube-apiserver, and the last 65,536 requests with their bodies.
    run.world.server.api.compact();
    run.world.server.api.requests().clear();
    run.world.server.wake();
    run.pass(DAY / 2 * SECOND)
}

/// The clocks are exact: between two answers of the server are hours, in which a fast clock would be minutes ahead.
fn plan() -> Plan {
    let latency = 4 * SECOND;
    let network = NetworkFaults { slowest: 3 * latency, latest: latency, ..NetworkFaults::default() };
    let task = |name, when, delivery| TickTask {
        name,
        lease: LEASES[0],
        when,
        delivery,
        catch_up: CatchUp::Latest,
        overlap: None,
        longest_run: Duration::from_secs(60),
        failing: 0,
    };
    let ticks = vec![
        task("report", When::Every { period: 6 * HOUR, offset: 0 }, Delivery::AtMostOnce),
        task("clean", When::Every { period: DAY, offset: HOUR }, Delivery::AtLeastOnce),
        task("export", When::Delay(8 * HOUR), Delivery::AtMostOnce),
    ];
    let work = Work {
        leases: 1,
        lease_duration: Duration::from_secs(6 * HOUR),
        stack: true,
        beat: Duration::from_secs(HOUR),
        grace: Duration::from_secs(30),
        stubborn: false,
        failing: 0,
        panicking: 0,
        stepping_down: 0,
        blocking: 0,
        longest_block: Duration::ZERO,
        ticks,
        traffic: true,
        prefixed: false,
        observed: true,
        // The embedded API keeps all Events, unlike a cluster, and its memory is measured.
        events: false,
        deployment: Deployment::PLAIN,
    };
    let chances = Chances::default();
    Plan {
        step: latency,
        rates: vec![1000; 2],
        machines: vec![None; 2],
        network,
        chances,
        work,
        policy: None,
        edits: false,
    }
}

fn sample(run: &mut Run, day: u64) -> Sample {
    let world = &run.world;
    // The log of the embedded API stores 65,536 requests, which is not what is measured here.
    world.server.api.requests().clear();
    Sample {
        day,
        tasks: world.processes.iter().flatten().map(crate::engine::Process::tasks).sum(),
        server_tasks: world.server.tasks(),
        watches: world.server.api.watches().len(),
        requests: world.network.messages(),
        memory: memory(),
        files: std::fs::read_dir("/proc/self/fd").ok().map(Iterator::count),
        terms: world.tally.get("terms"),
        runs: world.tally.get("runs begun"),
    }
}

/// The resident memory of this program, in KiB.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Reads one number of a sample.
type Measure = fn(&Sample) -> u64;

/// What is larger in the later samples than in the first third.
fn grown(samples: &[Sample]) -> Vec<String> {
    let (early, late) = samples.split_at(samples.len() / 3);
    let most = |of: Measure, samples: &[Sample]| samples.iter().map(of).max().unwrap_or_default();
    let checks: [(&str, Measure, u64); 6] = [
        ("tasks of the processes", |sample| sample.tasks as u64, 6),
        ("tasks of the server", |sample| sample.server_tasks as u64, 4),
        ("watches", |sample| sample.watches as u64, 2),
        ("requests", |sample| sample.requests as u64, 4),
        ("memory", |sample| sample.memory.unwrap_or_default(), MEMORY),
        ("open files", |sample| sample.files.unwrap_or_default() as u64, 0),
    ];
    let grows = checks.into_iter().filter(|(_, of, slack)| most(*of, late) > most(*of, early) + slack);
    grows.map(|(what, of, _)| format!("{what}, from {} to {}", most(of, early), most(of, late))).collect()
}
