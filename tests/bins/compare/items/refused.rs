//! The API is refused to all: connections are reset and new ones refused. Later it is back.

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
const AWAY: Duration = Duration::from_secs(20);
/// How long the other bodies are observed beside the first body after that.
const WATCHED: Duration = Duration::from_secs(5);

pub(crate) struct Refused {
    /// From the sending of the last renewal that took effect to the last event of the body.
    pub(crate) gone: Spread,
    /// From the API's return to the next body.
    pub(crate) back: Spread,
    pub(crate) overlap: Overlap,
}

pub(crate) async fn measure(setup: &Setup, kind: Kind) -> Result<Refused> {
    let crews = try_join_all((0..LEASES).map(|number| one(setup, kind, number))).await?;
    let overlap = crews.iter().fold(Overlap::default(), |all, (_, _, overlap)| all.and(*overlap));
    let (gone, back): (Vec<_>, Vec<_>) = crews.into_iter().map(|(gone, back, _)| (gone, back)).unzip();
    Ok(Refused { gone: gone.into_iter().collect(), back: back.into_iter().collect(), overlap })
}

async fn one(setup: &Setup, kind: Kind, number: usize) -> Result<(Duration, Duration, Overlap)> {
    let link = setup.link()?;
    let mut crew = Crew::new(setup, "refused", kind, number);
    let leader = crew.assemble(Some(&link), Some(&link)).await?;
    tokio::time::sleep(a_while(0, 5)).await;
    link.set(Link::REFUSE);
    tokio::time::sleep(AWAY).await;
    let returned = link.set(Link::PASS);
    // The body of any candidate, including the old leader.
    let next = crew.wait("a body after the API's return", |events| {
        events.bodies.iter().find(|body| body.started > returned).cloned()
    });
    let next = next.await?;
    tokio::time::sleep(WATCHED).await;
    crew.events.read()?;
    let renewal = setup.observer.last_renewal(&crew.lease, &leader.identity, returned)?;
    let sent = renewal.sent.ok_or("a Lease without a renewTime")?;
    let gone = crew.now_of(&leader)?.last_sign().since(sent);
    Ok((gone, next.started.since(returned), crew.events.overlap()))
}
