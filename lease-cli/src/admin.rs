//! `pause`, `resume`, `trigger`, `backfill`: requests to scheduled tasks.

use lease_protocol::election::shown;
use lease_runtime::TickAdmin;

use crate::args::{Operation, Target};
use crate::cluster::Cluster;
use crate::error::CliError;

pub(crate) async fn run(cluster: &Cluster, operation: Operation) -> Result<String, CliError> {
    let admin = |target: &Target| {
        let admin = TickAdmin::new(cluster.client.clone(), &*cluster.namespace);
        if target.unrecorded { admin.allow_unrecorded() } else { admin }
    };
    let (done, Target { lease, task, .. }) = match operation {
        Operation::Pause { target, reason } => {
            admin(&target).pause(&target.lease, &target.task, &reason).await?;
            ("is paused", target)
        }
        Operation::Resume { target } => {
            admin(&target).resume(&target.lease, &target.task).await?;
            ("is not paused", target)
        }
        Operation::Trigger { target, id } => {
            admin(&target).trigger(&target.lease, &target.task, &id).await?;
            ("is triggered: the leader runs it with its next renewal, once for this id", target)
        }
        Operation::Backfill { target, from, to } => {
            admin(&target).backfill(&target.lease, &target.task, from..=to).await?;
            ("has a backfill: the leader runs its ticks one after the other", target)
        }
    };
    Ok(format!("task {} of lease {} {done}\n", shown(&task), shown(&lease)))
}
