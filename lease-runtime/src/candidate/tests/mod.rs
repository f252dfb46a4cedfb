//! Candidates with the embedded API, in virtual time. Tests with signals and an environment run in processes of their own.

mod adding;
mod admin;
mod alone;
mod composing;
#[cfg(unix)]
mod death_reports;
#[cfg(target_os = "linux")]
mod deaths;
mod deployed;
mod ending;
mod giving_up;
mod kubernetes_events;
mod labels;
mod manifests;
mod observed;
mod process;
mod scheduled;
mod settings;
mod takeover;
mod taking_part;
mod tasks_not_run;
mod traffic;
mod transfer;
mod waiting;

use std::future::{Future, pending};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::lease_driver::Arrival;
use super::place::Placed;
use super::*;
use crate::clock::{Clock, TokioClock, WallTime};
use crate::elector::Standing;
use crate::embedded::{EmbeddedApi, Settings};
use crate::error::Error;
use crate::lease::LeaseId;
use crate::spec::LeaseSpec;
use crate::task::LeaderTask;
use crate::task::entry::Entry;
use crate::term::Term;
use crate::term::testing::Story;
use lease_protocol::election::StopReason;

const LEDGER: LeaseSpec = LeaseSpec::new("ledger");
const SHARD: LeaseSpec = LeaseSpec::new("shard");

/// One API server and a virtual clock that all candidates share.
struct World {
    api: EmbeddedApi,
    clock: Arc<dyn Clock>,
    story: Story,
}

impl World {
    /// Call it on a paused runtime.
    fn new() -> World {
        let clock = TokioClock::starting_at(WallTime(1_700_000_000_000_000));
        let api = EmbeddedApi::with(Settings::default().clock(clock).seed(7));
        World { api, clock: Arc::new(clock), story: Story::default() }
    }

    async fn candidate(&self, name: &str) -> Candidate {
        let client = self.api.client_as(name, "default");
        Candidate::builder().identity(name).client(client).clock(self.clock.clone()).build().await.unwrap()
    }

    /// The holder of a lease, as the beginning of its identity; empty if the lease is released.
    fn holder(&self, lease: &str) -> Option<String> {
        let holder = self.api.lease("default", lease)?.spec?.holder_identity?;
        Some(holder.split('_').next().unwrap_or_default().to_owned())
    }

    /// A body that runs until it is asked to end, and notes who held the lease when it ended.
    fn obedient(&self, name: &'static str, spec: LeaseSpec) -> LeaderTask<()> {
        let (story, api) = (self.story.clone(), self.api.clone());
        LeaderTask::new(name, spec, move |term: Term| {
            let (story, api) = (story.clone(), api.clone());
            async move {
                story.add(format!("{name} began"));
                term.cancelled().await;
                story.add(format!("{name} ended, {}", held(&api, &term)));
            }
        })
    }

    /// A body that does not end when it is asked to, and has to be dropped.
    fn stubborn(&self, name: &'static str, spec: LeaseSpec) -> LeaderTask<()> {
        let (story, api) = (self.story.clone(), self.api.clone());
        LeaderTask::new(name, spec, move |term: Term| {
            let (story, api) = (story.clone(), api.clone());
            async move {
                story.add(format!("{name} began"));
                let _end = AtTheEnd(Some(move || story.add(format!("{name} dropped, {}", held(&api, &term)))));
                pending().await
            }
        })
    }
}

fn held(api: &EmbeddedApi, term: &Term) -> &'static str {
    let lease = api.lease("default", &term.lease().name);
    let holder = lease.and_then(|lease| lease.spec).and_then(|spec| spec.holder_identity);
    if holder.as_deref() == Some(term.identity()) { "lease held" } else { "lease not held" }
}

struct AtTheEnd<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for AtTheEnd<F> {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(|tell| tell());
    }
}

/// A running candidate, which a test ends in order.
struct Running {
    end: tokio::sync::oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Result<(), Error>>,
}

impl Running {
    fn start(candidate: &Candidate) -> Running {
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let candidate = candidate.clone();
        let task = tokio::spawn(async move {
            candidate
                .run_until(async {
                    let _ = ended.await;
                })
                .await
        });
        Running { end, task }
    }

    async fn end(self) -> Result<(), Error> {
        let _ = self.end.send(());
        within(120, self.task).await.unwrap()
    }
}

impl Story {
    /// Waits until there are so many lines.
    async fn grown_to(&self, length: usize) -> Vec<String> {
        until(|| self.lines().len() >= length).await;
        self.lines()
    }
}

async fn seconds(count: u64) {
    sleep(Duration::from_secs(count)).await;
}

async fn until(mut condition: impl FnMut() -> bool) {
    within(60, async {
        while !condition() {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// Waits for something that must happen, with a time limit.
async fn within<F: Future>(bound: u64, future: F) -> F::Output {
    timeout(Duration::from_secs(bound), future).await.expect("it comes in time")
}
