//! Checks the election exhaustively in small scopes. `README.md` says what is modelled and how to read a
//! counterexample.

mod config;
mod heal;
mod mutant;
mod node;
mod normal;
mod proofs;
mod server;
mod trace;
mod world;

use std::sync::atomic::{AtomicBool, Ordering};

use config::{Config, FAST, SLOW};
use heal::Healing;
use lease_runtime::clock::{Clock, SystemClock};
use mutant::Mutant;
use node::NOW;
use proofs::{early_proofs, proofs};
use stateright::{Checker, HasDiscoveries, Model, Property};
use world::{Happening, Tally, World};

struct Replicas {
    config: Config,
    tally: Tally,
    healing: Healing,
    failed: AtomicBool,
}

impl Replicas {
    /// Reports only the first failure. The checker would replace it by later ones, and the first is the shortest.
    fn first(&self, holds: bool) -> bool {
        holds || self.failed.swap(true, Ordering::Relaxed)
    }
}

const NEVER_TWO: &str = "never two";
const NO_RULE_BROKEN: &str = "no rule is broken";
const SAME_GUARD: &str = "the guard and the core agree";
const HEALS: &str = "heals from here";

impl Model for Replicas {
    type State = World;
    type Action = Happening;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(&self.config)]
    }

    fn actions(&self, world: &World, out: &mut Vec<Happening>) {
        world.happenings(&self.config, out);
    }

    fn next_state(&self, world: &World, happening: Happening) -> Option<World> {
        Some(world.after(happening, &self.config, Some(&self.tally)))
    }

    fn properties(&self) -> Vec<Property<Replicas>> {
        let mut all: Vec<Property<Replicas>> = vec![
            Property::always(NEVER_TWO, |model: &Replicas, world: &World| model.first(world.running() < 2)),
            Property::always(NO_RULE_BROKEN, |model: &Replicas, world: &World| model.first(world.broken.is_none())),
            Property::always(SAME_GUARD, |model: &Replicas, world: &World| {
                let agree = world.nodes.iter().all(|node| node.runs() == node.core.may_run(NOW));
                model.config.mutant.is_some() || model.first(agree)
            }),
            Property::always(HEALS, |model: &Replicas, world: &World| {
                let heals = || model.healing.ticks(world, &model.config).is_some();
                model.config.mutant.is_some() || world.broken.is_some() || model.first(heals())
            }),
        ];
        if self.config.mutant.is_some() {
            return all;
        }
        all.push(Property::sometimes("a silent holder is replaced", |model: &Replicas, _: &World| {
            model.tally.takeovers.is_news()
        }));
        all.push(Property::sometimes("a lease is taken again by its holder", |model: &Replicas, _: &World| {
            model.tally.reacquired.is_news()
        }));
        if self.config.unknowns > 0 {
            all.push(Property::sometimes(
                "a write took effect unknown to its sender",
                |model: &Replicas, _: &World| model.tally.unknown.is_news(),
            ));
        }
        if self.config.withdrawals > 0 {
            all.push(Property::sometimes("a released lease is taken", |model: &Replicas, _: &World| {
                model.tally.handovers.is_news()
            }));
        }
        if self.config.deletions > 0 {
            all.push(Property::sometimes("a deleted lease is created again", |model: &Replicas, _: &World| {
                model.tally.recreations.is_news()
            }));
        }
        if self.config.hurries > 0 {
            all.push(Property::sometimes("a holder renews early", |model: &Replicas, _: &World| {
                model.tally.hurries.is_news()
            }));
        }
        if self.config.replacements > 0 {
            all.push(Property::sometimes(
                "a process is replaced while its bodies run",
                |model: &Replicas, _: &World| model.tally.replacements.is_news(),
            ));
        }
        if self.config.proofs {
            all.push(Property::sometimes("a proof of death ends the wait", |model: &Replicas, _: &World| {
                model.tally.proven.is_news()
            }));
            all.push(Property::sometimes(
                "a write lands after its sender was proven dead",
                |model: &Replicas, _: &World| model.tally.landed_dead.is_news(),
            ));
        }
        if self.config.deletions > 1 {
            all.push(Property::sometimes("the Lease is deleted again", |model: &Replicas, _: &World| {
                model.tally.deleted_again.is_news()
            }));
        }
        if self.config.orphans > 0 {
            all.push(Property::sometimes("a write lands after it was given up", |model: &Replicas, _: &World| {
                model.tally.landed.is_news()
            }));
        }
        all
    }
}

/// Visits every reachable world, and prints how many there are, how far they go and how long it took.
fn run(config: Config, threads: usize) -> Outcome {
    let start = SystemClock.now();
    let (name, cap) = (config.name, config.cap);
    let model =
        Replicas { config, tally: Tally::default(), healing: Healing::default(), failed: AtomicBool::new(false) };
    // There is no time limit, because a run that was cut short would look like one that found nothing.
    let checker = model
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::AnyFailures)
        .target_state_count(cap)
        .spawn_bfs()
        .join();
    let seconds = SystemClock.now().since(start).as_secs_f64();
    let failure = checker
        .discoveries()
        .into_iter()
        .find(|(name, _)| checker.discovery_classification(name).to_string() == "counterexample");
    let failure = failure.map(|(property, path)| Failure {
        property,
        steps: path.clone().into_actions().len(),
        trace: trace::readable(path),
    });
    let complete = failure.is_none() && checker.state_count() < cap;
    println!(
        "{name}: {}, {} states, {} steps between them, depth {}, heals within {} ticks, {seconds:.1} s",
        if complete { "complete" } else { "NOT complete" },
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        checker.model().healing.worst(),
    );
    if failure.is_none() {
        assert!(complete, "{name}: cut short at {cap} steps, so nothing is proved");
        // Each `sometimes` property has occurred.
        checker.assert_properties();
    }
    Outcome { failure, seconds }
}

struct Outcome {
    failure: Option<Failure>,
    seconds: f64,
}

struct Failure {
    property: &'static str,
    steps: usize,
    trace: String,
}

fn check(config: Config) {
    check_on(config, 1);
}

fn check_on(config: Config, threads: usize) {
    let name = config.name;
    if let Some(Failure { property, trace, .. }) = run(config, threads).failure {
        panic!("{name}: this does not hold: {property}\n{trace}");
    }
}

/// The lease duration is two seconds, which is two ticks. Each answer arrives when its write takes effect, or never.
fn brisk(name: &'static str) -> Config {
    Config { duration: &[2, 2], late_answers: false, ..Config::new(name) }
}

#[test]
fn two_replicas_and_a_slow_network() {
    check(Config { duration: &[2, 2], ..Config::new("slow network") });
}

#[test]
fn writes_that_were_given_up_and_refusals() {
    check(Config { orphans: 1, refusals: true, ..brisk("given-up writes") });
}

#[test]
fn somebody_deletes_the_lease() {
    check(Config { deletions: 1, unknowns: 0, ..brisk("deletion") });
}

#[test]
fn a_replica_leaves_and_comes_back() {
    check(Config { withdrawals: 1, returns: 1, unknowns: 0, ..brisk("leaving") });
}

#[test]
fn somebody_labels_the_lease() {
    check(Config { labels: 1, ..brisk("labels") });
}

#[test]
fn replicas_with_different_durations() {
    check(Config { duration: &[3, 2], ..brisk("slow clock, longer duration") });
    check(Config { duration: &[2, 3], ..brisk("slow clock, shorter duration") });
}

#[test]
fn a_watch_that_is_late_or_deaf() {
    check(Config { watch: &[false, true], unknowns: 0, cap: 20_000_000, ..brisk("watch") });
}

#[test]
fn writes_that_take_long_and_gets_that_do_not() {
    check(Config {
        gets_beside_writes: true,
        unknowns: 0,
        cap: 20_000_000,
        duration: &[2, 2],
        ..Config::new("slow writes")
    });
}

#[test]
fn a_holder_renews_early() {
    check(Config { hurries: 1, unknowns: 0, ..brisk("early renewals") });
}

#[test]
fn a_process_is_replaced_while_its_bodies_run() {
    check(Config { replacements: 1, orphans: 1, unknowns: 0, ..brisk("replacement") });
}

/// The Lease is deleted, and a replica leaves and comes back, in any order.
fn away(name: &'static str, anew: bool) -> Config {
    Config { deletions: 1, withdrawals: 1, returns: 1, unknowns: 0, anew, ..brisk(name) }
}

/// The assumption under which two deletions are harmless is needed: a process that did not see the second Lease cannot
/// know that it existed.
#[test]
fn a_lease_that_was_not_seen_must_not_be_deleted() {
    let outcome = run(Config { deletions: 2, unseen_deletions: true, unknowns: 0, ..brisk("unseen deletion") }, 1);
    let failure = outcome.failure.expect("the limit of rule C3 has gone: say so in the README");
    assert_eq!(failure.property, NEVER_TWO, "{}", failure.trace);
}

/// The third replica has a fast clock, as the second.
fn three(name: &'static str) -> Config {
    Config { duration: &[2, 2, 2], rate: &[SLOW, FAST, FAST], unknowns: 0, ..brisk(name) }
}

/// A scope that takes minutes, if `MODEL=large` asks for these.
fn large(config: Config) {
    if std::env::var("MODEL").as_deref() == Ok("large") {
        check_on(Config { cap: 200_000_000, ..config }, 2);
    }
}

#[test]
fn somebody_deletes_the_lease_twice() {
    check(Config { deletions: 2, unknowns: 0, ..brisk("two deletions") });
}

#[test]
fn large_absence() {
    large(away("deletion, absence", false));
}

#[test]
fn large_absence_and_a_new_election() {
    large(away("deletion, absence, new election", true));
}

#[test]
fn large_three_replicas() {
    large(three("three replicas"));
}

/// The other large scopes. `MODEL=large cargo test --test model large -- --nocapture`
#[test]
fn large_others() {
    large(Config::new("longer duration, slow network"));
    large(Config { duration: &[4, 4], ..Config::new("still longer duration") });
    large(Config { rate: &[FAST, SLOW], duration: &[3, 2], ..Config::new("different durations, slow network") });
    large(Config { late_conflicts: true, ..Config::new("late conflicts") });
    large(Config { late_gets: true, ..brisk("late gets") });
    large(Config { orphans: 1, duration: &[2, 2], ..Config::new("given-up writes, slow network") });
    large(Config { withdrawals: 1, duration: &[2, 2], ..Config::new("leaving, slow network") });
    large(Config { deletions: 1, duration: &[2, 2], ..Config::new("deletion, slow network") });
    large(Config { deletions: 1, orphans: 1, ..brisk("deletion, given-up writes") });
    large(Config {
        deletions: 1,
        orphans: 1,
        duration: &[3, 3],
        ..brisk("deletion, given-up writes, longer duration")
    });
    large(Config { deletions: 1, withdrawals: 1, ..brisk("deletion, leaving") });
    large(Config { withdrawals: 2, returns: 2, ..brisk("leaving again and again") });
    large(Config { hurries: 2, ..brisk("early renewals, unknown outcomes") });
    large(Config { watch: &[true, true], ..brisk("two watches, unknown outcomes") });
}

/// The model finds each known mistake. If it does not, the model has become too weak.
#[test]
fn every_mutant_is_found() {
    let slow = |name| Config { duration: &[2, 2], ..Config::new(name) };
    let mutants = [
        (Mutant::CountsFromReceipt, slow("from the answer"), NEVER_TWO),
        // The core has a second check: the answer that it receives shows a revision that it has already seen.
        (Mutant::StaleAnswer, brisk("stale answer"), NO_RULE_BROKEN),
        (Mutant::ClockNotRead, brisk("clock not read"), NEVER_TWO),
        (Mutant::StopsAtLeaseDuration, brisk("no margin for drift"), NEVER_TWO),
        (Mutant::BelievesOwnName, Config { orphans: 1, ..brisk("believes its name") }, NEVER_TWO),
        (Mutant::ReleasesBeforeStop, Config { withdrawals: 1, ..brisk("releases too early") }, NO_RULE_BROKEN),
        (Mutant::ForgetsBlockedBodies, brisk("forgets blocked bodies"), NO_RULE_BROKEN),
        (Mutant::CountsFromAsking, brisk("from the question"), NEVER_TWO),
        (Mutant::WatchesHolderOnly, brisk("renewals not seen"), NEVER_TWO),
        (Mutant::OwnDuration, Config { duration: &[3, 2], ..brisk("own duration") }, NEVER_TWO),
        (Mutant::PutWithoutVersion, brisk("no version"), NEVER_TWO),
        // There are never two leaders in spite of this mistake, because a process that knew the Lease waits when it
        // comes back under another uid (C3).
        (Mutant::PutWithoutUid, Config { deletions: 1, ..brisk("no uid") }, NO_RULE_BROKEN),
        (Mutant::CreatesWhenMissing, Config { deletions: 1, ..brisk("creates at once") }, NEVER_TWO),
        (Mutant::TokenIsTransitions, Config { deletions: 1, ..brisk("transitions as token") }, NO_RULE_BROKEN),
        (Mutant::SameIdentity, brisk("same identity"), NEVER_TWO),
        (
            Mutant::TrustsPredecessor,
            Config { replacements: 1, orphans: 1, ..brisk("trusts its predecessor") },
            NEVER_TWO,
        ),
        (Mutant::RemembersNothing, away("remembers nothing", true), NEVER_TWO),
        (Mutant::ProofOfTheLiving, proofs("proof of the living"), NEVER_TWO),
        (Mutant::ProofAboutTheLease, early_proofs("proof about the Lease"), NEVER_TWO),
        (Mutant::ProofEndsTheWait, Config { deletions: 1, ..early_proofs("proof ends the wait") }, NEVER_TWO),
        (Mutant::CountsFromHurry, Config { hurries: 1, ..brisk("from the hurry") }, NEVER_TWO),
    ];
    let mut table = String::from("| mutant | property | steps | seconds |\n|---|---|---|---|\n");
    let mut survivors = Vec::new();
    for (mutant, config, property) in mutants {
        let outcome = run(Config { mutant: Some(mutant), late_conflicts: true, ..config }, 1);
        match outcome.failure {
            Some(failure) if failure.property == property => {
                table += &format!("| {mutant:?} | {property} | {} | {:.1} |\n", failure.steps, outcome.seconds);
            }
            Some(failure) => survivors.push(format!("{mutant:?}: found by {}\n{}", failure.property, failure.trace)),
            None => survivors.push(format!("{mutant:?}: not found")),
        }
    }
    println!("{table}");
    assert!(survivors.is_empty(), "{}", survivors.join("\n"));
}
