//! A leader is stopped, and another process waits in its state directory: nothing proves that the leader is dead.

use std::time::Duration;

use futures_util::future::try_join_all;
use rustix::process::Signal;

use super::a_while;
use super::hole::Hole;
use crate::cli::Kind;
use crate::crew::{Crew, Place};
use crate::error::Result;
use crate::events::Overlap;
use crate::setup::Setup;

const LEASES: usize = 4;
/// How long the old body is observed after it was continued.
const WATCHED: Duration = Duration::from_secs(14);

pub(crate) async fn measure(setup: &Setup, kind: Kind) -> Result<Hole> {
    let crews = try_join_all((0..LEASES).map(|number| one(setup, kind, number))).await?;
    let overlap = crews.iter().fold(Overlap::default(), |all, (overlap, _)| all.and(*overlap));
    Ok(Hole { overlap, after: crews.into_iter().map(|(_, after)| after).collect() })
}

async fn one(setup: &Setup, kind: Kind, number: usize) -> Result<(Overlap, f64)> {
    let mut crew = Crew::new(setup, "stopped", kind, number);
    let home = crew.home(0)?;
    crew.launch_at(Place::on(&home))?;
    let leader = crew.wait("the first body", |events| events.bodies.first().cloned()).await?;
    tokio::time::sleep(a_while(0, 5)).await;
    let stopped = crew.signal(&leader, Signal::STOP)?;
    crew.launch_at(Place::on(&home))?;
    let successor = crew.successor(&leader, stopped).await?;
    crew.signal(&leader, Signal::CONT)?;
    tokio::time::sleep(WATCHED).await;
    crew.events.read()?;
    Ok((crew.events.overlap(), crew.after_the_lease(&leader, &successor)?))
}
