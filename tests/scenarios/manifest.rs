//! The example `deployment` with its manifest, unchanged, and with the manifests that it prints, on a real API server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use kube::config::{KubeConfigOptions, Kubeconfig};
use lease_tests::cluster::Caller;
use lease_tests::log::until;
use lease_tests::replica::Replica;
use lease_tests::world::{Plan, World};
use rustix::process::Signal;
use serde_json::Value;

use crate::programs::example;
use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("manifest::three_replicas_as_the_manifest_says", three_replicas_as_the_manifest_says).on_real(),
        scenario("manifest::the_manifests_that_it_prints_are_enough", the_manifests_that_it_prints_are_enough)
            .on_real(),
    ]
}

const MANIFEST: &str = include_str!("../../examples/deployment.d/manifest.yaml");
/// The lease of the example, which its Role is limited to.
const LEASE: &str = "orders";

/// Every document is applied with strict checking of its fields. Then three processes run as its service account, with only its
/// Role.
async fn three_replicas_as_the_manifest_says(world: Arc<World>) {
    for document in MANIFEST.split("\n---\n").filter(|document| document.contains("\nkind: ")) {
        create(&world, document).await;
    }
    three_replicas(&world).await;
}

/// The manifests that the program prints: the API server accepts each with strict checking of its fields, the processes need no
/// other Role, and their lease requests reach the priority level of the FlowSchema.
async fn the_manifests_that_it_prints_are_enough(world: Arc<World>) {
    let program = example("deployment").await;
    let printed = async |which: &str| print(&world, &program, which).await;
    let (objects, patch, flow_schema) =
        (printed("--manifests").await, printed("--manifests=patch").await, printed("--manifests=flow-schema").await);
    // The service account and the Deployment are the user's own.
    for document in MANIFEST.split("\n---\n") {
        if document.contains("\nkind: ServiceAccount") || document.contains("\nkind: Deployment") {
            create(&world, document).await;
        }
    }
    for document in objects.split("---\n") {
        create(&world, document).await;
    }
    let namespace = &world.cluster.namespace;
    let deployment = format!("/apis/apps/v1/namespaces/{namespace}/deployments/orders");
    let patched = apply(&client(&world, Caller::Admin("a")).await, &deployment, &patch).await;
    let pod = &patched.unwrap_or_else(|error| panic!("{error:?}\n{patch}"))["spec"]["template"]["spec"];
    assert_eq!(pod["terminationGracePeriodSeconds"], 11, "{pod}");
    assert_eq!(pod["containers"][0]["image"], "orders:latest", "the patch removed what it does not name: {pod}");
    assert_eq!(pod["containers"].as_array().map(Vec::len), Some(1), "{pod}");
    let schemas = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas";
    let schema = world.cluster.create_yaml(schemas, &flow_schema).await;
    let uid = schema.unwrap_or_else(|error| panic!("{error:?}\n{flow_schema}"))["metadata"]["uid"].clone();
    three_replicas(&world).await;
    let token = world.cluster.token("orders").await;
    let client = client(&world, Caller::Token(&token)).await;
    until("the FlowSchema to be in force", async || {
        let served_by = flow_schema_of_lease_requests(&client, namespace).await;
        (uid.as_str() == served_by.as_deref()).then_some(())
    })
    .await;
    world.cluster.delete(&format!("{schemas}/{namespace}-orders-leader")).await;
}

/// What the example prints for the namespace of this world.
async fn print(world: &World, program: &Path, which: &str) -> String {
    let kubeconfig = world.cluster.kubeconfig(None, Caller::Admin("a"), &world.cluster.namespace);
    let path = world.dir.join("manifests.kubeconfig");
    std::fs::write(&path, kubeconfig).expect("a kubeconfig cannot be written");
    let mut command = tokio::process::Command::new(program);
    command.arg(which).env_clear().env("HOME", &world.dir).env("KUBECONFIG", path).kill_on_drop(true);
    let output = command.output().await.expect("the example cannot be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("WARN"), "{said}");
    String::from_utf8(output.stdout).expect("YAML is UTF-8")
}

async fn client(world: &World, caller: Caller<'_>) -> kube::Client {
    let kubeconfig = world.cluster.kubeconfig(None, caller, &world.cluster.namespace);
    let kubeconfig = Kubeconfig::from_yaml(&kubeconfig).expect("the kubeconfig cannot be read");
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    kube::Client::try_from(config.expect("the kubeconfig cannot be used")).expect("no client")
}

/// Applies a part of an object on the server, with strict checking of its fields. Its values replace those of others.
async fn apply(client: &kube::Client, path: &str, part: &str) -> Result<Value, kube::Error> {
    let path = format!("{path}?fieldManager=manifests&fieldValidation=Strict&force=true");
    let request = Request::patch(path).header("Content-Type", "application/apply-patch+yaml");
    client.request(request.body(part.as_bytes().to_vec()).expect("a valid request")).await
}

/// The uid of the FlowSchema by which the API server classifies lease requests of this client. `None` if it does not answer.
async fn flow_schema_of_lease_requests(client: &kube::Client, namespace: &str) -> Option<String> {
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{LEASE}");
    let request = Request::get(path).body(kube::client::Body::empty()).expect("a valid request");
    let answer = client.send(request).await.ok()?;
    answer.headers().get("x-kubernetes-pf-flowschema-uid")?.to_str().ok().map(str::to_owned)
}

async fn create(world: &World, document: &str) {
    let path = path_of(document, &world.cluster.namespace);
    let answer = world.cluster.create_yaml(&path, document).await;
    assert!(answer.is_ok(), "{answer:?}\n{document}");
}

/// Three processes run as the service account `orders`: one leads, and another takes over from it.
async fn three_replicas(world: &Arc<World>) {
    let program = example("deployment").await;
    let token = world.cluster.token("orders").await;
    let plan = Plan { token: Some(&token), program: Some(&program), bare: true, ..Plan::default() };
    let replicas = ["orders-0", "orders-1", "orders-2"].map(|name| world.launch(name, &world.settings(), plan));
    let leader = leader(world, &replicas).await;
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
    let successor = self::leader(world, &others).await;
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
