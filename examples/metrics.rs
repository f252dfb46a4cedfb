//! Metrics by prometheus-client, and probes, on a port of the program.
//!
//! In two terminals or more, each replica with a port of its own:
//!
//! ```sh
//! cargo run --example local_api -- /tmp/lease.kubeconfig
//! KUBECONFIG=/tmp/lease.kubeconfig cargo run --example metrics -- 127.0.0.1:9101
//! curl http://127.0.0.1:9101/metrics    # also /livez and /readyz
//! ```
//!
//! [`Adapter`] is all that is needed for another metrics library. For the `metrics` facade, `lease_runtime::MetricsObserver` does the
//! same. `docs/metrics.md` says what the metrics mean, and has alerts and a dashboard.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use lease_runtime::jiff::Timestamp;
use lease_runtime::{Candidate, LeaseEvent, LeaseId, Observer, Term, Tick, leader_only, shutdown_signal};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};

type Labels = Vec<(&'static str, String)>;

// The registry adds `_total` to the names of counters.
const COUNTERS: [(&str, &str); 7] = [
    ("leader_election_slowpath", "How often the holder had to read the Lease before it could write again"),
    ("lease_runtime_terms", "Terms that began here"),
    ("lease_runtime_terms_ended", "Terms whose bodies were asked to end"),
    ("lease_runtime_renewals", "Writes of the holder"),
    ("lease_runtime_task_runs", "Runs of the body"),
    ("lease_runtime_overruns", "How often a body did not yield although its time was up"),
    ("lease_runtime_ticks", "Ticks that this process recorded"),
];
const GAUGES: [(&str, &str); 5] = [
    ("leader_election_master_status", "1 while this process leads"),
    ("lease_runtime_leases", "1 while this process has tasks for the lease"),
    ("lease_runtime_hard_stop_margin_seconds", "How long before the hard stop the last write ended"),
    ("lease_runtime_tick_last_success_timestamp_seconds", "When the last tick that is done was recorded"),
    (NEXT, "When the next tick is due. NaN if no tick is planned"),
];
const NEXT: &str = "lease_runtime_tick_next_timestamp_seconds";

/// Turns events into metrics of prometheus-client.
struct Adapter {
    counters: HashMap<&'static str, Family<Labels, Counter>>,
    gauges: HashMap<&'static str, Family<Labels, Gauge<f64, AtomicU64>>>,
    /// The tasks whose next tick is shown.
    planned: Mutex<HashSet<Labels>>,
}

impl Adapter {
    fn new(registry: &mut Registry) -> Adapter {
        let mut adapter = Adapter { counters: HashMap::new(), gauges: HashMap::new(), planned: Mutex::default() };
        for (name, help) in COUNTERS {
            registry.register(name, help, adapter.counters.entry(name).or_default().clone());
        }
        for (name, help) in GAUGES {
            registry.register(name, help, adapter.gauges.entry(name).or_default().clone());
        }
        adapter
    }

    fn count(&self, name: &str, labels: Labels, by: u64) {
        self.counters[name].get_or_create(&labels).inc_by(by);
    }

    fn set(&self, name: &str, labels: Labels, value: f64) {
        self.gauges[name].get_or_create(&labels).set(value);
    }

    fn planned(&self) -> MutexGuard<'_, HashSet<Labels>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of(lease: &LeaseId) -> Labels {
    vec![("lease", lease.to_string())]
}

fn of_task(lease: &LeaseId, task: &str) -> Labels {
    vec![("lease", lease.to_string()), ("task", task.to_owned())]
}

fn with(mut labels: Labels, key: &'static str, value: &str) -> Labels {
    labels.push((key, value.to_owned()));
    labels
}

impl Observer for Adapter {
    fn observe(&self, event: &LeaseEvent) {
        let leads = |lease: &LeaseId, value| {
            self.set("leader_election_master_status", vec![("name", lease.to_string())], value);
        };
        match event {
            LeaseEvent::Added { lease, .. } => {
                self.set("lease_runtime_leases", of(lease), 1.0);
                leads(lease, 0.0);
                for how in ["created", "released", "ran_out"] {
                    self.count("lease_runtime_terms", with(of(lease), "how", how), 0);
                }
            }
            LeaseEvent::Removed { lease, .. } => self.set("lease_runtime_leases", of(lease), 0.0),
            LeaseEvent::TermBegan { lease, taken, .. } => {
                leads(lease, 1.0);
                self.count("lease_runtime_terms", with(of(lease), "how", taken.as_str()), 1);
            }
            LeaseEvent::TermCancelled { lease, reason, .. } => {
                self.count("lease_runtime_terms_ended", with(of(lease), "reason", reason.as_str()), 1);
            }
            LeaseEvent::TermEnded { lease, .. } => {
                leads(lease, 0.0);
                // Only the leader says when a tick is due.
                self.planned().retain(|labels| {
                    let ends = labels[..1] == of(lease);
                    if ends {
                        self.gauges[NEXT].remove(labels);
                    }
                    !ends
                });
            }
            LeaseEvent::RenewalEnded { lease, result, margin, .. } => {
                self.count("lease_runtime_renewals", with(of(lease), "result", result.as_str()), 1);
                self.set("lease_runtime_hard_stop_margin_seconds", of(lease), margin.as_secs_f64());
            }
            LeaseEvent::SlowPath { lease, .. } => {
                self.count("leader_election_slowpath", vec![("name", lease.to_string())], 1);
            }
            LeaseEvent::RunBegan { lease, task, .. } => self.count("lease_runtime_overruns", of_task(lease, task), 0),
            LeaseEvent::RunEnded { lease, task, outcome, .. } => {
                self.count("lease_runtime_task_runs", with(of_task(lease, task), "outcome", outcome.as_str()), 1);
            }
            LeaseEvent::Overrun { lease, task, .. } => self.count("lease_runtime_overruns", of_task(lease, task), 1),
            LeaseEvent::TicksRecorded { lease, task, added, last_done, next, .. } => {
                for (outcome, count) in added.by_name() {
                    self.count("lease_runtime_ticks", with(of_task(lease, task), "outcome", outcome), count);
                }
                let unix = |time: Timestamp| time.as_millisecond() as f64 / 1000.0;
                if let Some(done) = last_done {
                    let name = "lease_runtime_tick_last_success_timestamp_seconds";
                    self.set(name, of_task(lease, task), unix(*done));
                }
                let next = next.map_or(f64::NAN, unix);
                self.set(NEXT, of_task(lease, task), next);
                self.planned().insert(of_task(lease, task));
            }
            _ => {}
        }
    }
}

/// Serves metrics and probes until the process ends.
async fn serve(listener: TcpListener, candidate: Candidate, registry: Arc<Registry>) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => drop(tokio::spawn(answer_all(socket, candidate.clone(), Arc::clone(&registry)))),
            // Most likely too many files are open. Another attempt at once would fail as well.
            Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
}

async fn answer_all(socket: TcpStream, candidate: Candidate, registry: Arc<Registry>) {
    let answer = service_fn(|request: Request<Incoming>| {
        let response = answer(request.uri().path(), &candidate, &registry);
        async { Ok::<_, Infallible>(response) }
    });
    // An error means that the peer disconnected.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), answer).await;
}

fn answer(path: &str, candidate: &Candidate, registry: &Registry) -> Response<String> {
    let (status, text) = match path {
        "/metrics" => {
            let mut text = String::new();
            match encode(&mut text, registry) {
                Ok(()) => (200, text),
                Err(error) => (500, error.to_string()),
            }
        }
        // A restart helps if this is false. A follower, and a process that does not reach the API server, are alive.
        "/livez" => probe(candidate.health().is_alive()),
        // A follower is ready: if readiness depended on leadership, a rollout would wait forever.
        "/readyz" => probe(candidate.health().running),
        _ => (404, String::new()),
    };
    let mut response = Response::new(text);
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static(kind));
    response
}

fn probe(is_well: bool) -> (u16, String) {
    if is_well { (200, "ok\n".to_owned()) } else { (503, "not ok\n".to_owned()) }
}

#[leader_only(lease = "orders")]
async fn process_orders(term: Term) {
    term.cancelled().await;
}

#[leader_only(lease = "orders", every = "10s")]
async fn report(tick: Tick) {
    tracing::info!(tick = %tick.nominal(), "reported");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_env_filter("info,kube_client=off").init();
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9101".to_owned());
    let remedy = "name another address as the argument, or end the program that uses this one";
    let listener = TcpListener::bind(&address);
    let listener = listener.await.map_err(|error| format!("cannot listen on {address}, {error}: {remedy}"))?;
    let mut registry = Registry::default();
    let adapter = Adapter::new(&mut registry);
    let candidate = Candidate::builder().observer(adapter).build().await?;
    candidate.add(process_orders());
    candidate.add(report());
    tokio::spawn(serve(listener, candidate.clone(), Arc::new(registry)));
    candidate.run_until(shutdown_signal()).await?;
    Ok(())
}
