//! An operator: the controller of kube-runtime over ConfigMaps, on one replica at a time.
//!
//! ```sh
//! cargo run --example operator -- --kubeconfig FILE     # needs a cluster: it writes ConfigMaps into the namespace of the context
//! ```
//!
//! Every replica watches the ConfigMaps, so that its store is full before it leads. Only the leader reconciles: it counts the words of
//! a ConfigMap and writes the number into an annotation. The ConfigMaps of the operator are in one of three parts. The first has
//! a task with a lease of its own. The others are shards: one annotated function, with one lease for each shard.
//!
//! The program starts two replicas, creates ConfigMaps, stops the replica that leads first, changes the ConfigMaps, and removes them.
//! It ends by itself in under a minute. It prints a table, and fails if two replicas reconciled one part at the same time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, Config, ResourceExt};
use lease_examples::harness::{End, Entry, Harness, Outcome, WorkLog, overlaps, print_table};
use lease_runtime::clock::{Clock, SystemClock};
use lease_runtime::{Candidate, Lost, ReconcileError, Term, leader_only, shutdown_signal};
use serde_json::{Value, json};
use tokio::sync::broadcast;

const SHARDS: usize = 2;
/// The label that says which part an object is in.
const PART: &str = "operator.example.com/part";
const WORDS: &str = "operator.example.com/words";
const TOKEN: &str = "operator.example.com/fencing-token";

/// Reconciles the objects of the first part.
#[leader_only(lease = "operator", lease_duration = "6s", grace = "2s")]
async fn operate(term: Term, part: Part, log: WorkLog) {
    control(term, part, log).await;
}

/// Reconciles the objects of one shard. Each shard has a lease, so several replicas can share the work.
#[leader_only(lease = "operator-shard-{shard}", lease_duration = "6s", grace = "2s")]
async fn operate_shard(term: Term, shard: usize, part: Part, log: WorkLog) {
    tracing::debug!(shard, "reconciling a shard");
    control(term, part, log).await;
}

/// The controller of one term. It starts with a full store, and with all objects: they may have changed while nobody led.
async fn control(term: Term, part: Part, log: WorkLog) {
    log.note(&term, "started");
    let context = Arc::new(Context { term: term.clone(), api: part.api.clone(), log: log.clone() });
    Controller::for_stream(part.changes(), part.store.clone())
        .reconcile_all_on(stream::iter([()]))
        // Asked to end: start no more reconciles, wait for those that are running.
        .graceful_shutdown_on(term.cancelled_owned())
        // The controller spawns each reconcile. So each is guarded by itself.
        .run(term.reconciler(reconcile), error_policy, context)
        .for_each(|_| async {})
        .await;
    log.note(&term, "ended");
}

/// What a reconcile gets from the controller.
struct Context {
    term: Term,
    api: Api<ConfigMap>,
    log: WorkLog,
}

/// Why a reconcile fails.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Lost(#[from] Lost),
    #[error(transparent)]
    Kube(#[from] kube::Error),
}

/// Writes the number of words of an object into its annotation.
async fn reconcile(object: Arc<ConfigMap>, context: Arc<Context>) -> Result<Action, Failure> {
    let Context { term, api, log } = &*context;
    let texts = object.data.iter().flat_map(|data| data.values());
    let words = texts.map(|text| text.split_whitespace().count()).sum::<usize>().to_string();
    if object.annotations().get(WORDS) != Some(&words) {
        log.note(term, &format!("counted {words} in {}", object.name_any()));
        // The last check before the effect: the process may have been paused.
        term.check()?;
        let annotations = json!({ WORDS: words, TOKEN: term.fencing_token().to_string() });
        // With the version that was counted. A write that arrives late, after another replica wrote, is refused.
        let version = object.resource_version();
        let patch = json!({ "metadata": { "annotations": annotations, "resourceVersion": version } });
        api.patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await?;
    }
    // A change that the watch has missed is found then.
    Ok(Action::requeue(Duration::from_secs(300)))
}

fn error_policy(object: Arc<ConfigMap>, error: &ReconcileError<Failure>, _: Arc<Context>) -> Action {
    match error {
        // Another replica reconciles it.
        ReconcileError::Failed(Failure::Lost(_)) => Action::await_change(),
        // It changed meanwhile.
        ReconcileError::Failed(Failure::Kube(kube::Error::Api(status))) if status.code == 409 => Action::await_change(),
        error => {
            tracing::warn!(object = object.name_any(), %error, "reconcile failed");
            Action::requeue(Duration::from_secs(1))
        }
    }
}

/// The objects of one part, which every replica watches.
#[derive(Clone)]
struct Part {
    api: Api<ConfigMap>,
    store: Store<ConfigMap>,
    changes: broadcast::Sender<ConfigMap>,
}

impl Part {
    /// Begins to watch. This goes on whether this replica leads or not.
    fn watch(client: Client, part: &str) -> Part {
        let api = Api::<ConfigMap>::default_namespaced(client);
        let (store, writer) = reflector::store();
        let (changes, _) = broadcast::channel(1024);
        let selected = watcher::Config::default().labels(&format!("{PART}={part}"));
        let objects = watcher(api.clone(), selected).default_backoff().reflect(writer).applied_objects();
        let sender = changes.clone();
        tokio::spawn(objects.for_each(move |object| {
            match object {
                // Nobody receives it while another replica leads.
                Ok(object) => drop(sender.send(object)),
                Err(error) => tracing::warn!(%error, "the watch broke off and begins again"),
            }
            std::future::ready(())
        }));
        Part { api, store, changes }
    }

    /// The changes from now on.
    fn changes(&self) -> impl Stream<Item = Result<ConfigMap, watcher::Error>> + use<> {
        stream::unfold(self.changes.subscribe(), |mut changes| async move {
            loop {
                match changes.recv().await {
                    Ok(object) => return Some((Ok(object), changes)),
                    // The requeue finds what was missed.
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        })
    }

    /// Resolves when the store is full. Until then, this replica does not take part in the election.
    fn filled(&self) -> impl Future<Output = ()> + Send + use<> {
        let store = self.store.clone();
        async move { drop(store.wait_until_ready().await) }
    }
}

/// One replica.
async fn replica(log: WorkLog) -> Outcome<()> {
    let client = Client::try_default().await?;
    let candidate = Candidate::from_env().await?;
    let part = Part::watch(client.clone(), "first");
    let filled = part.filled();
    candidate.add(operate(part, log.clone()).warm_up(filled));
    for shard in 0..SHARDS {
        let part = Part::watch(client.clone(), &format!("shard-{shard}"));
        let filled = part.filled();
        candidate.add(operate_shard(shard, part, log.clone()).warm_up(filled));
    }
    Ok(candidate.run_until(shutdown_signal()).await?)
}

#[tokio::main]
async fn main() -> Outcome<()> {
    if let Some(log) = WorkLog::of_this_replica()? {
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter("warn,kube_client=off").init();
        return replica(log).await;
    }
    let Some(kubeconfig) = std::env::args().nth(2) else {
        return Err("ConfigMaps need a cluster: cargo run --example operator -- --kubeconfig FILE".into());
    };
    let mut harness = Harness::open("operator").await?;
    let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
    let objects = Objects(Api::default_namespaced(Client::try_from(config)?));
    objects.remove().await?;
    let mut table = Vec::new();

    harness.start("replica-1")?;
    let leases = 1 + SHARDS;
    harness.wait("all leases of replica-1", |log| (leaders(log).len() == leases).then_some(())).await?;
    harness.start("replica-2")?;
    objects.write("one two three").await?;
    table.push(counted(&mut harness, "created under replica-1", "3", "replica-1").await?);

    // A change that nobody counts at once: the replica that leads is stopped first.
    let (at, gone) = harness.end("replica-1", End::Sigterm)?;
    harness.say(at, "SIGTERM to replica-1");
    objects.write("one two three four").await?;
    gone.await?;
    table.push(counted(&mut harness, "changed during the handover", "4", "").await?);
    objects.write("one two three four five").await?;
    table.push(counted(&mut harness, "changed under replica-2", "5", "replica-2").await?);
    objects.settled("5").await?;
    harness.close().await?;
    objects.remove().await?;

    print_table(&["step", "objects", "by"], &table);
    let (terms, overlaps) = overlaps(harness.log()?);
    println!("{terms} terms");
    println!("overlaps: {overlaps}");
    if overlaps == 0 { Ok(()) } else { Err("two replicas reconciled one part at the same time".into()) }
}

/// The leases that a replica has begun to lead.
fn leaders(log: &[Entry]) -> BTreeSet<&str> {
    log.iter().filter(|entry| entry.what == "started").map(|entry| entry.lease.as_str()).collect()
}

/// Waits until this number of words was counted in each object. Returns a row for the table.
async fn counted(harness: &mut Harness, step: &str, words: &str, by: &str) -> Outcome<Vec<String>> {
    let counted = format!("counted {words} in ");
    let look = |log: &[Entry]| {
        let entries = || log.iter().filter(|entry| entry.what.starts_with(&counted));
        let objects: BTreeSet<&str> = entries().map(|entry| entry.what.as_str()).collect();
        let replicas: BTreeSet<&str> = entries().map(|entry| entry.replica.as_str()).collect();
        (objects.len() == names().count()).then(|| replicas.into_iter().collect::<Vec<_>>().join(" and "))
    };
    let replicas = harness.wait(step, look).await?;
    if !by.is_empty() && replicas != by {
        return Err(format!("{step}: {replicas} counted, and not {by}").into());
    }
    harness.say(SystemClock.now(), &format!("{step}: {replicas}"));
    Ok(vec![step.to_owned(), names().count().to_string(), replicas])
}

/// The objects of this example, with their parts.
fn names() -> impl Iterator<Item = (String, String)> {
    let parts = std::iter::once("first".to_owned()).chain((0..SHARDS).map(|shard| format!("shard-{shard}")));
    parts.flat_map(|part| (0..3).map(move |number| (format!("{part}-{number}"), part.clone())))
}

/// The objects of this example, as their owner writes them.
struct Objects(Api<ConfigMap>);

impl Objects {
    /// Creates or changes all of them.
    async fn write(&self, text: &str) -> Outcome<()> {
        for (name, part) in names() {
            let metadata = json!({ "name": name, "labels": { PART: part } });
            let object =
                json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "text": text } });
            self.0.patch(&name, &PatchParams::apply("owner").force(), &Patch::Apply::<Value>(object)).await?;
        }
        Ok(())
    }

    /// Waits until this number of words is in each annotation.
    async fn settled(&self, words: &str) -> Outcome<()> {
        let settled = async {
            loop {
                let objects = self.0.list(&ListParams::default().labels(PART)).await?;
                if objects.iter().all(|object| object.annotations().get(WORDS).is_some_and(|found| found == words)) {
                    return Outcome::Ok(());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), settled).await?
    }

    async fn remove(&self) -> Outcome<()> {
        self.0.delete_collection(&DeleteParams::default(), &ListParams::default().labels(PART)).await?;
        Ok(())
    }
}
