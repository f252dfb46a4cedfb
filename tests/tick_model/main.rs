//! Checks the ticks exhaustively in small scopes. `README.md` says what is modelled and how to read a counterexample.

mod bodies;
mod broken;
mod clock;
mod heal;
mod ledger;
mod mutant;
mod replica;
mod run;
mod scope;
mod stage;
mod tally;
mod trace;
mod world;
mod writing;

use lease_runtime::CatchUp::{All, Latest, None as NoCatchUp};
use lease_runtime::Delivery::{AtLeastOnce, AtMostOnce};
use lease_runtime::Overlap::{AllowAll, BufferOne, CancelOther, Skip};

use broken::Rule;
use mutant::Mutant;
use run::{check, check_on, run};
use scope::{Fault, Scope, Task};

#[test]
fn each_tick_is_completed() {
    check(Scope::new("at least once, all", vec![Task::new(AtLeastOnce, All, BufferOne)]));
}

#[test]
fn each_tick_is_started_at_most_once() {
    check(Scope::new("at most once, all", vec![Task::new(AtMostOnce, All, BufferOne)]));
}

#[test]
fn the_latest_tick_is_completed() {
    check(Scope::new("at least once, latest", vec![Task::new(AtLeastOnce, Latest, BufferOne)]));
}

#[test]
fn ticks_during_a_run_are_skipped() {
    check(Scope::new("at most once, latest, skip", vec![Task::new(AtMostOnce, Latest, Skip)]));
}

#[test]
fn a_later_tick_ends_the_run() {
    let task = Task::new(AtLeastOnce, Latest, CancelOther);
    check(Scope { ticks: 2, ..Scope::new("at least once, latest, cancel", vec![task]) });
}

#[test]
fn two_runs_of_a_task() {
    let task = Task::new(AtMostOnce, All, AllowAll(2));
    check(Scope { ticks: 2, ..Scope::new("at most once, all, beside", vec![task]) });
}

#[test]
fn ticks_without_a_leader_are_not_run() {
    let kinds = &[Fault::Drain, Fault::Crash, Fault::Failure];
    let task = Task::new(AtMostOnce, NoCatchUp, Skip);
    check(Scope { kinds, ..Scope::new("at most once, none", vec![task]) });
}

#[test]
fn a_write_that_lands_late() {
    let kinds = &[Fault::Late, Fault::Touch, Fault::Loss];
    let task = Task::new(AtLeastOnce, All, BufferOne);
    check(Scope { kinds, late_answers: true, ..Scope::new("late writes", vec![task]) });
}

#[test]
fn two_tasks() {
    let tasks = vec![Task::named("a", AtLeastOnce, All, BufferOne), Task::named("b", AtMostOnce, Latest, Skip)];
    check(Scope { ticks: 2, faults: 1, ..Scope::new("two tasks", tasks) });
}

/// Scopes that take minutes. `MODEL=large cargo test --test tick_model large -- --nocapture`
#[test]
fn large() {
    let two = |name, task| Scope { ticks: 2, faults: 2, ..Scope::new(name, vec![task]) };
    let five = |name, task| Scope { ticks: 5, ..Scope::new(name, vec![task]) };
    check_if_asked(two("two faults, at least once, all", Task::new(AtLeastOnce, All, BufferOne)));
    check_if_asked(two("two faults, at most once, all", Task::new(AtMostOnce, All, BufferOne)));
    check_if_asked(two("two faults, at least once, latest", Task::new(AtLeastOnce, Latest, BufferOne)));
    check_if_asked(two("two faults, at most once, skip", Task::new(AtMostOnce, Latest, Skip)));
    check_if_asked(two("two faults, at least once, cancel", Task::new(AtLeastOnce, Latest, CancelOther)));
    check_if_asked(two("two faults, at most once, none", Task::new(AtMostOnce, NoCatchUp, Skip)));
    check_if_asked(Scope::new("three ticks, at least once, cancel", vec![Task::new(AtLeastOnce, Latest, CancelOther)]));
    check_if_asked(Scope::new("three ticks, at most once, beside", vec![Task::new(AtMostOnce, All, AllowAll(2))]));
    check_if_asked(five("five ticks, at least once, all", Task::new(AtLeastOnce, All, BufferOne)));
    check_if_asked(five("five ticks, at most once, skip", Task::new(AtMostOnce, Latest, Skip)));
}

/// Ten seconds is the most that a clock may be ahead before its ticks follow the server's. So a slot takes ten seconds, too: in the
/// last one before the tick, the tick is due for the second replica alone. A second tick makes the scope far larger.
#[test]
fn large_with_a_clock_ahead() {
    let skewed = Scope::new("clock ahead", vec![Task::new(AtMostOnce, NoCatchUp, Skip)]);
    check_if_asked(Scope { skew: 10, slots: 6, ticks: 1, ..skewed });
}

fn check_if_asked(scope: Scope) {
    if std::env::var("MODEL").as_deref() == Ok("large") {
        check_on(Scope { cap: 100_000_000, ..scope }, 2);
    }
}

/// The model finds each known mistake. If it does not, the model has become too weak.
#[test]
fn every_mutant_is_found() {
    let all = |delivery| Task::new(delivery, All, BufferOne);
    let one = |name, task| Scope { ticks: 2, faults: 2, ..Scope::new(name, vec![task]) };
    let once = |name| one(name, all(AtMostOnce));
    let beside = |name| one(name, Task::new(AtMostOnce, All, AllowAll(2)));
    let mutants = [
        (Mutant::StartsWhenComposed, once("starts too early"), Rule::Taken),
        (Mutant::TrustsUnknown, once("trusts the unknown"), Rule::Taken),
        (Mutant::BelievesWhatItSent, once("dropped annotations"), Rule::Taken),
        (Mutant::OneId, once("one id"), Rule::T4),
        (Mutant::WritesBlind, Scope { kinds: &[Fault::Late], ..once("no version") }, Rule::T5),
        (Mutant::EndsTheOther, beside("ends another run"), Rule::End),
        (Mutant::ReportsDone, once("stopped is done"), Rule::End),
        (Mutant::DrainNotTold, once("takes while draining"), Rule::Drain),
        (Mutant::HidesOpenRuns, once("open runs are hidden"), Rule::T4),
        (Mutant::ForgetsEnds, once("ends are forgotten"), Rule::T3),
        (Mutant::PermitNotRevoked, once("given back and begun"), Rule::Back),
        (Mutant::GivesBackBegun, once("begun and given back"), Rule::Back),
        (Mutant::KeepsTheMark, once("no mark"), Rule::T4),
        (Mutant::DoesNotWait, one("does not wait", Task::new(AtLeastOnce, Latest, CancelOther)), Rule::Overlap),
        (Mutant::ClockStands, once("the clock stands"), Rule::Urgent),
    ];
    let mut table = String::from("| mutant | rule | steps | seconds |\n|---|---|---|---|\n");
    let mut survivors = Vec::new();
    for (mutant, scope, rule) in mutants {
        let outcome = run(Scope { mutant: Some(mutant), ..scope }, 1);
        match outcome.failure {
            Some(failure) if failure.broken.rule == rule => {
                table += &format!("| {mutant:?} | {rule:?} | {} | {:.1} |\n", failure.steps, outcome.seconds);
            }
            Some(failure) => survivors.push(format!("{mutant:?}: {}\n{}", failure.broken, failure.trace)),
            None => survivors.push(format!("{mutant:?}: not found")),
        }
    }
    println!("{table}");
    assert!(survivors.is_empty(), "{}", survivors.join("\n"));
}
