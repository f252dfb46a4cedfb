//! Traffic to the leader: the label of its pod, and the EndpointSlice of a Service. The replicas are candidates of this process, each
//! with a pod of its own.

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use kube::config::{KubeConfigOptions, Kubeconfig};
use lease_runtime::{Candidate, LeaderTask, LeaseSpec, LeaseStatus, Manifests, OwnPod, Term};
use lease_tests::cluster::Caller;
use lease_tests::log::{now, until};
use lease_tests::proxy::{Link, Proxy};
use lease_tests::world::World;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::manifest::print;
use crate::programs::example;
use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("traffic::follows_a_handover_and_a_crash", follows_a_handover_and_a_crash),
        scenario("traffic::is_never_taken_back_by_a_lower_token", is_never_taken_back_by_a_lower_token),
        scenario("traffic::the_manifests_allow_this_and_no_more", the_manifests_allow_this_and_no_more).on_real(),
    ]
}

const LABEL: &str = "leader.lease-runtime.dev/ledger";
const TOKEN: &str = "lease-runtime.dev/fencing-token";
const SPEC: LeaseSpec =
    LeaseSpec::new("ledger").lease_duration(Duration::from_secs(3)).leader_label().leader_service("orders");

/// A candidate of this process.
struct Replica {
    name: &'static str,
    link: Proxy,
    candidate: Candidate,
    stop: CancellationToken,
    running: JoinHandle<Result<(), lease_runtime::Error>>,
}

/// Objects that a cluster has before the replicas start.
async fn set_up(world: &World, pods: &[&str]) {
    world.cluster.create_service("orders").await;
    for name in pods {
        world.cluster.create_pod("orders", name).await;
    }
}

async fn config(world: &World, through: Option<&Proxy>, caller: Caller<'_>) -> kube::Config {
    let kubeconfig = world.cluster.kubeconfig(through, caller, &world.cluster.namespace);
    let kubeconfig = Kubeconfig::from_yaml(&kubeconfig).expect("the kubeconfig cannot be read");
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    config.expect("the kubeconfig cannot be used")
}

async fn client(world: &World, caller: Caller<'_>) -> kube::Client {
    kube::Client::try_from(config(world, None, caller).await).expect("no client")
}

async fn get(world: &World, path: &str) -> Option<Value> {
    let request = Request::get(path).body(Vec::new()).expect("a valid request");
    client(world, Caller::Admin("test")).await.request(request).await.ok()
}

async fn pod(world: &World, name: &str) -> Value {
    let path = format!("/api/v1/namespaces/{}/pods/{name}", world.cluster.namespace);
    get(world, &path).await.expect("there is no such pod")
}

async fn is_labelled(world: &World, name: &str) -> bool {
    pod(world, name).await["metadata"]["labels"][LABEL] == "true"
}

fn slice_path(world: &World) -> String {
    format!("/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices/orders-leader", world.cluster.namespace)
}

/// The pod that the slice leads to, and its fencing token.
async fn led_to(world: &World) -> Option<(Option<String>, u64)> {
    let slice = get(world, &slice_path(world)).await?;
    let pod = slice["endpoints"][0]["targetRef"]["name"].as_str().map(str::to_owned);
    Some((pod, slice["metadata"]["annotations"][TOKEN].as_str()?.parse().ok()?))
}

/// Waits until traffic goes to this pod, and returns the fencing token.
async fn leads(world: &World, name: &str) -> u64 {
    until(&format!("traffic to {name}"), async || {
        let (pod, token) = led_to(world).await?;
        (pod.as_deref() == Some(name) && is_labelled(world, name).await).then_some(token)
    })
    .await
}

fn task() -> LeaderTask<()> {
    LeaderTask::new("work", SPEC, |term: Term| async move { term.cancelled().await })
}

impl Replica {
    async fn start(world: &World, name: &'static str, caller: Caller<'_>) -> Replica {
        let link = world.cluster.link(Link::PASS);
        let uid = pod(world, name).await["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let ip = [10, 0, 0, name.bytes().next().unwrap_or_default()];
        let own = OwnPod::new(&*world.cluster.namespace, name, uid).ip(ip.into());
        let config = config(world, Some(&link), caller).await;
        let candidate = Candidate::builder().identity(name).config(config).pod(own).build().await;
        let candidate = candidate.expect("a candidate");
        candidate.add(task());
        let (stop, run) = (CancellationToken::new(), candidate.clone());
        let stopped = stop.clone();
        let running = tokio::spawn(async move { run.run_until(stopped.cancelled()).await });
        Replica { name, link, candidate, stop, running }
    }

    async fn end(self) {
        self.stop.cancel();
        self.running.await.expect("no panic").expect("an end in order");
    }

    async fn status(&self, what: &str, want: impl Fn(&LeaseStatus) -> bool) -> LeaseStatus {
        let status = self.candidate.status("ledger").expect("a lease");
        until(what, async || Some(status.borrow().clone()).filter(|status| want(status))).await
    }
}

async fn follows_a_handover_and_a_crash(world: Arc<World>) {
    set_up(&world, &["a", "b", "c"]).await;
    let a = Replica::start(&world, "a", Caller::Admin("a")).await;
    let first = leads(&world, "a").await;
    let slice = get(&world, &slice_path(&world)).await.expect("a slice");
    assert_eq!(slice["ports"][0]["port"], 8080, "{slice}");
    assert_eq!(slice["metadata"]["labels"]["kubernetes.io/service-name"], "orders", "{slice}");
    let b = Replica::start(&world, "b", Caller::Admin("b")).await;
    a.end().await;
    // Before the process has ended, and not only when the next leader is there.
    assert!(!is_labelled(&world, "a").await, "the label of a process that has shut down");
    let second = leads(&world, "b").await;
    assert!(second > first, "{second} after {first}");

    // b is cut off: for the cluster, it has crashed.
    let c = Replica::start(&world, "c", Caller::Admin("c")).await;
    c.status("a follower", |status| status.holder.as_ref().is_some_and(|holder| holder.starts_with("b_"))).await;
    assert_eq!(c.candidate.status("ledger").and_then(|status| status.borrow().traffic_problem.clone()), None);
    b.link.set(Link::BLACK_HOLE);
    let cut = now();
    let third = leads(&world, "c").await;
    assert!(third > second, "{third} after {second}");
    let took = now().since(cut);
    assert!(took < Duration::from_secs(30), "{} was in the slice for {took:?}", b.name);
    // It cannot take its label away, and does so as soon as it can.
    assert!(is_labelled(&world, "b").await);
    b.link.set(Link::PASS);
    until("the end of the label of the old leader", async || (!is_labelled(&world, "b").await).then_some(())).await;
    assert_eq!(led_to(&world).await, Some((Some("c".to_owned()), third)));
    b.end().await;
    c.end().await;
    assert_eq!(led_to(&world).await, Some((None, third)));

    // How a process learns that the pod of its name is another one.
    let stranger = json!({ "metadata": { "uid": "another", "labels": { (LABEL): "true" } } });
    let Err(kube::Error::Api(status)) = patch_pod(&world, Caller::Admin("a"), "a", &stranger).await else {
        panic!("a pod with another uid was patched");
    };
    let causes = status.details.as_ref().map(|details| &details.causes[..]).unwrap_or_default();
    assert!(status.code == 422 && causes.iter().any(|cause| cause.field == "metadata.uid"), "{status:?}");
}

async fn is_never_taken_back_by_a_lower_token(world: Arc<World>) {
    set_up(&world, &["a"]).await;
    let later = u64::MAX.to_string();
    let slice = json!({
        "metadata": { "name": "orders-leader", "annotations": { TOKEN: later } },
        "addressType": "IPv4", "endpoints": [{ "addresses": ["10.0.0.9"], "targetRef": { "kind": "Pod", "name": "z" } }],
    });
    let path = slice_path(&world);
    let slices = path.trim_end_matches("/orders-leader");
    world.cluster.create(slices, &slice).await;
    let a = Replica::start(&world, "a", Caller::Admin("a")).await;
    let refused =
        |status: &LeaseStatus| status.traffic_problem.as_ref().is_some_and(|why| why.contains("later leader"));
    a.status("a refusal", refused).await;
    until("the label", async || is_labelled(&world, "a").await.then_some(())).await;
    assert_eq!(led_to(&world).await, Some((Some("z".to_owned()), u64::MAX)));
    a.end().await;
    assert_eq!(led_to(&world).await, Some((Some("z".to_owned()), u64::MAX)));
}

/// A token of the service account as the kubelet mounts it into this pod.
async fn token_of(world: &World, pod_name: &str) -> String {
    let namespace = &world.cluster.namespace;
    let uid = pod(world, pod_name).await["metadata"]["uid"].clone();
    let bound = json!({ "kind": "Pod", "apiVersion": "v1", "name": pod_name, "uid": uid });
    let request = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "boundObjectRef": bound },
    });
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/orders/token");
    let answer = world.cluster.create(&path, &request).await;
    answer["status"]["token"].as_str().expect("a token").to_owned()
}

async fn patch_pod(world: &World, caller: Caller<'_>, name: &str, patch: &Value) -> kube::Result<Value> {
    let path = format!("/api/v1/namespaces/{}/pods/{name}", world.cluster.namespace);
    let request = Request::patch(path).header("Content-Type", "application/merge-patch+json");
    let request = request.body(patch.to_string().into_bytes()).expect("a valid request");
    client(world, caller).await.request(request).await
}

async fn manifests(world: &World) -> Manifests {
    let config = config(world, None, Caller::Admin("a")).await;
    // Manifests are made where there is no pod.
    let candidate = Candidate::builder().config(config).pod(OwnPod::default()).build().await.expect("a candidate");
    candidate.add(task());
    candidate.manifests("orders").build().expect("manifests")
}

/// The Role is enough for the service account. The policy lets each pod change the labels of leaders on itself, and nothing else.
async fn the_manifests_allow_this_and_no_more(world: Arc<World>) {
    set_up(&world, &["a", "b"]).await;
    let manifests = manifests(&world).await;
    let namespaced = |kind: &str| {
        format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}/{}s", world.cluster.namespace, kind.to_lowercase())
    };
    for document in manifests.to_yaml().split("---\n") {
        let kind = document.lines().find_map(|line| line.strip_prefix("kind: ")).unwrap_or_default();
        if kind.starts_with("Role") {
            let answer = world.cluster.create_yaml(&namespaced(kind), document).await;
            assert!(answer.is_ok(), "{answer:?}\n{document}");
        }
    }
    let policy = manifests.admission_policy().expect("a policy");
    // The text depends on the service account alone, and not on the lease.
    let program = example("deployment").await;
    assert_eq!(print(&world, &program, &["--leader-label", "--admission-policy"]).await, policy);
    let admission = "/apis/admissionregistration.k8s.io/v1";
    let policies =
        [format!("{admission}/validatingadmissionpolicies"), format!("{admission}/validatingadmissionpolicybindings")];
    for (path, document) in policies.iter().zip(policy.split("---\n")) {
        let answer = world.cluster.create_yaml(path, document).await;
        assert!(answer.is_ok(), "{answer:?}\n{document}");
    }
    let label = |value: Value| json!({ "metadata": { "labels": { (LABEL): value } } });
    let (of_a, of_none) = (token_of(&world, "a").await, world.cluster.token("orders").await);
    until("the policy to be in force", async || {
        let refused = patch_pod(&world, Caller::Token(&of_a), "b", &label("true".into())).await.err()?;
        refused.to_string().contains("a leader may label only its own pod").then_some(())
    })
    .await;
    let taken_back = patch_pod(&world, Caller::Admin("test"), "b", &label(Value::Null)).await;
    taken_back.expect("the policy is about the service account alone");
    for (token, patch, words) in [
        (&of_none, label("true".into()), "a leader may label only its own pod"),
        (&of_a, json!({ "metadata": { "labels": { "app": "x" } } }), "a leader may change only labels of leaders"),
        (&of_a, json!({ "metadata": { "labels": { "app": null } } }), "a leader may change only labels of leaders"),
        (&of_a, json!({ "metadata": { "annotations": { "x": "y" } } }), "a leader may change only labels of its pod"),
        (&of_a, json!({ "spec": { "activeDeadlineSeconds": 1 } }), "a leader may change only labels of its pod"),
    ] {
        let refused = patch_pod(&world, Caller::Token(token), "a", &patch).await.expect_err("the policy lets it pass");
        let refused = refused.to_string();
        assert!(refused.contains(words), "{patch}: {refused}");
    }
    patch_pod(&world, Caller::Token(&of_a), "a", &label("true".into())).await.expect("its own pod");

    let a = Replica::start(&world, "a", Caller::Token(&of_a)).await;
    let first = leads(&world, "a").await;
    let of_b = token_of(&world, "b").await;
    let b = Replica::start(&world, "b", Caller::Token(&of_b)).await;
    a.end().await;
    assert!(leads(&world, "b").await > first);
    let status = b.candidate.status("ledger").expect("a lease").borrow().clone();
    assert!(status.traffic_problem.is_none() && status.problem.is_none(), "{status:?}");
    b.end().await;
    assert!(!is_labelled(&world, "a").await && !is_labelled(&world, "b").await);
    let name = format!("{}-orders-leader", world.cluster.namespace);
    for path in policies.iter().rev() {
        world.cluster.delete(&format!("{path}/{name}")).await;
    }
}
