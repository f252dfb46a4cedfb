//! The example `deployment` with its manifest, unchanged, and with the manifests that it prints, on a real API server.

use std::collections::BTreeMap;
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

use crate::events::events_about;
use crate::programs::example;
use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("manifest::three_replicas_as_the_manifest_says", three_replicas_as_the_manifest_says).on_real(),
        scenario("manifest::the_manifests_that_it_prints_are_enough", the_manifests_that_it_prints_are_enough)
            .on_real(),
        scenario("manifest::the_component_is_what_it_prints", the_component_is_what_it_prints),
        scenario("manifest::what_kustomize_builds_is_enough", what_kustomize_builds_is_enough).on_real(),
    ]
}

const MANIFEST: &str = include_str!("../../examples/deployment.d/manifest.yaml");
/// A folder with a kustomization of the example. Its component is in the folder `leader`.
const KUSTOMIZE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/deployment.d/kustomize");
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
    let printed = async |which: &str| print(&world, &program, &[which]).await;
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

/// The folder in the repository has the files that the program writes, in whatever namespace it runs. With `UPDATE_EXPECT=1`, it gets
/// them.
async fn the_component_is_what_it_prints(world: Arc<World>) {
    let written = write_component(&world, &world.dir.join("leader")).await;
    let committed = Path::new(KUSTOMIZE).join("leader");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        for (name, text) in &written {
            std::fs::write(committed.join(name), text).expect("the component cannot be written");
        }
    }
    assert_eq!(files(&committed), written, "run this scenario with UPDATE_EXPECT=1");
}

/// kustomize finds the Deployment and adds to it. The API server accepts all objects with strict checking of their fields, and the
/// processes need no other Role.
async fn what_kustomize_builds_is_enough(world: Arc<World>) {
    let folder = world.dir.join("kustomize");
    write_component(&world, &folder.join("leader")).await;
    let namespace = &world.cluster.namespace;
    for (name, text) in files(Path::new(KUSTOMIZE)) {
        let text = text.replace("\nnamespace: shop\n", &format!("\nnamespace: {namespace}\n"));
        std::fs::write(folder.join(name), text).expect("the kustomization cannot be written");
    }
    let kustomize = concat!(env!("CARGO_MANIFEST_DIR"), "/kustomize/run");
    let mut command = tokio::process::Command::new(kustomize);
    let output = command.arg("build").arg(&folder).kill_on_drop(true).output().await.expect("kustomize cannot be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let built = String::from_utf8(output.stdout).expect("YAML is UTF-8");
    let kinds: Vec<&str> = built.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
    assert_eq!(kinds, ["ServiceAccount", "Role", "RoleBinding", "Deployment", "PodDisruptionBudget"], "{built}");
    for document in built.split("---\n") {
        create(&world, document).await;
    }
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/orders");
    let request = Request::get(path).body(Vec::new()).expect("a valid request");
    let deployment: Value = client(&world, Caller::Admin("a")).await.request(request).await.expect("a Deployment");
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["terminationGracePeriodSeconds"], 11, "{pod}");
    assert_eq!(pod["containers"].as_array().map(Vec::len), Some(1), "{pod}");
    assert_eq!(pod["containers"][0]["image"], "orders:latest", "{pod}");
    assert_eq!(pod["containers"][0]["env"][0]["name"], "POD_NAME", "{pod}");
    three_replicas(&world).await;
}

/// Lets the example write its component, and returns its files.
async fn write_component(world: &World, folder: &Path) -> BTreeMap<String, String> {
    let program = example("deployment").await;
    print(world, &program, &["--manifests=kustomize", folder.to_str().expect("a path in UTF-8")]).await;
    files(folder)
}

/// The texts of the files in a folder.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = folder.read_dir().expect("there is no such folder").map(|entry| entry.expect("an entry"));
    let files = entries.filter(|entry| entry.path().is_file()).map(|entry| {
        let text = std::fs::read_to_string(entry.path()).expect("a file of text");
        (entry.file_name().to_string_lossy().into_owned(), text)
    });
    files.collect()
}

/// What the example prints for the namespace of this world.
pub(crate) async fn print(world: &World, program: &Path, arguments: &[&str]) -> String {
    let kubeconfig = world.cluster.kubeconfig(None, Caller::Admin("a"), &world.cluster.namespace);
    let path = world.dir.join("manifests.kubeconfig");
    std::fs::write(&path, kubeconfig).expect("a kubeconfig cannot be written");
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).env_clear().env("HOME", &world.dir).env("KUBECONFIG", path).kill_on_drop(true);
    let output = command.output().await.expect("the example cannot be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("WARN"), "{said}");
    String::from_utf8(output.stdout).expect("YAML is UTF-8")
}

pub(crate) async fn client(world: &World, caller: Caller<'_>) -> kube::Client {
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
    let events = events_about(world, LEASE).await;
    let stopped = events.iter().filter(|event| event["action"] == "StopLeading").count();
    assert!(stopped >= 2, "the Role grants Events, and a replica that is killed in order writes its last: {events:?}");
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
