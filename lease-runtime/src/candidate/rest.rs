//! How long a replica stays out of an election after it has given the lease up.

use std::time::Duration;

use lease_protocol::election::StopReason;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::elector::LeaseStatus;

/// Resolves when a replica of this identity may take part again. Cancel safe.
///
/// After a step-down, another replica is to have the lease. When one has it, there is nothing left to wait for, and the next transfer
/// may name this replica. If none takes it, the wait is one lease duration, which is enough time for each of them, even for one that
/// polls.
pub(super) async fn rested(
    reason: &StopReason,
    lease_duration: Duration,
    mut status: watch::Receiver<LeaseStatus>,
    identity: &str,
) {
    if !reason.is_step_down() {
        return;
    }
    let has_another = |status: &LeaseStatus| status.holder.as_deref().is_some_and(|holder| holder != identity);
    tokio::select! {
        () = sleep(lease_duration) => {}
        // An error means that the election has ended, and then nothing shows the holder.
        Ok(_) = status.wait_for(has_another) => {}
    }
}
