//! SIGKILL to the leader, and how long until the successor's body starts.

use std::time::Duration;

use futures_util::future::try_join_all;
use lease_tests::log::now;
use rustix::process::Signal;

use super::{divide, graceful::Handovers};
use crate::cli::Kind;
use crate::crew::Crew;
use crate::error::Result;
use crate::events::Overlap;
use crate::setup::Setup;
use crate::spread::evenly;

const LEASES: usize = 20;
/// A multiple of the renew periods of both kinds (5 s and 2 s). Like renewals, it is counted from the acquisition. Kills that
/// are spread evenly over it come at every age of the last renewal with the same probability.
const CYCLE: Duration = Duration::from_secs(10);

pub(crate) async fn measure(setup: &Setup, kind: Kind, runs: usize) -> Result<Handovers> {
    let (leases, rounds) = divide(runs, LEASES);
    let mut delays = evenly(leases * rounds, CYCLE).into_iter();
    let crews = (0..leases).map(|number| one(setup, kind, number, delays.by_ref().take(rounds).collect()));
    let crews = try_join_all(crews.collect::<Vec<_>>()).await?;
    let overlap = crews.iter().fold(Overlap::default(), |all, (_, overlap)| all.and(*overlap));
    Ok(Handovers { took: crews.into_iter().flat_map(|(took, _)| took).collect(), overlap })
}

async fn one(setup: &Setup, kind: Kind, number: usize, delays: Vec<Duration>) -> Result<(Vec<Duration>, Overlap)> {
    let mut crew = Crew::new(setup, "crash", kind, number);
    let mut leader = crew.assemble(None, None).await?;
    let mut took = Vec::with_capacity(delays.len());
    for delay in delays {
        // The next time at this place in a cycle.
        let led = now().since(leader.started).as_nanos() % CYCLE.as_nanos();
        let led = Duration::from_nanos(u64::try_from(led).unwrap_or(0));
        tokio::time::sleep(if led <= delay { delay - led } else { CYCLE + delay - led }).await;
        let killed = crew.signal(&leader, Signal::KILL)?;
        let successor = crew.successor(&leader, killed).await?;
        took.push(successor.started.since(killed));
        crew.reap(&leader).await?;
        crew.launch(None)?;
        crew.settle().await?;
        leader = successor;
    }
    Ok((took, crew.events.overlap()))
}
