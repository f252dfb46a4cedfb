//! The task that writes the Events of a candidate, one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use k8s_openapi::api::events::v1::Event;
use kube::api::PostParams;
use kube::core::Status;
use kube::{Api, Client};
use tokio::sync::mpsc;

use super::counts::EventCounts;
use super::event::KubeEvent;
use crate::clock::{Clock, Moment};
use crate::elector::log::ElectionLog;
use crate::elector::rbac::EventDenial;
use crate::elector::text::{chain, short};

/// How long the answer to a write is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long nothing is written in a namespace that refuses all Events.
const PAUSE: Duration = Duration::from_secs(600);

/// Writes the Events of a candidate.
pub(in crate::elector) struct EventWriter {
    events: mpsc::Receiver<Box<KubeEvent>>,
    counts: Arc<EventCounts>,
    clock: Arc<dyn Clock>,
    /// Until when nothing is written in a namespace.
    paused: BTreeMap<Arc<str>, Moment>,
    said: Said,
    rng: fastrand::Rng,
}

/// What was logged already. Each is logged once for a candidate.
#[derive(Default)]
struct Said {
    denied: bool,
    refused: bool,
    failed: bool,
    dropped: bool,
}

/// Why an Event was not written.
enum Failure {
    /// Access rules do not allow it.
    Denied(EventDenial),
    /// The namespace takes no Events: it is being deleted, or the API does not exist.
    Unwelcome,
    /// The server has too much to do.
    Busy,
    /// It was refused for this reason.
    Refused(String),
    /// It is not known whether it was written.
    Failed(String),
}

impl EventWriter {
    pub(super) fn new(
        events: mpsc::Receiver<Box<KubeEvent>>,
        counts: Arc<EventCounts>,
        clock: Arc<dyn Clock>,
    ) -> EventWriter {
        EventWriter { events, counts, clock, paused: BTreeMap::new(), said: Said::default(), rng: fastrand::Rng::new() }
    }

    /// Writes Events until no other can come. `client` is one whose answers no election looks at.
    pub(in crate::elector) async fn run(mut self, client: Client) {
        while let Some(event) = self.events.recv().await {
            let log = ElectionLog::new(event.lease.clone(), Arc::clone(&event.identity));
            self.write(&client, *event, &log).await;
            self.counts.done.send_modify(|done| *done += 1);
            let dropped = self.counts.dropped.load(Ordering::Relaxed);
            if dropped > 0 && !std::mem::replace(&mut self.said.dropped, true) {
                log.events_dropped(dropped);
            }
        }
    }

    async fn write(&mut self, client: &Client, event: KubeEvent, log: &ElectionLog) {
        let namespace = Arc::clone(&event.lease.namespace);
        let now = self.clock.now();
        self.paused.retain(|_, until| *until > now);
        if self.paused.contains_key(&namespace) {
            return;
        }
        let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
        let (event, options) = (event.object(self.rng.u64(..)), options());
        let written = tokio::time::timeout(PATIENCE, api.create(&options, &event)).await;
        let failure = match written {
            Ok(Ok(_)) => return,
            Ok(Err(kube::Error::Api(status))) => refusal(&status, &namespace),
            Ok(Err(error)) => Failure::Failed(chain(&error)),
            Err(_) => Failure::Failed(format!("no answer within {PATIENCE:?}")),
        };
        let mut first = |said: fn(&mut Said) -> &mut bool| !std::mem::replace(said(&mut self.said), true);
        match failure {
            Failure::Denied(denial) => {
                if first(|said| &mut said.denied) {
                    log.events_denied(&denial);
                }
                self.paused.insert(namespace, self.clock.now() + PAUSE);
            }
            Failure::Unwelcome => drop(self.paused.insert(namespace, self.clock.now() + PAUSE)),
            Failure::Busy => {}
            Failure::Refused(why) if first(|said| &mut said.refused) => log.events_refused(&why),
            Failure::Failed(why) if first(|said| &mut said.failed) => log.events_failed(&why),
            Failure::Refused(_) | Failure::Failed(_) => {}
        }
    }
}

/// The owner of our fields in the `managedFields` of an Event.
fn options() -> PostParams {
    PostParams { field_manager: Some("lease-runtime".to_owned()), ..PostParams::default() }
}

/// What an error status means. As for Leases, the code decides, because the page of a proxy has no reason.
fn refusal(status: &Status, namespace: &str) -> Failure {
    let is_terminating = || {
        let causes = status.details.iter().flat_map(|details| &details.causes);
        causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
    };
    let words = || short(if status.message.is_empty() { &status.reason } else { &status.message });
    match status.code {
        403 if is_terminating() => Failure::Unwelcome,
        403 => EventDenial::read(status, namespace).map_or_else(|| Failure::Refused(words()), Failure::Denied),
        // There is no such namespace, or no such API.
        404 => Failure::Unwelcome,
        429 => Failure::Busy,
        400..=499 => Failure::Refused(words()),
        _ => Failure::Failed(words()),
    }
}
