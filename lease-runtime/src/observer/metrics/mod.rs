//! The events of a candidate as metrics of the `metrics` facade.

mod names;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use metrics::{Counter, Gauge, Histogram, Label};

use self::names::{Metric, MetricKind};
use super::event::{LeaseEvent, Observer, RenewalResult};
use crate::lease::LeaseId;
use lease_protocol::election::Taken;
use lease_protocol::ticks::TickCounts;

/// An observer that writes metrics to the recorder of the [`metrics`](https://docs.rs/metrics) facade.
///
/// Install a recorder before the candidate is built, and call [`describe`](MetricsObserver::describe) after that. Events before the
/// recorder are lost. `docs/metrics.md` of the repository lists the metrics. No label contains a holder.
///
/// ```
/// # async fn build() -> Result<lease_runtime::Candidate, lease_runtime::Error> {
/// use lease_runtime::{Candidate, MetricsObserver};
///
/// MetricsObserver::describe();
/// Candidate::builder().observer(MetricsObserver::new()).build().await
/// # }
/// ```
pub struct MetricsObserver {
    label: Box<dyn Fn(&LeaseId) -> String + Send + Sync>,
    leases: Mutex<HashMap<LeaseId, LeaseMetrics>>,
}

/// What is remembered of a lease, so that gauges stay right when several leases share a label, or when events were dropped.
struct LeaseMetrics {
    label: Arc<str>,
    has_tasks: bool,
    leads: bool,
    /// The smallest margin of the term.
    margin: Option<Duration>,
    ahead: Duration,
    /// The tasks that were seen, and how many runs of each have not ended.
    running: HashMap<Arc<str>, u32>,
    /// The tasks whose next tick is shown.
    ticking: Vec<Arc<str>>,
}

impl MetricsObserver {
    /// Each lease has a label of its own: `namespace/name`.
    pub fn new() -> MetricsObserver {
        MetricsObserver::labelled(LeaseId::to_string)
    }

    /// The label of each lease is what `label` returns. With the same value for many leases, such as the shards of one service, their
    /// counters and the gauges that count are summed. The other gauges then show the lease that changed last.
    ///
    /// ```
    /// use lease_runtime::MetricsObserver;
    ///
    /// let shards_as_one = MetricsObserver::labelled(|lease| match lease.name().starts_with("shard-") {
    ///     true => "shards".to_owned(),
    ///     false => lease.to_string(),
    /// });
    /// # let _ = shards_as_one;
    /// ```
    pub fn labelled(label: impl Fn(&LeaseId) -> String + Send + Sync + 'static) -> MetricsObserver {
        MetricsObserver { label: Box::new(label), leases: Mutex::default() }
    }

    /// Describes all metrics to the recorder that is installed.
    pub fn describe() {
        for Metric { name, kind, help, .. } in names::ALL {
            match kind {
                MetricKind::Counter => metrics::describe_counter!(*name, *help),
                MetricKind::Gauge => metrics::describe_gauge!(*name, *help),
                MetricKind::Histogram => metrics::describe_histogram!(*name, *help),
            }
        }
    }

    /// Takes an event of a lease.
    fn at(&self, lease: &LeaseId, take: impl FnOnce(&mut LeaseMetrics)) {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = leases.get_mut(lease) {
            return take(known);
        }
        // `label` is code of the user. It runs without the lock.
        drop(leases);
        let label = (self.label)(lease);
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        take(leases.entry(lease.clone()).or_insert_with(|| LeaseMetrics::new(label.into())));
    }

    fn removed(&self, lease: &LeaseId) {
        self.at(lease, LeaseMetrics::removed);
        self.leases.lock().unwrap_or_else(PoisonError::into_inner).remove(lease);
    }

    /// The clock is one, but each lease with ticks says what it sees.
    fn clock_ahead(&self, lease: &LeaseId, by: Duration) {
        self.at(lease, |of| of.ahead = by);
        let leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let most = leases.values().map(|of| of.ahead).max().unwrap_or_default();
        gauge(names::CLOCK_AHEAD, Vec::new()).set(most);
    }
}

impl Observer for MetricsObserver {
    fn observe(&self, event: &LeaseEvent) {
        match event {
            LeaseEvent::Added { lease } => self.at(lease, LeaseMetrics::added),
            LeaseEvent::Removed { lease } => self.removed(lease),
            LeaseEvent::TermBegan { lease, taken, vacancy, .. } => self.at(lease, |of| of.began(*taken, *vacancy)),
            LeaseEvent::TermCancelled { lease, reason, .. } => {
                self.at(lease, |of| counter(names::TERMS_ENDED, of.with([("reason", reason.as_str())])).increment(1));
            }
            LeaseEvent::TermEnded { lease, .. } => self.at(lease, LeaseMetrics::ended),
            LeaseEvent::RenewalEnded { lease, result, duration, margin } => {
                self.at(lease, |of| of.renewal(*result, *duration, *margin));
            }
            LeaseEvent::SlowPath { lease } => self.at(lease, |of| counter(names::SLOWPATH, of.name()).increment(1)),
            LeaseEvent::RunBegan { lease, task, lateness } => self.at(lease, |of| of.run_began(task, *lateness)),
            LeaseEvent::RunEnded { lease, task, outcome, .. } => {
                self.at(lease, |of| of.run_ended(task, outcome.as_str()));
            }
            LeaseEvent::Overrun { lease, task } => {
                self.at(lease, |of| counter(names::OVERRUNS, of.task(task)).increment(1));
            }
            LeaseEvent::Exhausted { lease, task } => {
                self.at(lease, |of| counter(names::EXHAUSTED, of.task(task)).increment(1));
            }
            LeaseEvent::TicksRecorded { lease, task, added, last_done, next } => {
                self.at(lease, |of| of.ticks(task, *added, *last_done, *next));
            }
            LeaseEvent::ElectorTurned { lag } => gauge(names::ELECTOR_LAG, Vec::new()).set(*lag),
            LeaseEvent::ClockAhead { lease, by } => self.clock_ahead(lease, *by),
            LeaseEvent::Dropped { events } => counter(names::DROPPED, Vec::new()).increment(*events),
        }
    }
}

impl LeaseMetrics {
    fn new(label: Arc<str>) -> LeaseMetrics {
        LeaseMetrics {
            label,
            has_tasks: false,
            leads: false,
            margin: None,
            ahead: Duration::ZERO,
            running: HashMap::new(),
            ticking: Vec::new(),
        }
    }

    fn added(&mut self) {
        let by = if std::mem::replace(&mut self.has_tasks, true) { 0.0 } else { 1.0 };
        gauge(names::LEASES, self.with([])).increment(by);
        // What is counted from the start: else the first time is no increase.
        gauge(names::MASTER_STATUS, self.name()).increment(0.0);
        counter(names::SLOWPATH, self.name()).increment(0);
        for how in [Taken::Created, Taken::Released, Taken::Transferred, Taken::RanOut, Taken::ProvenDead] {
            counter(names::TERMS, self.with([("how", how.as_str())])).increment(0);
        }
    }

    fn removed(&mut self) {
        self.ended();
        if std::mem::take(&mut self.has_tasks) {
            gauge(names::LEASES, self.with([])).decrement(1.0);
        }
    }

    fn began(&mut self, taken: Taken, vacancy: Duration) {
        if !std::mem::replace(&mut self.leads, true) {
            gauge(names::MASTER_STATUS, self.name()).increment(1.0);
        }
        self.margin = None;
        counter(names::TERMS, self.with([("how", taken.as_str())])).increment(1);
        histogram(names::VACANCY, self.with([])).record(vacancy);
    }

    /// The bodies are gone. What is still counted as running or planned belongs to an event that was dropped.
    fn ended(&mut self) {
        if std::mem::take(&mut self.leads) {
            gauge(names::MASTER_STATUS, self.name()).decrement(1.0);
        }
        for task in std::mem::take(&mut self.ticking) {
            gauge(names::TICK_NEXT, self.task(&task)).set(f64::NAN);
        }
        for (task, runs) in &self.running {
            gauge(names::TASK_RUNNING, self.task(task)).decrement(f64::from(*runs));
        }
        self.running.values_mut().for_each(|runs| *runs = 0);
    }

    fn renewal(&mut self, result: RenewalResult, duration: Duration, margin: Duration) {
        let smallest = self.margin.map_or(margin, |before| before.min(margin));
        self.margin = Some(smallest);
        counter(names::RENEWALS, self.with([("result", result.as_str())])).increment(1);
        histogram(names::RENEWAL_DURATION, self.with([])).record(duration);
        gauge(names::HARD_STOP_MARGIN, self.with([])).set(smallest);
    }

    fn run_began(&mut self, task: &Arc<str>, lateness: Option<Duration>) {
        let labels = self.task(task);
        let runs = self.running.entry(Arc::clone(task)).or_insert_with(|| {
            counter(names::OVERRUNS, labels.clone()).increment(0);
            counter(names::EXHAUSTED, labels.clone()).increment(0);
            0
        });
        *runs += 1;
        gauge(names::TASK_RUNNING, labels.clone()).increment(1.0);
        if let Some(lateness) = lateness {
            histogram(names::TICK_LATENESS, labels).record(lateness);
        }
    }

    fn run_ended(&mut self, task: &Arc<str>, outcome: &'static str) {
        if let Some(runs) = self.running.get_mut(task).filter(|runs| **runs > 0) {
            *runs -= 1;
            gauge(names::TASK_RUNNING, self.task(task)).decrement(1.0);
        }
        let mut labels = self.task(task);
        labels.push(Label::from_static_parts("outcome", outcome));
        counter(names::TASK_RUNS, labels).increment(1);
    }

    fn ticks(&mut self, task: &Arc<str>, added: TickCounts, last: Option<Timestamp>, next: Option<Timestamp>) {
        for (outcome, count) in added.by_name() {
            let mut labels = self.task(task);
            labels.push(Label::from_static_parts("outcome", outcome));
            counter(names::TICKS, labels).increment(count);
        }
        if let Some(last) = last {
            gauge(names::TICK_LAST_SUCCESS, self.task(task)).set(unix(last));
        }
        gauge(names::TICK_NEXT, self.task(task)).set(next.map_or(f64::NAN, unix));
        if !self.ticking.contains(task) {
            self.ticking.push(Arc::clone(task));
        }
    }

    /// The labels of a metric that client-go has, too.
    fn name(&self) -> Vec<Label> {
        vec![Label::new("name", Arc::clone(&self.label))]
    }

    fn task(&self, task: &Arc<str>) -> Vec<Label> {
        vec![Label::new("lease", Arc::clone(&self.label)), Label::new("task", Arc::clone(task))]
    }

    fn with<const N: usize>(&self, more: [(&'static str, &'static str); N]) -> Vec<Label> {
        let lease = Label::new("lease", Arc::clone(&self.label));
        std::iter::once(lease).chain(more.map(|(key, value)| Label::from_static_parts(key, value))).collect()
    }
}

fn counter(metric: Metric, labels: Vec<Label>) -> Counter {
    metrics::counter!(metric.name, labels)
}

fn gauge(metric: Metric, labels: Vec<Label>) -> Gauge {
    metrics::gauge!(metric.name, labels)
}

fn histogram(metric: Metric, labels: Vec<Label>) -> Histogram {
    metrics::histogram!(metric.name, labels)
}

fn unix(time: Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1000.0
}

impl Default for MetricsObserver {
    fn default() -> MetricsObserver {
        MetricsObserver::new()
    }
}

impl fmt::Debug for MetricsObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsObserver").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
