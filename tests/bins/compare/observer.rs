//! Watches all Leases of the namespace like a candidate.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use lease_runtime::clock::{Clock, Moment, SystemClock, WallTime};

use crate::error::Result;

/// One state of a Lease.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    /// When the event of the watch arrived.
    pub(crate) at: Moment,
    pub(crate) holder: String,
    pub(crate) duration: Duration,
    /// `renewTime`, which both kinds of candidate read from the clock as they send the write, on this machine's clock.
    pub(crate) sent: Option<Moment>,
}

/// The observed states of each Lease, in order.
type Seen = BTreeMap<String, Vec<Sighting>>;

pub(crate) struct Observer {
    seen: Arc<Mutex<Seen>>,
    task: tokio::task::JoinHandle<()>,
}

impl Observer {
    /// Watches from now on.
    pub(crate) async fn start(api: Api<Lease>) -> Result<Observer> {
        let seen = Arc::new(Mutex::new(Seen::new()));
        let mut version = current(&api).await?;
        let notes = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let problem = watch(&api, &mut version, &notes).await;
                if let Err(error) = problem {
                    eprintln!("compare: the observer's watch broke and is opened again: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    if let Ok(now) = current(&api).await {
                        version = now;
                    }
                }
            }
        });
        Ok(Observer { seen, task })
    }

    /// The last state of the lease until `until` with the candidate `identity` as its holder.
    pub(crate) fn last_renewal(&self, lease: &str, identity: &str, until: Moment) -> Result<Sighting> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let states = seen.get(lease).map_or(&[][..], Vec::as_slice);
        // lease-runtime adds a random part to its identity.
        let own =
            |holder: &str| holder.strip_prefix(identity).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
        let last = states.iter().rfind(|state| own(&state.holder) && state.at <= until);
        Ok(last.cloned().ok_or_else(|| format!("{identity} was never seen to hold the lease {lease}"))?)
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn current(api: &Api<Lease>) -> Result<String> {
    let list = api.list(&ListParams::default().limit(1)).await?;
    Ok(list.metadata.resource_version.unwrap_or_default())
}

async fn watch(api: &Api<Lease>, version: &mut String, notes: &Mutex<Seen>) -> Result<()> {
    let mut stream = std::pin::pin!(api.watch(&WatchParams::default().timeout(290), version).await?);
    while let Some(event) = stream.next().await {
        let (now, wall) = (SystemClock.now(), SystemClock.wall());
        match event? {
            WatchEvent::Added(lease) | WatchEvent::Modified(lease) => {
                if let Some(reached) = &lease.metadata.resource_version {
                    version.clone_from(reached);
                }
                let name = lease.metadata.name.unwrap_or_default();
                let spec = lease.spec.unwrap_or_default();
                let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
                let sighting = Sighting {
                    at: now,
                    holder: spec.holder_identity.unwrap_or_default(),
                    duration: Duration::from_secs(seconds.unwrap_or(0)),
                    sent: spec.renew_time.map(|time| moment_of(WallTime(time.0.as_microsecond()), now, wall)),
                };
                notes.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default().push(sighting);
            }
            WatchEvent::Bookmark(bookmark) => version.clone_from(&bookmark.metadata.resource_version),
            WatchEvent::Deleted(_) => {}
            WatchEvent::Error(status) => return Err(status.message.into()),
        }
    }
    Ok(())
}

/// Converts `time` to the other clock of this machine. Both clocks have just been read.
fn moment_of(time: WallTime, now: Moment, wall: WallTime) -> Moment {
    let ago = Duration::from_micros(u64::try_from(wall.0.saturating_sub(time.0)).unwrap_or(0));
    now - ago
}
