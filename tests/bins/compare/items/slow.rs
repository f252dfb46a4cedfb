//! Every write takes seconds, and succeeds: an admission webhook never answers and is ignored after its timeout.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::try_join_all;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, DeleteParams, PostParams};
use lease_runtime::clock::{Clock, SystemClock};
use lease_tests::log::now;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::audit;
use crate::cli::Kind;
use crate::crew::{Crew, SIZE};
use crate::error::{Context, Result};
use crate::events::Overlap;
use crate::setup::{NAMESPACE, Setup};

/// How long each write takes.
pub(crate) const DELAYS: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(6),
    Duration::from_secs(8),
];
/// How much later than the delay lease-runtime leads at the latest, in seconds: the process starts and reads before it writes.
pub(crate) const SPARE: f64 = 2.0;
/// A candidate that does not lead by then counts as never leading.
const PATIENCE: Duration = Duration::from_secs(45);
/// How long writes and lost terms are counted.
const HELD: Duration = Duration::from_secs(60);
/// How long the server may take to call a webhook that was just configured.
const CONFIGURED: Duration = Duration::from_secs(30);

/// One lease, whose writes all take equally long.
#[derive(Clone, Debug)]
pub(crate) struct Slow {
    /// Seconds from the start of the first process to its body. Infinite if there was no body.
    pub(crate) acquired: f64,
    /// Bodies that ended although the lease should be held.
    pub(crate) lost: Option<f64>,
    /// Writes per minute by all candidates.
    pub(crate) writes: Option<f64>,
    pub(crate) overlap: Overlap,
}

/// All delays at the same time, in the order of [`DELAYS`].
pub(crate) async fn measure(setup: &Setup, kind: Kind) -> Result<Vec<Slow>> {
    let webhook = Webhook::configure(setup, kind).await?;
    let measured = try_join_all(DELAYS.map(|delay| one(setup, kind, delay))).await;
    webhook.remove().await?;
    measured
}

async fn one(setup: &Setup, kind: Kind, delay: Duration) -> Result<Slow> {
    wait_until_slow(setup, kind, delay).await?;
    let mut crew = Crew::new(setup, &item(delay), kind, 0);
    let began = now();
    crew.launch(None)?;
    let first = crew.wait("the first body", |events| events.bodies.first().cloned());
    let Ok(first) = tokio::time::timeout(PATIENCE, first).await else {
        return Ok(Slow { acquired: f64::INFINITY, lost: None, writes: None, overlap: Overlap::default() });
    };
    let first = first?;
    let (from, until) = (SystemClock.wall(), now() + HELD);
    for _ in 1..SIZE {
        crew.launch(None)?;
    }
    tokio::time::sleep(until.since(now())).await;
    // The audit log contains a request after its answer.
    tokio::time::sleep(delay + Duration::from_secs(2)).await;
    crew.events.read()?;
    let lost = crew.events.bodies.iter().filter(|body| body.stopped.is_some_and(|at| at <= until)).count();
    let writes = match &setup.audit {
        Some(audit) => {
            let ours: BTreeSet<&str> = crew.identities().collect();
            let sent = audit::requests(audit, from, from.plus(HELD))?;
            let verbs = sent.iter().filter(|(user, _)| ours.contains(user.as_str())).flat_map(|(_, verbs)| verbs);
            let writes = verbs.filter(|(verb, _)| matches!(verb.as_str(), "create" | "update" | "patch"));
            Some(writes.map(|(_, &count)| count).sum::<usize>() as f64 / (HELD.as_secs_f64() / 60.0))
        }
        None => None,
    };
    let overlap = crew.events.overlap();
    Ok(Slow { acquired: first.started.since(began).as_secs_f64(), lost: Some(lost as f64), writes, overlap })
}

fn item(delay: Duration) -> String {
    format!("slow-{}s", delay.as_secs())
}

/// The start of the names of the leases whose writes take this long.
fn prefix(kind: Kind, delay: Duration) -> String {
    format!("{}-{}-", item(delay), kind.name())
}

/// Repeats a write that changes nothing until it takes the expected time.
async fn wait_until_slow(setup: &Setup, kind: Kind, delay: Duration) -> Result<()> {
    let leases = Api::<Lease>::namespaced(setup.client.clone(), NAMESPACE);
    let name = format!("{}probe-{}", prefix(kind, delay), setup.run);
    let lease: Lease = serde_json::from_value(json!({ "metadata": { "name": name } }))?;
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let until = now() + CONFIGURED;
    loop {
        let began = now();
        leases.create(&params, &lease).await.context(|| format!("cannot try to create the lease {name}"))?;
        if now().since(began) >= delay {
            return Ok(());
        }
        if now() >= until {
            return Err("writes are not slow: the API server does not call a webhook on this machine's 127.0.0.1, \
                        run me with the server of tests/kube-apiserver/run"
                .into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Accepts connections and sends nothing, so that the server waits for the timeout in a TLS handshake.
struct Webhook {
    silence: JoinHandle<()>,
    configurations: Api<ValidatingWebhookConfiguration>,
    name: String,
}

impl Webhook {
    async fn configure(setup: &Setup, kind: Kind) -> Result<Webhook> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("https://{}/", listener.local_addr()?);
        let silence = tokio::spawn(async move {
            let mut connections = Vec::new();
            loop {
                if let Ok((connection, _)) = listener.accept().await {
                    connections.push(connection);
                }
            }
        });
        let name = format!("slow-{}-{}", kind.name(), setup.run);
        let configurations = Api::all(setup.client.clone());
        let webhook = Webhook { silence, configurations, name };
        let webhooks: Vec<Value> = DELAYS.map(|delay| entry(setup, kind, delay, &url)).into();
        let object = serde_json::from_value(json!({ "metadata": { "name": webhook.name }, "webhooks": webhooks }))?;
        webhook
            .configurations
            .create(&PostParams::default(), &object)
            .await
            .context(|| "cannot configure an admission webhook".to_owned())?;
        Ok(webhook)
    }

    async fn remove(self) -> Result<()> {
        self.configurations.delete(&self.name, &DeleteParams::default()).await?;
        Ok(())
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.silence.abort();
    }
}

/// One delay of one kind in this run. Other writes are not slow.
fn entry(setup: &Setup, kind: Kind, delay: Duration, url: &str) -> Value {
    let (prefix, run) = (prefix(kind, delay), &setup.run);
    let named = format!("object.metadata.name.startsWith('{prefix}') && object.metadata.name.endsWith('-{run}')");
    json!({
        "name": format!("{prefix}webhook.example.invalid"),
        "clientConfig": { "url": url },
        "rules": [{
            "apiGroups": ["coordination.k8s.io"], "apiVersions": ["v1"], "resources": ["leases"],
            "operations": ["CREATE", "UPDATE"],
        }],
        "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": NAMESPACE } },
        "matchConditions": [{ "name": "named", "expression": named }],
        "failurePolicy": "Ignore",
        "timeoutSeconds": delay.as_secs(),
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    })
}
