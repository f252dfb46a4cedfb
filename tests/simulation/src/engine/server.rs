//! The API server: the embedded API on a runtime of its own, whose clock is global time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::Request as HttpRequest;
use http_body_util::{BodyExt, Full};
use lease_runtime::embedded::{ApiService, EmbeddedApi, Fault, Settings};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};
use tower_service::Service;

use super::clock::{EPOCH, Nanos, ProcessClock, SECOND};
use super::message::{Answer, AnswerFate, Part, Request, Who};
use super::runtime::PausedRuntime;
use super::signs::Signs;
use super::wire;
use crate::journal::{Event, Holder, Journal, LeaseName, LeaseState, Stored};
use lease_protocol::handover::{STEP_DOWN, TRANSFER_TO};
use lease_protocol::ticks::names::TASKS;

/// The namespace of all Leases of a run.
pub(crate) const NAMESPACE: &str = "default";

/// The labels that are no stranger's.
const LABELS: [&str; 3] = ["app.kubernetes.io/managed-by", "team", "tier"];

/// How long the server may stay idle. Its own timers, such as the end of a watch, are late by so much at most.
const IDLE: Nanos = SECOND;

/// The API server.
pub(crate) struct Server {
    runtime: PausedRuntime,
    pub(crate) api: EmbeddedApi,
    inside: Arc<Inside>,
    /// Something has happened that it has not seen.
    woken: bool,
    ran_at: Nanos,
}

/// What the requests at the server share.
struct Inside {
    api: EmbeddedApi,
    service: ApiService,
    clock: Arc<ProcessClock>,
    /// Strikes the request that is carried out next.
    fault: Mutex<Option<Fault>>,
    /// The parts of answers that the network has not picked up.
    outbox: Mutex<Vec<Answer>>,
    /// The Leases as they were last seen.
    known: Mutex<BTreeMap<LeaseName, Arc<LeaseState>>>,
    /// The slices and pods as they were last seen.
    signs: Mutex<Signs>,
    journal: Journal,
}

/// The clock of the server, for the embedded API, which wants to own one.
#[derive(Clone, Debug)]
struct Shared(Arc<ProcessClock>);

impl lease_runtime::clock::Clock for Shared {
    fn now(&self) -> lease_runtime::clock::Moment {
        self.0.now()
    }

    fn wall(&self) -> lease_runtime::clock::WallTime {
        self.0.wall()
    }
}

impl Server {
    pub(crate) fn new(seed: u64, journal: Journal) -> Server {
        let runtime = PausedRuntime::new(seed);
        let clock = Arc::new(ProcessClock::new(runtime.begun, EPOCH));
        let settings = Settings::default().clock(Shared(Arc::clone(&clock))).seed(seed);
        let api = runtime.enter(|| EmbeddedApi::with(settings));
        let inside = Arc::new(Inside {
            service: api.service(),
            api: api.clone(),
            clock,
            fault: Mutex::default(),
            outbox: Mutex::default(),
            known: Mutex::default(),
            signs: Mutex::default(),
            journal,
        });
        let next = Arc::downgrade(&inside);
        // The requests are carried out one at a time, so the fault is that of this request.
        drop(api.inject_with(move |_| lock(&next.upgrade()?.fault).take()));
        Server { runtime, api, inside, woken: true, ran_at: 0 }
    }

    /// Sets the objects up before anything runs. Writes read the calendar of the server.
    pub(crate) fn enter(&self, set_up: impl FnOnce(&EmbeddedApi)) {
        self.runtime.enter(|| set_up(&self.api));
    }

    /// A request arrives at this time.
    pub(crate) fn receive(&mut self, request: Request, at: Nanos) {
        self.woken = true;
        let at = self.inside.clock.instant(at);
        self.runtime.spawn(handle(Arc::clone(&self.inside), request, at));
    }

    /// Something was changed without a request.
    pub(crate) fn wake(&mut self) {
        self.woken = true;
    }

    pub(crate) fn run_until(&mut self, to: Nanos) {
        if std::mem::take(&mut self.woken) || to - self.ran_at >= IDLE {
            self.ran_at = to;
            self.runtime.run_until(to);
        }
    }

    /// Changes a Lease as somebody else would, at this time. Its watches hear of it.
    pub(crate) fn meddle(&mut self, at: Nanos, lease: LeaseName, change: impl FnOnce(&EmbeddedApi)) {
        self.run_until_now(at);
        let before = self.api.revision();
        // Writes read the calendar of the server.
        self.runtime.enter(|| change(&self.api));
        if self.api.revision() != before {
            self.inside.note(at, None, lease);
        }
        self.woken = true;
    }

    fn run_until_now(&mut self, at: Nanos) {
        self.ran_at = at;
        self.runtime.run_until(at);
    }

    /// The parts of answers since the last call.
    pub(crate) fn take_sent(&self) -> Vec<Answer> {
        std::mem::take(&mut *lock(&self.inside.outbox))
    }

    /// The state of a Lease.
    pub(crate) fn lease(&self, lease: LeaseName) -> Option<Arc<LeaseState>> {
        lock(&self.inside.known).get(lease).cloned()
    }

    pub(crate) fn tasks(&self) -> usize {
        self.runtime.tasks()
    }
}

/// Carries out a request, and sends its answer.
async fn handle(inside: Arc<Inside>, request: Request, at: Instant) {
    sleep_until(at).await;
    let Request { from, number, mut parts, body, answer, fault, fate, .. } = request;
    let lease = wire::lease_of(&parts.uri, &body);
    let is_of_traffic = parts.method != http::Method::GET && wire::is_of_traffic(&parts.uri);
    // The faults of watches find their caller by this.
    if let Ok(caller) = from.to_string().parse() {
        parts.headers.insert("impersonate-user", caller);
    }
    let before = inside.api.revision();
    *lock(&inside.fault) = fault;
    let response = inside.service.clone().call(HttpRequest::from_parts(parts, Full::new(body))).await;
    if inside.api.revision() != before
        && let Some(lease) = lease
    {
        inside.note(inside.clock.elapsed(), Some((from, number)), lease);
    }
    if is_of_traffic && inside.api.revision() != before {
        let at = inside.clock.elapsed();
        lock(&inside.signs).look(&inside.api, |event| inside.journal.write(at, event));
    }
    let send = |parts: Vec<Part>, is_event: bool, fate: AnswerFate| {
        let sent = inside.clock.elapsed();
        lock(&inside.outbox).push(Answer { to: from, number, sent, parts, receiver: answer.clone(), fate, is_event });
    };
    let Ok(response) = response else { return send(vec![Part::Broken], false, fate) };
    let (head, mut body) = response.into_parts();
    let mut parts = vec![Part::Head(Box::new(head))];
    if http_body::Body::size_hint(&body).exact().is_some() {
        while let Some(frame) = body.frame().await {
            parts.push(part(frame));
        }
        parts.push(Part::End);
        return send(parts, false, fate);
    }
    send(parts, false, fate);
    let fate = if matches!(fate, AnswerFate::Late(_)) { AnswerFate::Arrives } else { fate };
    loop {
        let frame = tokio::select! {
            biased;
            () = answer.closed() => return,
            frame = body.frame() => frame,
        };
        let Some(frame) = frame else { return send(vec![Part::End], true, fate) };
        send(vec![part(frame)], true, fate);
    }
}

fn part<E>(frame: Result<http_body::Frame<Bytes>, E>) -> Part {
    match frame.map(http_body::Frame::into_data) {
        Ok(Ok(bytes)) => Part::Frame(bytes),
        Ok(Err(_)) => Part::End,
        Err(_) => Part::Broken,
    }
}

impl Inside {
    /// A Lease was changed.
    fn note(&self, at: Nanos, by: Option<(Who, u64)>, lease: LeaseName) {
        let after = self.api.lease_json(NAMESPACE, lease).map(|object| Arc::new(state(&object)));
        let mut known = lock(&self.known);
        let before = match &after {
            Some(after) => known.insert(lease, Arc::clone(after)),
            None => known.remove(lease),
        };
        if before == after {
            return;
        }
        let revision = self.api.revision();
        let [before, after] = [before, after].map(|state| state.map(|state| LeaseState::clone(&state)));
        self.journal.write(at, Event::Stored(Box::new(Stored { lease, by, revision, before, after })));
    }
}

fn state(object: &Value) -> LeaseState {
    let spec = &object["spec"];
    let holder = match spec["holderIdentity"].as_str().unwrap_or_default() {
        "" => Holder::Nobody,
        identity => Who::of_identity(identity).map_or(Holder::Stranger, Holder::Process),
    };
    let stamp = spec["renewTime"].as_str().map(str::to_owned);
    let annotations = object["metadata"]["annotations"].as_object().into_iter().flatten();
    let annotations = annotations
        // They name the holder with its random bits.
        .filter(|(name, _)| !matches!(name.as_str(), TASKS | STEP_DOWN))
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?)))
        .map(|(name, value)| match name.as_str() {
            TRANSFER_TO => (name, value.split('_').next().unwrap_or_default().to_owned()),
            _ => (name, value.to_owned()),
        })
        .collect();
    let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
    let labels = labels
        .filter(|(name, _)| LABELS.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    let owners = object["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    let owners = owners.filter_map(|owner| owner["uid"].as_str()).map(str::to_owned).collect();
    LeaseState { holder, stamp, annotations, labels, owners }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
