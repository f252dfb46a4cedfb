//! `doctor`: looks for what keeps Leases from being led, and says what to do.

mod access;
mod clock;
mod finding;
mod flow;
mod lease;

use std::time::Duration;

use kube::api::DynamicObject;
use tokio::time::sleep;

use self::access::Account;
use self::finding::{Finding, Status};
use crate::cluster::Cluster;
use crate::error::CliError;
use crate::lease::LeaseView;
use crate::timers::now;

/// The duration of a candidate that sets none, in seconds. If a Lease has no duration, candidates wait for as long as their own.
const USUAL_DURATION: i64 = 15;
/// How long to watch a holder that seems to be silent, at most.
const LONGEST_LOOK: Duration = Duration::from_secs(60);

/// What was found, and whether something has failed.
pub(crate) async fn run(
    cluster: &Cluster,
    leases: &[String],
    account: Option<&str>,
) -> Result<(String, bool), CliError> {
    let account = Account::of(cluster, account)?;
    let (mut findings, objects) = (Vec::new(), read(cluster, leases).await?);
    findings.extend(clock::check(cluster).await);
    let names: Vec<&str> = objects.iter().map(|(name, _)| name.as_str()).collect();
    findings.extend(access::check(cluster, &account, &names).await);
    findings.push(flow::check(cluster, &account).await);
    let mut silent = Vec::new();
    for (name, object) in &objects {
        let Some(object) = object else {
            let text = format!("lease {name} does not exist yet: the first leader creates it");
            findings.push(Finding::new(Status::Ok, text));
            continue;
        };
        findings.extend(lease::check(object));
        let view = LeaseView::read(object);
        match lease::seems_renewed(&view, now()) {
            true => findings.push(lease::renews(&view)),
            false => silent.push(view),
        }
    }
    findings.extend(look_at(cluster, silent).await?);
    let failed = findings.iter().any(|finding| finding.status == Status::Failed);
    Ok((findings.iter().map(ToString::to_string).collect(), failed))
}

/// The Leases that are named, or all of the namespace. `None` for one that does not exist.
async fn read(cluster: &Cluster, leases: &[String]) -> Result<Vec<(String, Option<DynamicObject>)>, CliError> {
    let mut objects = Vec::new();
    if leases.is_empty() {
        let (all, _) = cluster.objects(false).await?;
        let named = |object: DynamicObject| (object.metadata.name.clone().unwrap_or_default(), Some(object));
        objects.extend(all.into_iter().map(named));
    }
    for name in leases {
        match cluster.object(name).await {
            Ok(object) => objects.push((name.clone(), Some(object))),
            Err(CliError::LeaseMissing { .. }) => objects.push((name.clone(), None)),
            Err(error) => return Err(error),
        }
    }
    objects.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(objects)
}

/// By the clocks of these holders and of this machine, they have not renewed in time. The clocks may differ, so this waits for as
/// long as a candidate would.
async fn look_at(cluster: &Cluster, silent: Vec<LeaseView>) -> Result<Vec<Finding>, CliError> {
    let wait = |lease: &LeaseView| {
        let seconds = lease.duration_seconds.filter(|seconds| *seconds > 0).unwrap_or(USUAL_DURATION);
        Duration::from_secs(seconds.unsigned_abs().saturating_add(1))
    };
    if let Some(longest) = silent.iter().map(wait).max() {
        sleep(longest.min(LONGEST_LOOK)).await;
    }
    let mut findings = Vec::new();
    for before in silent {
        let after = cluster.lease(&format!("{}/{}", before.namespace, before.name)).await?;
        findings.push(lease::is_silent(&before, &after, wait(&before) <= LONGEST_LOOK));
    }
    Ok(findings)
}
