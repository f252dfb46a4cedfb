//! The example `deployment` with its manifest, unchanged, on a real API server.

use std::sync::Arc;
use std::time::Duration;

use lease_tests::log::until;
use lease_tests::replica::Replica;
use lease_tests::world::{Plan, World};
use rustix::process::Signal;

use crate::programs::example;
use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![scenario("manifest::three_replicas_as_the_manifest_says", three_replicas_as_the_manifest_says).on_real()]
}

const MANIFEST: &str = include_str!("../../examples/deployment.d/manifest.yaml");
/// The lease of the example, which its Role is limited to.
const LEASE: &str = "orders";

/// Every document is applied with strict checking of its fields. Then three processes run as its service account, with only its
/// Role.
async fn three_replicas_as_the_manifest_says(world: Arc<World>) {
    for document in MANIFEST.split("\n---\n").filter(|document| document.contains("\nkind: ")) {
        let path = path_of(document, &world.cluster.namespace);
        let answer = world.cluster.create_yaml(&path, document).await;
        assert!(answer.is_ok(), "{answer:?}\n{document}");
    }
    let program = example("deployment").await;
    let token = world.cluster.token("orders").await;
    let plan = Plan { token: Some(&token), program: Some(&program), bare: true, ..Plan::default() };
    let replicas = ["orders-0", "orders-1", "orders-2"].map(|name| world.launch(name, &world.settings(), plan));
    let leader = leader(&world, &replicas).await;
    leader.says("paid").await;
    // The others wait, and the API server has refused no request of the three.
    for replica in replicas.iter().filter(|replica| replica.pid != leader.pid) {
        replica.says("new leader observed").await;
        assert!(!replica.said().contains("paid"), "{}", replica.said());
    }
    leader.signal(Signal::TERM);
    let signalled = lease_tests::log::now();
    assert!(leader.end().await.success(), "{}", leader.said());
    let others: Vec<_> = replicas.iter().filter(|replica| replica.pid != leader.pid).cloned().collect();
    let successor = self::leader(&world, &others).await;
    let took = lease_tests::log::now().since(signalled);
    assert!(took < Duration::from_secs(10), "the handover took {took:?}");
    successor.says("paid").await;
    for replica in &replicas {
        let said = replica.said();
        assert!(!said.contains("may not") && !said.contains("forbidden"), "{said}");
        assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
    }
    for replica in &others {
        replica.signal(Signal::TERM);
        assert!(replica.end().await.success(), "{}", replica.said());
    }
    assert_eq!(world.cluster.holder(LEASE).await, None, "all replicas have shut down, and the lease is still held");
}

async fn leader(world: &World, replicas: &[Arc<Replica>]) -> Arc<Replica> {
    until("one of them to hold the lease", async || {
        let holder = world.cluster.holder(LEASE).await?;
        replicas.iter().find(|replica| holder.starts_with(&format!("{}_", replica.name))).cloned()
    })
    .await
}

/// The path for objects of the document's kind.
fn path_of(document: &str, namespace: &str) -> String {
    let field = |key: &str| document.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim();
    let (version, kind) = (field("apiVersion:"), field("kind:"));
    let root = if version.contains('/') { "/apis" } else { "/api" };
    format!("{root}/{version}/namespaces/{namespace}/{}s", kind.to_lowercase())
}
