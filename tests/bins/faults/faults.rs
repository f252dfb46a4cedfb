//! The run with faults.

use std::process::ExitCode;
use std::time::Duration;

use futures_util::future::try_join_all;
use lease_runtime::clock::Moment;
use lease_tests::log::now;
use tokio::time::sleep;

use crate::cli::Options;
use crate::error::Result;
use crate::figures;
use crate::nemesis::inflict;
use crate::plan::{Kind, Round, plan};
use crate::scene::Scene;

/// A round that has happened.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) kinds: Vec<Kind>,
    pub(crate) began: Moment,
    /// The first effect after its end.
    pub(crate) recovered: Moment,
}

pub(crate) async fn run(options: &Options, count: usize) -> Result<ExitCode> {
    let began = now();
    // Before anything takes time: it says so if a name is wrong.
    let kinds = kinds(&options.only)?;
    let scene = Scene::set(options).await?;
    let kinds: Vec<Kind> = kinds.into_iter().filter(|kind| scene.store.is_some() || !kind.is_of_server()).collect();
    println!("seed {}: {count} faults, {} candidates", options.seed, scene.members.len());
    println!("target that compares tokens: {}", scene.target.name());
    println!("processor time is taken by: {}", scene.means.name());
    let mut done = Vec::new();
    for round in plan(options.seed, count, &kinds, scene.members.len()) {
        let happened = happen(&scene, &round).await?;
        tell(&happened, began, done.len());
        done.push(happened);
    }
    // What a late request would break still can.
    sleep(Duration::from_secs(2)).await;
    let outcome = scene.finish().await?;
    figures::of_faults(&done, &outcome, now().since(began));
    Ok(if outcome.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn kinds(only: &[String]) -> Result<Vec<Kind>> {
    if only.is_empty() {
        return Ok(Kind::ALL.to_vec());
    }
    let named = |name: &String| {
        let all = Kind::ALL.map(|kind| kind.words().0).join(" ");
        Kind::named(name).ok_or_else(|| format!("`{name}` is not a fault: these are {all}").into())
    };
    only.iter().map(named).collect()
}

async fn happen(scene: &Scene, round: &Round) -> Result<Done> {
    sleep(round.quiet).await;
    let began = now();
    try_join_all(round.faults.iter().map(|fault| inflict(scene, fault))).await?;
    let healed = scene.heal()?;
    let recovered = scene.recovered(healed).await?;
    Ok(Done { kinds: round.faults.iter().map(|fault| fault.kind).collect(), began, recovered })
}

fn tell(done: &Done, began: Moment, round: usize) {
    let names: Vec<&str> = done.kinds.iter().map(|kind| kind.words().0).collect();
    let (at, took) = (done.began.since(began).as_secs_f64(), done.recovered.since(done.began).as_secs_f64());
    eprintln!("{at:7.1} s  round {:3}: {:30} {took:.1} s", round + 1, names.join(" and "));
}
