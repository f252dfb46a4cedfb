//! The program of a Deployment with three replicas: the leader processes orders, the others stand by.
//!
//! In a cluster: see `deployment.d/README.md`. Here, with two terminals or more:
//!
//! ```sh
//! cargo run --example local_api -- /tmp/lease.kubeconfig
//! KUBECONFIG=/tmp/lease.kubeconfig cargo run --example deployment
//! ```
//!
//! One of them prints an order each second. Stop it with Ctrl-C: it finishes its order, releases the lease, and another one
//! continues.
//!
//! What a deployment decides is in variables, such as the beginning of the lease's name, or that there is no election:
//!
//! ```sh
//! LEASE_PREFIX=blue KUBECONFIG=/tmp/lease.kubeconfig cargo run --example deployment # beside those above: another lease
//! LEASE_ELECTION=off cargo run --example deployment                                 # needs no cluster
//! ```
//!
//! `.. --example deployment -- --manifests` prints its Role, its RoleBinding and its disruption budget. `--manifests=patch` prints what
//! its Deployment needs, and `--manifests=flow-schema` prints a FlowSchema. `--manifests=kustomize DIR` writes a component of kustomize
//! into a folder.
//!
//! With `--leader-label`, the leader labels its pod, so that a Service can select it. `--leader-label --admission-policy` prints the
//! policy that limits what it may label.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use lease_runtime::{Candidate, Lost, Manifests, Term, leader_only, shutdown_signal};

/// The source of the orders.
#[derive(Clone)]
struct Orders;

impl Orders {
    async fn next(&self) -> u64 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        fastrand::u64(1000..10_000)
    }

    /// If an order must not be paid twice, the target refuses a token below the highest that it has seen.
    async fn pay(&self, order: u64, fencing_token: u64) {
        tracing::info!(order, fencing_token, "paid");
    }
}

/// Runs only on the leader, and has ended before another replica runs it.
#[leader_only(lease = "orders", lease_duration = "15s", renew_deadline = "10s", retry_period = "2s", grace = "5s")]
async fn process_orders(term: Term, orders: Orders) -> Result<(), Lost> {
    while !term.is_cancelled() {
        let order = orders.next().await;
        // The last check before the effect: the process may have been paused since the order arrived.
        term.check()?;
        orders.pay(order, term.fencing_token().get()).await;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // kube logs each failed request at ERROR. lease-runtime logs a problem once when it begins and once when it ends. The log goes to
    // stderr, because the manifests go to stdout.
    tracing_subscriber::fmt().with_env_filter("info,kube_client=off").with_writer(std::io::stderr).init();
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let labels = arguments.first().is_some_and(|first| first == "--leader-label");
    if labels {
        arguments.remove(0);
    }
    let candidate = Candidate::from_env().await?;
    let task = process_orders(Orders);
    candidate.add(if labels { task.leader_label() } else { task });
    if let Some((which, more)) = arguments.split_first() {
        // One Deployment, one service account and one container, all named `orders`.
        return show(&candidate.manifests("orders").build()?, which, more);
    }
    tracing::info!(identity = candidate.identity(), elects = candidate.elects(), "standing by");
    // SIGTERM: the current order is finished, then the lease is released, then this returns.
    Ok(candidate.run_until(shutdown_signal()).await?)
}

/// Prints or writes what an argument asks for.
fn show(manifests: &Manifests, which: &str, more: &[String]) -> Result<(), Box<dyn Error>> {
    match (which, more) {
        ("--manifests", []) => print!("{manifests}"),
        ("--manifests=patch", []) => print!("{}", manifests.deployment_patch()),
        ("--manifests=flow-schema", []) => print!("{}", manifests.flow_schema()),
        ("--manifests=kustomize", [folder]) => {
            std::fs::create_dir_all(folder)?;
            for (name, text) in manifests.kustomize_component()? {
                std::fs::write(Path::new(folder).join(name), text)?;
            }
        }
        ("--admission-policy", []) => match manifests.admission_policy() {
            Some(policy) => print!("{policy}"),
            None => return Err("no lease labels its leader's pod: add --leader-label before --admission-policy".into()),
        },
        _ => {
            return Err(format!(
                "cannot read `{which}`: use --manifests, --manifests=patch, --manifests=flow-schema, \
                 --manifests=kustomize DIR or --admission-policy"
            )
            .into());
        }
    }
    Ok(())
}
