//! `step-down`, `transfer`: moves the leadership, and waits until the Lease has changed hands.

use std::time::Duration;

use lease_protocol::election::shown;
use lease_runtime::clock::{Clock, SystemClock};
use lease_runtime::{LeaseAdmin, LeaseAdminError};
use tokio::time::sleep;

use crate::args::{HandoverArguments, Wait};
use crate::cluster::Cluster;
use crate::duration::duration;
use crate::error::CliError;
use crate::lease::LeaseView;

/// How long to wait before the Lease is read again. A watch would need another permission.
const PAUSE: Duration = Duration::from_millis(500);

/// Asks the holder, and returns what to print.
pub(crate) async fn run(cluster: &Cluster, asked: HandoverArguments, to: Option<&str>) -> Result<String, CliError> {
    let HandoverArguments { lease, wait: Wait { timeout, no_wait } } = asked;
    let (timeout, begun) = (duration(&timeout)?, SystemClock.now());
    let left = || timeout.checked_sub(SystemClock.now().since(begun)).filter(|left| !left.is_zero());
    let before = cluster.lease(&lease).await.map_err(CliError::of_operation)?;
    let holder = ask(cluster, &lease, to, || !no_wait && left().is_some()).await?;
    if no_wait {
        return Ok(format!("lease {}: {} is asked to give it up\n", shown(&lease), shown(&holder)));
    }
    // The holder may take its own lease again, if nobody else wants it.
    let term = |lease: &LeaseView| lease.transitions.unwrap_or_default();
    let mut asked_term = (before.holder.as_ref() == Some(&holder)).then(|| term(&before));
    loop {
        match cluster.lease(&lease).await {
            Ok(LeaseView { holder: None, .. }) | Err(CliError::Request { .. }) if left().is_some() => {}
            Ok(now) => match &now.holder {
                Some(next) if *next != holder || *asked_term.get_or_insert(term(&now)) != term(&now) => {
                    return changed(lease, &holder, next, to);
                }
                _ if left().is_some() => {}
                still => return Err(CliError::NotHandedOver { lease, free: still.is_none(), holder, waited: timeout }),
            },
            Err(error) => return Err(error),
        }
        sleep(PAUSE).await;
    }
}

/// A holder that has only just acquired the lease is asked again as long as there is `time`.
async fn ask(
    cluster: &Cluster,
    lease: &str,
    to: Option<&str>,
    time: impl Fn() -> bool,
) -> Result<String, LeaseAdminError> {
    let admin = LeaseAdmin::new(cluster.client.clone(), &*cluster.namespace);
    loop {
        let asked = match to {
            None => admin.step_down(lease).await,
            Some(identity) => admin.transfer(lease, identity).await,
        };
        match asked {
            Err(LeaseAdminError::NotListening { renewed: false, .. }) if time() => sleep(PAUSE).await,
            asked => return asked,
        }
    }
}

fn changed(lease: String, holder: &str, next: &str, to: Option<&str>) -> Result<String, CliError> {
    let next = next.to_owned();
    if next == holder {
        return Err(CliError::TakenAgain { lease, holder: next });
    }
    match to.filter(|to| *to != next) {
        Some(to) => Err(CliError::TakenByAnother { lease, holder: next, to: to.to_owned() }),
        None => Ok(format!("lease {}: {} leads, after {}\n", shown(&lease), shown(&next), shown(holder))),
    }
}
