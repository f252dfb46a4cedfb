//! The soak: replicas that live for a long time, with handovers and connections that break. They must not grow.

mod growth;
mod sample;

use std::process::ExitCode;
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join;
use lease_runtime::clock::Moment;
use lease_tests::log::now;
use tokio::time::sleep;

use self::growth::growth;
use self::sample::Sample;
use crate::cli::Options;
use crate::error::Result;
use crate::figures;
use crate::nemesis::inflict;
use crate::plan::{Kind, plan};
use crate::scene::Scene;

/// What happens to the replicas. None of it ends a process.
const KINDS: [Kind; 9] = [
    Kind::StepDown,
    Kind::Delay,
    Kind::NoAnswers,
    Kind::NoRequests,
    Kind::Reset,
    Kind::HalfClose,
    Kind::BlackHole,
    Kind::SlowReads,
    Kind::Refuse,
];
/// How often a replica is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// How many times the state of the replicas is printed.
const PRINTED: u32 = 8;

pub(crate) async fn run(options: &Options, time: Duration) -> Result<ExitCode> {
    let scene = Scene::set(options).await?;
    println!("seed {}: {} candidates for {} s", options.seed, scene.members.len(), time.as_secs());
    println!("target that compares tokens: {}", scene.target.name());
    sample::print_head();
    let end = now() + time;
    let (samples, happened) = join(watch(&scene, end, time), disturb(&scene, options.seed, end)).await;
    let happened = happened?;
    let mut outcome = scene.finish().await?;
    outcome.violations.extend(growth(&samples));
    println!("\nfaults: {happened}");
    figures::of_all(&outcome);
    if outcome.violations.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    scene.folder.keep();
    Ok(ExitCode::FAILURE)
}

/// Handovers and broken connections, until the end. Returns how many there were.
async fn disturb(scene: &Scene, seed: u64, end: Moment) -> Result<usize> {
    let mut random = Rng::with_seed(seed);
    let mut happened = 0;
    for round in plan(seed, usize::MAX / 2, &KINDS, scene.members.len()).take_while(|_| now() < end) {
        for fault in &round.faults {
            inflict(scene, fault).await?;
            happened += 1;
        }
        let healed = scene.heal()?;
        scene.recovered(healed).await?;
        // Mostly a few seconds, sometimes long enough that nothing happens for a while.
        let quiet = if random.u8(..10) == 0 { random.u64(10_000..40_000) } else { random.u64(500..4000) };
        sleep(Duration::from_millis(quiet).min(end.since(now()))).await;
    }
    Ok(happened)
}

/// Looks at all replicas, until the end.
async fn watch(scene: &Scene, end: Moment, time: Duration) -> Vec<Sample> {
    let begun = now();
    let mut samples = Vec::new();
    let mut next_line = begun;
    while now() < end {
        let at = now().since(begun);
        let seen: Vec<Sample> = scene.members.iter().filter_map(|member| sample::of(scene, member, at)).collect();
        if now() >= next_line {
            seen.iter().for_each(Sample::print);
            next_line = next_line + time / PRINTED;
        }
        samples.extend(seen);
        sleep(EVERY).await;
    }
    samples
}
