use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use ::metrics::{HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use super::*;
use crate::observer::BodyOutcome;
use lease_protocol::election::{FencingToken, LossReason, StopReason};

/// A recorder whose values can be read. Histograms show how many values they have.
#[derive(Default)]
struct Values {
    counters: Mutex<HashMap<Key, Arc<AtomicU64>>>,
    gauges: Mutex<HashMap<Key, Arc<AtomicU64>>>,
    histograms: Mutex<HashMap<Key, Arc<Recorded>>>,
}

#[derive(Default)]
struct Recorded(AtomicU64);

impl HistogramFn for Recorded {
    fn record(&self, _: f64) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn at<T: Default>(values: &Mutex<HashMap<Key, Arc<T>>>, key: &Key) -> Arc<T> {
    Arc::clone(values.lock().unwrap().entry(key.clone()).or_default())
}

impl Recorder for Values {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(at(&self.counters, key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(at(&self.gauges, key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(at(&self.histograms, key))
    }
}

/// An observer with its recorder.
struct Observed {
    observer: MetricsObserver,
    values: Values,
}

impl Observed {
    fn new(observer: MetricsObserver) -> Observed {
        Observed { observer, values: Values::default() }
    }

    fn tell(&self, events: impl IntoIterator<Item = LeaseEvent>) {
        ::metrics::with_local_recorder(&self.values, || {
            events.into_iter().for_each(|event| self.observer.observe(&event));
        });
    }

    fn all(&self) -> BTreeMap<String, f64> {
        let mut all = BTreeMap::new();
        for (key, value) in &*self.values.counters.lock().unwrap() {
            all.insert(shown(key), value.load(Ordering::Relaxed) as f64);
        }
        for (key, value) in &*self.values.gauges.lock().unwrap() {
            all.insert(shown(key), f64::from_bits(value.load(Ordering::Relaxed)));
        }
        for (key, values) in &*self.values.histograms.lock().unwrap() {
            all.insert(shown(key), values.0.load(Ordering::Relaxed) as f64);
        }
        all
    }

    fn at(&self, metric: &str) -> Option<f64> {
        self.all().get(metric).copied()
    }
}

fn shown(key: &Key) -> String {
    let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
    format!("{}{{{}}}", key.name(), labels.join(","))
}

fn ledger() -> LeaseId {
    LeaseId::new("jobs", "ledger")
}

fn task() -> Arc<str> {
    "sync".into()
}

fn began(lease: LeaseId) -> LeaseEvent {
    LeaseEvent::TermBegan { lease, token: FencingToken::new(7), taken: Taken::RanOut, vacancy: Duration::from_secs(2) }
}

fn ended(lease: LeaseId) -> LeaseEvent {
    LeaseEvent::TermEnded { lease, token: FencingToken::new(7) }
}

fn cancelled(reason: StopReason) -> LeaseEvent {
    LeaseEvent::TermCancelled { lease: ledger(), token: FencingToken::new(7), reason }
}

fn run_began() -> LeaseEvent {
    LeaseEvent::RunBegan { lease: ledger(), task: task(), lateness: Some(Duration::from_secs(1)) }
}

fn run_ended() -> LeaseEvent {
    LeaseEvent::RunEnded { lease: ledger(), task: task(), outcome: BodyOutcome::Done, duration: Duration::ZERO }
}

fn renewal(margin: u64) -> LeaseEvent {
    let (duration, margin) = (Duration::from_millis(20), Duration::from_secs(margin));
    LeaseEvent::RenewalEnded { lease: ledger(), result: RenewalResult::Ok, duration, margin }
}

fn ticks(done: u64, next: Option<i64>) -> LeaseEvent {
    let mut added = TickCounts::default();
    added.done = done;
    let at = |second| Timestamp::from_second(second).unwrap();
    let last_done = (done > 0).then(|| at(100));
    LeaseEvent::TicksRecorded { lease: ledger(), task: task(), added, last_done, next: next.map(at) }
}

/// Events after which every metric has a value.
fn everything() -> Vec<LeaseEvent> {
    vec![
        LeaseEvent::Added { lease: ledger() },
        began(ledger()),
        renewal(11),
        LeaseEvent::SlowPath { lease: ledger() },
        run_began(),
        ticks(1, Some(200)),
        run_ended(),
        LeaseEvent::Overrun { lease: ledger(), task: task() },
        LeaseEvent::Exhausted { lease: ledger(), task: task() },
        LeaseEvent::ElectorTurned { lag: Duration::from_millis(3) },
        LeaseEvent::ClockAhead { lease: ledger(), by: Duration::from_secs(4) },
        LeaseEvent::Dropped { events: 5 },
        cancelled(StopReason::Lost(LossReason::TakenBy("secret-holder".into()))),
    ]
}

#[test]
fn gauges_and_counters_begin_at_zero() {
    let observed = Observed::new(MetricsObserver::new());
    observed.tell([LeaseEvent::Added { lease: ledger() }]);
    assert_eq!(observed.at("leader_election_master_status{name=jobs/ledger}"), Some(0.0));
    assert_eq!(observed.at("lease_runtime_leases{lease=jobs/ledger}"), Some(1.0));
    for how in ["created", "released", "ran_out", "proven_dead"] {
        assert_eq!(observed.at(&format!("lease_runtime_terms_total{{lease=jobs/ledger,how={how}}}")), Some(0.0));
    }
    observed.tell([run_began()]);
    for name in ["overruns", "exhausted"] {
        assert_eq!(observed.at(&format!("lease_runtime_{name}_total{{lease=jobs/ledger,task=sync}}")), Some(0.0));
    }
}

#[test]
fn a_term_is_a_gauge_that_goes_up_and_down_and_has_a_reason_without_the_holder() {
    let observed = Observed::new(MetricsObserver::new());
    observed.tell(everything());
    assert_eq!(observed.at("leader_election_master_status{name=jobs/ledger}"), Some(1.0));
    assert_eq!(observed.at("lease_runtime_terms_total{lease=jobs/ledger,how=ran_out}"), Some(1.0));
    assert_eq!(observed.at("lease_runtime_terms_ended_total{lease=jobs/ledger,reason=taken_by}"), Some(1.0));
    observed.tell([ended(ledger()), ended(ledger())]);
    assert_eq!(observed.at("leader_election_master_status{name=jobs/ledger}"), Some(0.0));
    assert!(!format!("{:?}", observed.all()).contains("holder"), "{:?}", observed.all());
    observed.tell([LeaseEvent::Removed { lease: ledger() }, LeaseEvent::Removed { lease: ledger() }]);
    assert_eq!(observed.at("lease_runtime_leases{lease=jobs/ledger}"), Some(0.0));
}

#[test]
fn the_margin_is_the_smallest_of_the_term() {
    let observed = Observed::new(MetricsObserver::new());
    let margin = || observed.at("lease_runtime_hard_stop_margin_seconds{lease=jobs/ledger}");
    observed.tell([began(ledger()), renewal(7), renewal(4), renewal(6)]);
    assert_eq!(margin(), Some(4.0));
    observed.tell([ended(ledger()), began(ledger()), renewal(7)]);
    assert_eq!(margin(), Some(7.0));
    assert_eq!(observed.at("lease_runtime_renewals_total{lease=jobs/ledger,result=ok}"), Some(4.0));
}

#[test]
fn only_the_leader_says_when_a_tick_is_due() {
    let observed = Observed::new(MetricsObserver::new());
    let next = || observed.at("lease_runtime_tick_next_timestamp_seconds{lease=jobs/ledger,task=sync}").unwrap();
    observed.tell([began(ledger()), ticks(1, Some(200))]);
    assert_eq!(next(), 200.0);
    observed.tell([ticks(1, None)]);
    assert!(next().is_nan());
    observed.tell([ticks(0, Some(300)), ended(ledger())]);
    assert!(next().is_nan());
    assert_eq!(observed.at("lease_runtime_ticks_total{lease=jobs/ledger,task=sync,outcome=done}"), Some(2.0));
    assert_eq!(observed.at("lease_runtime_ticks_total{lease=jobs/ledger,task=sync,outcome=failed}"), Some(0.0));
    let last = "lease_runtime_tick_last_success_timestamp_seconds{lease=jobs/ledger,task=sync}";
    assert_eq!(observed.at(last), Some(100.0));
}

#[test]
fn a_dropped_event_leaves_no_gauge_behind() {
    let observed = Observed::new(MetricsObserver::new());
    let running = || observed.at("lease_runtime_task_running{lease=jobs/ledger,task=sync}");
    observed.tell([began(ledger()), run_began(), run_began(), run_ended()]);
    assert_eq!(running(), Some(1.0));
    // The end of the second run was dropped.
    observed.tell([ended(ledger()), began(ledger())]);
    assert_eq!(running(), Some(0.0));
    // The beginning of this run was dropped.
    observed.tell([run_ended()]);
    assert_eq!(running(), Some(0.0));
    // The end of the first term was dropped.
    observed.tell([began(ledger())]);
    assert_eq!(observed.at("leader_election_master_status{name=jobs/ledger}"), Some(1.0));
}

#[test]
fn leases_with_one_label_are_summed() {
    let observed = Observed::new(MetricsObserver::labelled(|_| "shards".to_owned()));
    let shards = [1, 2, 3].map(|shard| LeaseId::new("jobs", format!("shard-{shard}")));
    observed.tell(shards.clone().map(|lease| LeaseEvent::Added { lease }));
    observed.tell(shards.clone().map(began));
    assert_eq!(observed.at("leader_election_master_status{name=shards}"), Some(3.0));
    assert_eq!(observed.at("lease_runtime_leases{lease=shards}"), Some(3.0));
    observed.tell([ended(shards[1].clone())]);
    assert_eq!(observed.at("leader_election_master_status{name=shards}"), Some(2.0));
    let ahead = |shard: usize, by| LeaseEvent::ClockAhead { lease: shards[shard].clone(), by: Duration::from_secs(by) };
    observed.tell([ahead(0, 4), ahead(1, 5), ahead(1, 0)]);
    assert_eq!(observed.at("lease_runtime_clock_ahead_seconds{}"), Some(4.0));
}

#[test]
fn every_metric_has_the_labels_of_the_table() {
    let observed = Observed::new(MetricsObserver::new());
    observed.tell(everything());
    let seen: BTreeSet<String> = observed
        .all()
        .into_keys()
        .map(|shown| {
            let (name, labels) = shown.strip_suffix('}').and_then(|shown| shown.split_once('{')).unwrap();
            let keys = labels.split(',').filter_map(|label| label.split_once('=')).map(|(key, _)| key);
            format!("{name} {}", keys.collect::<Vec<_>>().join(" "))
        })
        .collect();
    let table = names::ALL.iter().map(|metric| format!("{} {}", metric.name, metric.labels.join(" ")));
    assert_eq!(seen, table.collect());
}

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_page_has_a_row_for_each_metric_and_no_other() {
    let kind = |metric: &Metric| format!("{:?}", metric.kind).to_lowercase();
    let labels =
        |metric: &Metric| metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
    let row = |metric: &Metric| format!("| `{}` | {} | {} |", metric.name, kind(metric), labels(metric));
    let wanted: BTreeSet<String> = names::ALL.iter().map(row).collect();
    let page = file("docs/metrics.md");
    let rows = page.lines().filter(|line| line.starts_with("| `le") && line.contains("_")).map(|line| {
        let columns: Vec<_> = line.split('|').map(str::trim).collect();
        format!("| {} | {} | {} |", columns[1], columns[2], columns[3])
    });
    assert_eq!(rows.collect::<BTreeSet<_>>(), wanted);
}

/// The words of a file that look like a metric of ours.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("lease_runtime_") || word.starts_with("leader_election_")).collect()
}

#[test]
fn rules_dashboard_and_example_use_metrics_that_exist() {
    let mut known: BTreeSet<String> = names::ALL.iter().map(|metric| metric.name.to_owned()).collect();
    for metric in names::ALL.iter().filter(|metric| metric.kind == MetricKind::Histogram) {
        known.extend(["bucket", "sum", "count"].map(|part| format!("{}_{part}", metric.name)));
    }
    for path in
        ["deploy/prometheus/rules.yaml", "tests/prometheus/rules.test.yaml", "deploy/grafana/lease-runtime.json"]
    {
        let text = file(path);
        let used = metrics_in(&text);
        let unknown: Vec<_> = used.iter().filter(|word| !known.contains(**word)).collect();
        assert!(unknown.is_empty(), "{path}: {unknown:?}");
        assert!(used.len() >= 4, "{path}: {used:?}");
    }
    // The registry of the example adds `_total` to counters.
    let text = file("examples/metrics.rs");
    let is_known = |word: &&str| known.contains(*word) || known.contains(&format!("{word}_total"));
    let words = metrics_in(&text);
    let unknown: Vec<_> = words.iter().filter(|word| !is_known(word)).collect();
    assert_eq!(unknown, [&"lease_runtime_"; 0]);
}

/// The page explains each alert under a heading of its name, to which the alert links.
#[test]
fn each_alert_has_an_entry_in_the_page() {
    let (rules, page) = (file("deploy/prometheus/rules.yaml"), file("docs/metrics.md"));
    let alerts: BTreeSet<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let entries: BTreeSet<_> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert_eq!(alerts, entries);
    for alert in alerts {
        assert!(rules.contains(&format!("docs/metrics.md#{}\n", alert.to_lowercase())), "{alert}");
    }
}
