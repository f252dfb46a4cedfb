//! SIGTERM to the leader, and how long until the successor's body starts.

use std::time::Duration;

use futures_util::future::try_join_all;
use rustix::process::Signal;

use super::{a_while, divide};
use crate::cli::Kind;
use crate::crew::Crew;
use crate::error::Result;
use crate::events::Overlap;
use crate::setup::Setup;
use crate::spread::Spread;

const LEASES: usize = 10;

pub(crate) struct Handovers {
    pub(crate) took: Spread,
    pub(crate) overlap: Overlap,
}

pub(crate) async fn measure(setup: &Setup, kind: Kind, runs: usize) -> Result<Handovers> {
    let (leases, rounds) = divide(runs, LEASES);
    let crews = try_join_all((0..leases).map(|number| one(setup, kind, number, rounds))).await?;
    let overlap = crews.iter().fold(Overlap::default(), |all, (_, overlap)| all.and(*overlap));
    Ok(Handovers { took: crews.into_iter().flat_map(|(took, _)| took).collect(), overlap })
}

async fn one(setup: &Setup, kind: Kind, number: usize, rounds: usize) -> Result<(Vec<Duration>, Overlap)> {
    let mut crew = Crew::new(setup, "graceful", kind, number);
    let mut leader = crew.assemble(None, None).await?;
    let mut took = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        // The leases are out of step with each other, so that the signals come at every place in the poll periods.
        tokio::time::sleep(a_while(0, 4)).await;
        let asked = crew.signal(&leader, Signal::TERM)?;
        let successor = crew.successor(&leader, asked).await?;
        took.push(successor.started.since(asked));
        crew.reap(&leader).await?;
        crew.launch(None)?;
        crew.settle().await?;
        leader = successor;
    }
    Ok((took, crew.events.overlap()))
}
