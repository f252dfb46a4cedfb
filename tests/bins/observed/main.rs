//! Measures what an observer costs: the processor time of processes that hold many leases, with and without metrics.
//!
//! `cargo run --release --bin observed -- [LEASES [WINDOWS]]`
//!
//! Four processes run at the same time, two with the observer of the feature `metrics` and two without an observer, so that all of
//! them see the same machine. Each holds all its leases on one embedded API server, which is a process of its own, in a namespace of
//! its own, so that it watches no leases of others. In windows of ten seconds, the processor time of each is compared. Nothing is
//! asserted, because the result depends on the machine.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use lease_runtime::embedded::EmbeddedApi;
use lease_runtime::{Candidate, LeaderTask, LeaseSpec, MetricsObserver, Term};
use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use tokio::sync::mpsc;

const WINDOW: Duration = Duration::from_secs(10);
const KINDS: [&str; 4] = ["plain", "observed", "observed", "plain"];

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: usize| {
        arguments.get(at).map_or(default, |text| text.parse().expect("usage: observed [LEASES [WINDOWS]]"))
    };
    match arguments.first().map(String::as_str) {
        Some("serve") => serve().await,
        Some("replica") => replica(&arguments[1], &arguments[2], &arguments[3], number(4, 0)).await,
        _ => compare(number(0, 1000), number(1, 12)).await,
    }
}

async fn compare(leases: usize, windows: usize) {
    let server = Process::start(&["serve"]);
    let leases_text = leases.to_string();
    let start = |(number, kind): (usize, &&str)| {
        Process::start(&["replica", kind, &server.said, &name(number, kind), &leases_text])
    };
    let replicas: Vec<Process> = KINDS.iter().enumerate().map(start).collect();
    // Renewals have begun and are spread.
    tokio::time::sleep(2 * WINDOW).await;
    println!("{leases} leases in each process, processor time in {} s: without, with", WINDOW.as_secs());
    let mut sums = [0.0; 2];
    for window in 1..=windows {
        let before: Vec<f64> = replicas.iter().map(Process::processor_seconds).collect();
        tokio::time::sleep(WINDOW).await;
        let mut used = [0.0; 2];
        for ((replica, before), kind) in replicas.iter().zip(before).zip(KINDS) {
            used[usize::from(kind == "observed")] += (replica.processor_seconds() - before) / 2.0;
        }
        println!("{window:3}: {:.3} s  {:.3} s  {:+.1} %", used[0], used[1], percent(used));
        sums = [sums[0] + used[0], sums[1] + used[1]];
    }
    println!("all: {:.3} s  {:.3} s  {:+.1} %", sums[0], sums[1], percent(sums));
}

/// The name of a replica and of its namespace.
fn name(number: usize, kind: &str) -> String {
    format!("{kind}-{number}")
}

fn percent([without, with]: [f64; 2]) -> f64 {
    (with / without - 1.0) * 100.0
}

/// Holds the leases, says so on standard output, and runs until standard input ends.
async fn replica(kind: &str, kubeconfig: &str, name: &str, leases: usize) {
    let mut builder = Candidate::builder().kubeconfig(kubeconfig).identity(name).namespace(name);
    if kind == "observed" {
        metrics::set_global_recorder(Values::default()).expect("there is no other recorder");
        builder = builder.observer(MetricsObserver::new());
    }
    let candidate = builder.build().await.expect("no candidate");
    let (held, mut begun) = mpsc::unbounded_channel();
    for number in 0..leases {
        let held = held.clone();
        let body = move |term: Term| {
            let _ = held.send(());
            async move { term.cancelled().await }
        };
        candidate.add(LeaderTask::new("observed", LeaseSpec::unnamed(), body).lease(format!("{name}-{number}")));
    }
    let report = async move {
        for _ in 0..leases {
            begun.recv().await;
        }
        say("holds all leases");
        end_of_input().await;
    };
    candidate.run_until(report).await.expect("the candidate failed");
}

async fn serve() {
    let api = EmbeddedApi::new();
    for (number, kind) in KINDS.iter().enumerate() {
        api.create_namespace(&name(number, kind));
    }
    let server = api.serve(([127, 0, 0, 1], 0)).await.expect("no server");
    let file = std::env::temp_dir().join(format!("observed-{}", std::process::id()));
    fs::write(&file, server.kubeconfig()).expect("no file");
    say(&file.display().to_string());
    end_of_input().await;
    let _ = fs::remove_file(file);
    server.stop().await;
}

fn say(line: &str) {
    println!("{line}");
    std::io::stdout().flush().expect("no output");
}

async fn end_of_input() {
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
}

/// A process of this program. It ends with its standard input.
struct Process {
    child: Child,
    /// The first line that it wrote.
    said: String,
}

impl Process {
    fn start(arguments: &[&str]) -> Process {
        let program = std::env::current_exe().expect("no program");
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("no process");
        let mut said = String::new();
        let output = child.stdout.take().expect("no output");
        BufReader::new(output).read_line(&mut said).expect("no line");
        Process { child, said: said.trim().to_owned() }
    }

    /// What all its threads have used. The kernel counts in nanoseconds.
    fn processor_seconds(&self) -> f64 {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("no /proc");
        let nanos = threads.filter_map(|thread| {
            let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        nanos.sum::<u64>() as f64 / 1e9
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Stores values as exporters do: in atomics, found by name and labels. Nothing is exported.
#[derive(Default)]
struct Values {
    numbers: RwLock<HashMap<Key, Arc<AtomicU64>>>,
    histograms: RwLock<HashMap<Key, Arc<Recorded>>>,
}

#[derive(Default)]
struct Recorded {
    count: AtomicU64,
    micros: AtomicU64,
}

impl HistogramFn for Recorded {
    fn record(&self, value: f64) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add((value * 1e6) as u64, Ordering::Relaxed);
    }
}

fn at<T: Default>(values: &RwLock<HashMap<Key, Arc<T>>>, key: &Key) -> Arc<T> {
    if let Some(known) = values.read().unwrap_or_else(PoisonError::into_inner).get(key) {
        return Arc::clone(known);
    }
    Arc::clone(values.write().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default())
}

impl Recorder for Values {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(at(&self.numbers, key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(at(&self.numbers, key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(at(&self.histograms, key))
    }
}
