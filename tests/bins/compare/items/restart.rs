//! SIGKILL to the leader, and how long until the next body starts, where processes of a machine have a state directory.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use rustix::process::Signal;

use super::a_while;
use super::graceful::Handovers;
use crate::cli::Kind;
use crate::crew::{Crew, Place, SIZE};
use crate::error::Result;
use crate::events::{Body, Overlap};
use crate::setup::Setup;

/// How many leases are measured at the same time.
const SIDE_BY_SIDE: usize = 10;
/// So many processes may follow each other by proof of death. The next one would wait.
const ROUNDS: usize = 3;

/// Where the processes of one lease are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Replicas {
    /// Each in a pod of its own, which outlives it. A new process starts there when the leader was killed.
    Apart,
    /// All on one machine. Two of them wait.
    Together,
}

pub(crate) async fn measure(setup: &Setup, kind: Kind, runs: usize, replicas: Replicas) -> Result<Handovers> {
    let leases = (0..runs.div_ceil(ROUNDS)).map(|number| one(setup, kind, number, replicas));
    // Not lazy: the compiler takes a lazy iterator of futures that borrow for one that is not general enough.
    let mut crews = stream::iter(leases.collect::<Vec<_>>()).buffer_unordered(SIDE_BY_SIDE);
    let (mut took, mut overlap) = (Vec::new(), Overlap::default());
    while let Some(crew) = crews.next().await {
        let (of_crew, overlap_of_crew) = crew?;
        took.extend(of_crew);
        overlap = overlap.and(overlap_of_crew);
    }
    Ok(Handovers { took: took.into_iter().collect(), overlap })
}

async fn one(setup: &Setup, kind: Kind, number: usize, replicas: Replicas) -> Result<(Vec<Duration>, Overlap)> {
    let item = if replicas == Replicas::Apart { "restart" } else { "neighbour" };
    let mut crew = Crew::new(setup, item, kind, number);
    let mut leader = assemble(&mut crew, replicas).await?;
    let mut took = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        tokio::time::sleep(a_while(0, 4)).await;
        let home = crew.home_of(&leader)?;
        let killed = crew.signal(&leader, Signal::KILL)?;
        if replicas == Replicas::Apart {
            crew.launch_at(Place::on(&home))?;
        }
        let successor = crew.successor(&leader, killed).await?;
        took.push(successor.started.since(killed));
        crew.reap(&leader).await?;
        if replicas == Replicas::Together {
            crew.launch_at(Place::on(&home))?;
        }
        crew.settle().await?;
        leader = successor;
    }
    Ok((took, crew.events.overlap()))
}

/// The first candidate leads.
async fn assemble(crew: &mut Crew<'_>, replicas: Replicas) -> Result<Body> {
    for member in 0..SIZE {
        let home = crew.home(if replicas == Replicas::Apart { member } else { 0 })?;
        crew.launch_at(Place::on(&home))?;
        crew.wait("the first body", |events| events.bodies.first().cloned()).await?;
    }
    crew.settle().await?;
    crew.wait("the first body", |events| events.bodies.first().cloned()).await
}
