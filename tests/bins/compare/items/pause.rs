//! A leader is stopped for longer than its lease lasts, and continued: does its body continue beside its successor's?

use std::time::Duration;

use futures_util::future::try_join_all;
use rustix::process::Signal;

use super::a_while;
use crate::cli::Kind;
use crate::crew::Crew;
use crate::error::Result;
use crate::events::Overlap;
use crate::setup::Setup;

const LEASES: usize = 4;
const STOPPED: Duration = Duration::from_secs(22);
/// More than the renew deadline of the candidates: a body that has not ended by then never ends.
const WATCHED: Duration = Duration::from_secs(14);

pub(crate) async fn measure(setup: &Setup, kind: Kind) -> Result<Overlap> {
    let crews = try_join_all((0..LEASES).map(|number| one(setup, kind, number))).await?;
    Ok(crews.into_iter().fold(Overlap::default(), Overlap::and))
}

async fn one(setup: &Setup, kind: Kind, number: usize) -> Result<Overlap> {
    let mut crew = Crew::new(setup, "pause", kind, number);
    let leader = crew.assemble(None, None).await?;
    tokio::time::sleep(a_while(0, 5)).await;
    let stopped = crew.signal(&leader, Signal::STOP)?;
    tokio::time::sleep(STOPPED).await;
    crew.successor(&leader, stopped).await?;
    crew.signal(&leader, Signal::CONT)?;
    tokio::time::sleep(WATCHED).await;
    crew.events.read()?;
    if crew.now_of(&leader)?.stopped.is_none() && !crew.has_ended(&leader)? {
        return Err(format!("the body of {} still runs {WATCHED:?} after it was continued", leader.identity).into());
    }
    Ok(crew.events.overlap())
}
