//! Many seeds on two threads. Each runs twice, and both runs must write the same.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::cli::Options;
use crate::cost::Cost;
use crate::engine::Nanos;
use crate::expected::EXPECTED;
use crate::run::{Outcome, run};
use crate::tally::Tally;

const WORKERS: usize = 2;
/// How many events are printed of a seed that fails.
const LAST: usize = 40;

/// What all seeds have shown.
#[derive(Default)]
struct Total {
    seeds: u64,
    simulated: Nanos,
    events: u64,
    tally: Tally,
    failures: Vec<(u64, String)>,
}

/// Runs all seeds and prints what they have shown. Returns whether all checks held.
pub(crate) fn all(options: &Options) -> bool {
    let cost = Cost::begin();
    let next = AtomicU64::new(options.from);
    let (total, failed) = (Mutex::new(Total::default()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= options.from + options.seeds {
                        return;
                    }
                    let (outcome, failure) = twice(seed, options.seconds);
                    failed.fetch_or(failure.is_some(), Ordering::Relaxed);
                    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                    total.add(seed, &outcome, failure);
                }
            });
        }
    });
    let total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    total.print(&cost);
    total.report(options)
}

/// Runs a seed twice. The second value says what is wrong.
fn twice(seed: u64, seconds: u64) -> (Outcome, Option<String>) {
    let first = run(seed, seconds, false);
    if let Some(broken) = &first.broken {
        let why = broken.0.clone();
        return (first, Some(why));
    }
    let second = run(seed, seconds, false);
    let differs = first.trace.hash() != second.trace.hash();
    (first, differs.then(|| difference(seed, seconds)))
}

/// The first event in which two runs of a seed differ.
fn difference(seed: u64, seconds: u64) -> String {
    let [first, second] = [(); 2].map(|()| run(seed, seconds, true).trace.lines.unwrap_or_default());
    let at = first.iter().zip(&second).position(|(a, b)| a != b);
    let Some(at) = at else {
        return "two runs wrote different events, and two more the same: they do not repeat".to_owned();
    };
    let before = first[at.saturating_sub(5)..at].join("\n  ");
    format!("two runs of the seed differ at event {at}\n  {before}\n- {}\n+ {}", first[at], second[at])
}

impl Total {
    fn add(&mut self, seed: u64, outcome: &Outcome, failure: Option<String>) {
        self.seeds += 1;
        self.simulated += 2 * outcome.lasted;
        self.events += outcome.trace.count;
        self.tally.merge(&outcome.tally);
        self.failures.extend(failure.map(|failure| (seed, failure)));
    }

    fn print(&self, cost: &Cost) {
        let (wall, processor) = (cost.elapsed(), cost.processor());
        let simulated = Duration::from_nanos(self.simulated);
        let speed = simulated.as_secs_f64() / processor.as_secs_f64();
        println!(
            "{} seeds, each run twice: {} s simulated in {:.1} s, {:.1} s of processor time: {speed:.0} times real time on each core",
            self.seeds,
            simulated.as_secs(),
            wall.as_secs_f64(),
            processor.as_secs_f64(),
        );
        println!("{} events; of each seed's first run:", self.events);
        self.tally.iter().for_each(|(what, count)| println!("{count:>12}  {what}"));
    }

    fn report(&self, options: &Options) -> bool {
        for (seed, failure) in &self.failures {
            println!("\nseed {seed}: {failure}");
            print_end(*seed, options.seconds);
            let seconds =
                if options.seconds == 600 { String::new() } else { format!(" --seconds {}", options.seconds) };
            println!("Replay it: SEED={seed} tests/simulation/run{seconds}");
        }
        let missing: Vec<&str> = EXPECTED.iter().filter(|what| self.tally.get(what) == 0).copied().collect();
        let vacuous = options.complete && self.failures.is_empty() && !missing.is_empty();
        if vacuous {
            println!("\nThese never occurred, so nothing was shown about them: {}", missing.join(", "));
        }
        self.failures.is_empty() && !vacuous
    }
}

/// Prints the plan and the last events of a seed.
fn print_end(seed: u64, seconds: u64) {
    let outcome = run(seed, seconds, true);
    println!("{:?}", outcome.plan);
    let lines = outcome.trace.lines.unwrap_or_default();
    lines[lines.len().saturating_sub(LAST)..].iter().for_each(|line| println!("{line}"));
}

/// Runs one seed, and prints all of its events.
pub(crate) fn replay(seed: u64, seconds: u64) -> bool {
    let outcome = run(seed, seconds, true);
    println!("{:#?}", outcome.plan);
    outcome.trace.lines.iter().flatten().for_each(|line| println!("{line}"));
    println!("{} events, hash {:016x}", outcome.trace.count, outcome.trace.hash());
    match outcome.broken {
        None => true,
        Some(broken) => {
            println!("\nseed {seed}: {}", broken.0);
            false
        }
    }
}
