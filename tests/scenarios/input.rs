//! Wrong input: it causes one clear error, or a log line while the candidate waits.

use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use lease_protocol::election::Timing;
use lease_tests::cluster::Caller;
use lease_tests::replica::{SHORT, Settings};
use lease_tests::world::{Plan, World};
use tokio::process::Command;

use crate::programs::example;
use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("input::kubeconfig_that_is_none", kubeconfig_that_is_none),
        scenario("input::no_cluster_at_all", no_cluster_at_all),
        scenario("input::address_without_a_server", address_without_a_server),
        scenario("input::credentials_that_are_none", credentials_that_are_none).on_real(),
        scenario("input::namespace_that_is_not_there", namespace_that_is_not_there),
        scenario("input::names_and_timings", names_and_timings),
        scenario("input::a_port_in_use", a_port_in_use),
    ]
}

/// Starts a replica that must end by itself with an error that contains all of these words.
async fn refused(world: &World, name: &str, settings: &Settings, plan: Plan<'_>, words: &[&str]) {
    let replica = world.launch(name, settings, plan);
    assert_eq!(replica.end().await.code(), Some(1), "{name}: {}", replica.said());
    let said = replica.said();
    // The error is one line, the last one.
    let error = said.lines().last().and_then(|line| line.strip_prefix("error: "));
    let error = error.unwrap_or_else(|| panic!("{name}: no error at the end of {said}"));
    for words in words {
        assert!(error.contains(words), "{name}: {words:?} is not in {error:?}");
    }
}

async fn kubeconfig_that_is_none(world: Arc<World>) {
    let good = world.cluster.kubeconfig(None, Caller::Admin("a"), "default");
    let cases = [
        (
            "not-yaml",
            "{ not yaml".to_owned(),
            &["not-yaml.kubeconfig`, named by KUBECONFIG,", "parse", "correct it"][..],
        ),
        ("empty", String::new(), &["named by KUBECONFIG", "correct it"][..]),
        ("no-context", r#"{ "apiVersion": "v1", "kind": "Config" }"#.to_owned(), &["current context"][..]),
        ("unknown-context", good.replace(r#""current-context":"it""#, r#""current-context":"prod""#), &["prod"][..]),
        ("unknown-cluster", good.replace(r#""cluster":"it""#, r#""cluster":"prod""#), &["prod"][..]),
        ("no-address", good.replace("http", "h t t p"), &["named by KUBECONFIG", "correct it"][..]),
        ("no-certificate", with_authority(&good), &["/nowhere/ca.crt"][..]),
    ];
    for (name, kubeconfig, words) in cases {
        let plan = Plan { kubeconfig: Some(&kubeconfig), ..Plan::default() };
        refused(&world, name, &world.settings(), plan, words).await;
    }
}

fn with_authority(kubeconfig: &str) -> String {
    let mut kubeconfig: serde_json::Value = serde_json::from_str(kubeconfig).expect("it is JSON");
    kubeconfig["clusters"][0]["cluster"] =
        serde_json::json!({ "server": "https://127.0.0.1:1", "certificate-authority": "/nowhere/ca.crt" });
    kubeconfig.to_string()
}

async fn no_cluster_at_all(world: Arc<World>) {
    let plan = Plan { no_cluster: true, ..Plan::default() };
    refused(
        &world,
        "a",
        &world.settings(),
        plan,
        &["no Kubernetes cluster was found", "set KUBECONFIG", "kind create"],
    )
    .await;
}

/// The API server is not reachable. This does not end the candidate, because the API server may start later.
async fn address_without_a_server(world: Arc<World>) {
    let mut kubeconfig: serde_json::Value =
        serde_json::from_str(&world.cluster.kubeconfig(None, Caller::Admin("a"), "default")).expect("it is JSON");
    for (name, server) in [("nobody", "http://127.0.0.1:9"), ("no-such-host", "http://nowhere.invalid:6443")] {
        kubeconfig["clusters"][0]["cluster"] = serde_json::json!({ "server": server });
        let kubeconfig = kubeconfig.to_string();
        let plan = Plan { kubeconfig: Some(&kubeconfig), ..Plan::default() };
        let replica = world.launch(name, &world.settings(), plan);
        replica.says("the API server cannot be reached").await;
        replica.says("check its address, the network and network policies").await;
        assert!(replica.ended().is_none());
    }
}

async fn credentials_that_are_none(world: Arc<World>) {
    let plan = Plan { token: Some("nonsense"), ..Plan::default() };
    let words = ["does not accept this process's credentials", "renew the token"];
    refused(&world, "a", &world.settings(), plan, &words).await;
}

async fn namespace_that_is_not_there(world: Arc<World>) {
    let plan = Plan { namespace: Some("nowhere"), ..Plan::default() };
    let words = ["there is no namespace `nowhere` to keep a lease in", "create it, or name another"];
    refused(&world, "a", &world.settings(), plan, &words).await;
    let plan = Plan { namespace: Some("No_Where"), ..Plan::default() };
    let words = ["the candidate's namespace is not valid", "No_Where", "lower-case letters"];
    refused(&world, "b", &world.settings(), plan, &words).await;
}

async fn names_and_timings(world: Arc<World>) {
    let lease = |name: &str| Settings { lease: name.to_owned(), ..world.settings() };
    let timing = |timing: Timing| Settings { timing, ..world.settings() };
    let millis = Duration::from_millis;
    let long = "x".repeat(254);
    let cases = [
        ("empty-name", lease(""), &["task `work` cannot run", "a lease must have a name"][..]),
        ("odd-name", lease("Ledger_Sync"), &["\"Ledger_Sync\"", "lower-case letters"][..]),
        ("long-name", lease(&long), &["at most 253 characters"][..]),
        ("zero", timing(Timing { lease_duration: millis(0), ..SHORT }), &["lease_duration", "at least one second"][..]),
        ("broken", timing(Timing { lease_duration: millis(2_500), ..SHORT }), &["whole seconds", "2.5s"][..]),
        (
            "deadline",
            timing(Timing { renew_deadline: millis(2_400), ..SHORT }),
            &["lease_duration / 1.25", "2.4s", "3s"][..],
        ),
        ("retry", timing(Timing { retry_period: millis(1_700), ..SHORT }), &["retry_period * 1.2", "1.7s", "2s"][..]),
        ("no-retry", timing(Timing { retry_period: millis(0), ..SHORT }), &["retry_period must not be zero"][..]),
    ];
    for (name, settings, words) in cases {
        refused(&world, name, &settings, Plan::default(), words).await;
    }
    assert!(world.cluster.lease(&world.lease).await.is_none(), "a replica with wrong settings has written a lease");
}

/// The example that serves metrics says so before it takes part in an election.
async fn a_port_in_use(world: Arc<World>) {
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("there is a port");
    let address = taken.local_addr().expect("it has an address").to_string();
    let path = world.dir.join("kubeconfig");
    let kubeconfig = world.cluster.kubeconfig(None, Caller::Admin("metrics"), "default");
    std::fs::write(&path, kubeconfig).expect("a kubeconfig cannot be written");
    let mut command = Command::new(example("metrics").await);
    command.arg(&address).env("KUBECONFIG", path).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.expect("the example cannot be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let words =
        format!("Error: \"cannot listen on {address}, Address already in use (os error 98): name another address");
    assert!(said.starts_with(&words) && said.lines().count() == 1, "{said}");
    assert!(world.cluster.lease("orders").await.is_none(), "it has taken part");
}
