//! The tick protocol under faults: the production cores of election and ticks, three replicas, one Lease, and an event
//! heap.
//!
//! `TICKS=1000000 cargo test --test ticks -- --nocapture` runs until each delivery policy has had this
//! many ticks. `SEED=7 …` runs one world, and prints what happened in it if a rule does not hold.

mod bodies;
mod check;
mod config;
mod driving;
mod faults;
mod figures;
mod replica;
mod server;
mod world;

use check::Broken;
use config::{Config, Fault};
use figures::Figures;
use world::World;

/// How many ticks of each delivery policy are run, unless `TICKS` is set.
const TICKS: u64 = 100_000;
/// How many worlds run before the ticks are counted again.
const BATCH: u64 = 16;

#[test]
fn ticks_start_under_faults() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    if let Some(seed) = number("SEED") {
        println!("{:?}\n{}", Config::drawn(seed).faults, run(Config::drawn(seed)));
        return;
    }
    let goal = number("TICKS").unwrap_or(TICKS);
    let mut total = Figures::default();
    let mut seeds = 0..;
    while total.once.ticks < goal || total.again.ticks < goal {
        let batch: Vec<u64> = seeds.by_ref().take(BATCH as usize).collect();
        for figures in many(&batch, Config::drawn) {
            total += figures;
        }
    }
    println!("{total}");
    // The faults that the test is about did occur.
    assert!(total.once.ticks >= goal && total.again.ticks >= goal);
    let worlds = total.worlds;
    assert!(
        total.crashes > worlds && total.handovers > worlds && total.terms > 4 * worlds,
        "too few takeovers: {total}"
    );
    assert!(total.lost_answers > 4 * worlds, "too few answers were lost: {total}");
    assert!(total.again.started_again > 0 && total.again.completed_twice > 0, "no run was interrupted: {total}");
    assert_eq!(total.once.started_again, 0);
    assert_eq!(total.again.never_started, 0);
    total.check_graceful_ends();
    assert!(
        total.unrecorded.never_started * total.once.of_all > 4 * total.once.never_started * total.unrecorded.ticks,
        "{total}"
    );
}

/// Without other faults, the leader is asked to end its term around a tick, every two minutes.
#[test]
fn graceful_ends_around_a_tick_cost_no_tick() {
    let mut total = Figures::default();
    for figures in many(&(0..24).collect::<Vec<_>>(), Config::graceful) {
        total += figures;
    }
    println!("{total}");
    total.check_graceful_ends();
    assert!(total.handovers > 20 * 24, "too few ends: {total}");
    assert_eq!((total.once.never_started, total.again.never_started), (0, 0), "{total}");
}

#[test]
fn without_faults_each_tick_costs_two_writes() {
    let mut total = Figures::default();
    for figures in many(&(0..8).collect::<Vec<_>>(), Config::quiet) {
        total += figures;
    }
    println!("{total}");
    assert!(total.once.ticks > 5_000 && total.again.ticks > 5_000, "{total}");
    assert_eq!((total.once.never_started, total.again.never_started), (0, 0), "{total}");
    assert_eq!((total.again.started_again, total.again.completed_twice), (0, 0), "{total}");
}

#[test]
fn a_run_is_a_function_of_its_seed() {
    for seed in 0..2 {
        assert_eq!(format!("{:?}", run(Config::drawn(seed))), format!("{:?}", run(Config::drawn(seed))));
    }
}

/// Runs worlds on two threads. The result does not depend on which thread runs which world.
fn many(seeds: &[u64], config: fn(u64) -> Config) -> Vec<Figures> {
    std::thread::scope(|scope| {
        let half = seeds.len().div_ceil(2);
        let threads: Vec<_> = seeds
            .chunks(half)
            .map(|seeds| scope.spawn(move || seeds.iter().map(|seed| run(config(*seed))).collect::<Vec<_>>()))
            .collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        // The thread has printed the reason.
        ended.flat_map(|figures| figures.unwrap_or_else(|_| panic!("a world is broken: see above"))).collect()
    })
}

/// Runs one world. If a rule does not hold, prints what happened.
fn run(config: Config) -> Figures {
    match World::new(config.clone(), false).run() {
        Ok(figures) => figures,
        Err(_) => panic!("{}", explain(config)),
    }
}

/// Switches off the faults that are not needed to break the rule, and returns what happened then.
fn explain(mut config: Config) -> String {
    let seed = config.seed;
    for fault in Fault::ALL {
        let less = Config { faults: config.faults.without(fault), ..config.clone() };
        if World::new(less.clone(), false).run().is_err() {
            config = less;
        }
    }
    let (Broken(what), lines) = match World::new(config.clone(), true).run() {
        Ok(_) => return format!("seed {seed}: a second run of this world broke no rule"),
        Err(broken) => broken,
    };
    // Lines about other tasks do not help.
    let task = what.split(": ").nth(1).unwrap_or_default();
    let others: Vec<&str> = config.tasks.iter().map(|other| &*other.name).filter(|other| *other != task).collect();
    let about = |line: &&String| others.iter().all(|other| !line.contains(other));
    let mut last: Vec<&str> = lines.iter().rev().filter(about).take(40).map(String::as_str).collect();
    last.reverse();
    format!("seed {seed}, faults {:?}\n{}\n{what}", config.faults, last.join("\n"))
}
