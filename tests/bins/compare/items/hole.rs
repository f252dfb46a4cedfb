//! The leader's link passes no bytes in both directions, also on new connections. The others' links work.

use std::time::Duration;

use futures_util::future::try_join_all;
use lease_tests::proxy::Link;

use super::a_while;
use crate::cli::Kind;
use crate::crew::Crew;
use crate::error::Result;
use crate::events::Overlap;
use crate::setup::Setup;
use crate::spread::Spread;

const LEASES: usize = 4;
/// How long the old body is observed beside its successor.
const WATCHED: Duration = Duration::from_secs(10);

pub(crate) struct Hole {
    pub(crate) overlap: Overlap,
    /// From the end of the lease to the successor's body, in seconds. Negative if the body came before.
    pub(crate) after: Spread,
}

pub(crate) async fn measure(setup: &Setup, kind: Kind) -> Result<Hole> {
    let crews = try_join_all((0..LEASES).map(|number| one(setup, kind, number))).await?;
    let overlap = crews.iter().fold(Overlap::default(), |all, (overlap, _)| all.and(*overlap));
    Ok(Hole { overlap, after: crews.into_iter().map(|(_, after)| after).collect() })
}

async fn one(setup: &Setup, kind: Kind, number: usize) -> Result<(Overlap, f64)> {
    let link = setup.link()?;
    let mut crew = Crew::new(setup, "hole", kind, number);
    let leader = crew.assemble(Some(&link), None).await?;
    tokio::time::sleep(a_while(0, 5)).await;
    let since = link.set(Link::BLACK_HOLE);
    let successor = crew.successor(&leader, since).await?;
    tokio::time::sleep(WATCHED).await;
    crew.events.read()?;
    Ok((crew.events.overlap(), crew.after_the_lease(&leader, &successor)?))
}
