//! Requests a minute when nothing happens, by the leader and by each candidate that waits.

use std::path::Path;
use std::time::Duration;

use futures_util::future::try_join_all;
use lease_runtime::clock::{Clock, SystemClock};

use crate::audit::{self, Verbs};
use crate::cli::Kind;
use crate::crew::Crew;
use crate::error::Result;
use crate::setup::Setup;
use crate::spread::Spread;

const LEASES: usize = 3;

pub(crate) struct Requests {
    /// A minute, one value for each process.
    pub(crate) leaders: Spread,
    pub(crate) waiting: Spread,
}

pub(crate) async fn measure(setup: &Setup, kind: Kind, window: Duration) -> Result<Requests> {
    let Some(audit) = setup.audit.as_deref() else {
        return Err(
            "LEASE_TEST_AUDIT is not set: only the API server of tests/kube-apiserver/run has a log of requests".into(),
        );
    };
    let crews = try_join_all((0..LEASES).map(|number| one(setup, kind, number, audit, window))).await?;
    let minutes = window.as_secs_f64() / 60.0;
    let a_minute = |verbs: &Verbs| verbs.values().sum::<usize>() as f64 / minutes;
    let leaders = crews.iter().map(|(leader, _)| a_minute(leader)).collect();
    let waiting = crews.iter().flat_map(|(_, waiting)| waiting).map(a_minute).collect();
    Ok(Requests { leaders, waiting })
}

/// How many requests the leader of one lease sent, and how many each of the others.
async fn one(setup: &Setup, kind: Kind, number: usize, audit: &Path, window: Duration) -> Result<(Verbs, Vec<Verbs>)> {
    let mut crew = Crew::new(setup, "requests", kind, number);
    let leader = crew.assemble(None, None).await?;
    let from = SystemClock.wall();
    tokio::time::sleep(window).await;
    let to = from.plus(window);
    // The log contains the requests after a short delay.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut users = audit::requests(audit, from, to)?;
    crew.events.read()?;
    if crew.events.bodies.len() != 1 || crew.now_of(&leader)?.stopped.is_some() {
        return Err(format!("the leader of {} changed while requests were counted", crew.lease).into());
    }
    let leader_sent = users.remove(&leader.identity).unwrap_or_default();
    let others = crew.identities().filter(|identity| *identity != leader.identity);
    let waiting: Vec<Verbs> = others.map(|identity| users.remove(identity).unwrap_or_default()).collect();
    eprintln!("compare: {}: sent in {window:?} by the leader {leader_sent:?}, by the others {waiting:?}", crew.lease);
    Ok((leader_sent, waiting))
}
