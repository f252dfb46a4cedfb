//! The status of an election, as the driver of its lease follows it.

use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::watch;

use super::lease_tasks::LeaseTasks;
use crate::elector::{ElectorError, LeaseStatus};

/// Resolves when the election cannot continue.
pub(super) async fn fatal(status: &mut watch::Receiver<LeaseStatus>) {
    // An error means that the election is gone, which is fatal too.
    let _ = status.wait_for(|status| status.fatal).await.is_ok();
}

/// Why the election cannot continue.
pub(super) fn problem(status: &watch::Receiver<LeaseStatus>) -> Arc<ElectorError> {
    let problem = status.borrow().problem.clone();
    problem.unwrap_or_else(|| Arc::new(ElectorError::Ended { reason: "its elector is gone".to_owned() }))
}

/// Publishes the status of this election to those who watch the lease. They see one status across elections.
pub(super) async fn forward(mut status: watch::Receiver<LeaseStatus>, lease_tasks: &LeaseTasks) -> Infallible {
    loop {
        let now = status.borrow_and_update().clone();
        lease_tasks.publish(now);
        if status.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
