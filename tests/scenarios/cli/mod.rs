//! `kubectl lease-runtime` on a real API server, and the transcripts in docs/cli.md.

mod transcript;

use std::path::Path;
use std::sync::Arc;

use lease_runtime::clock::{Clock, SystemClock};
use lease_runtime::jiff::{SignedDuration, Timestamp};
use lease_tests::replica::{LONG, Replica};
use lease_tests::world::World;
use serde_json::{Value, json};

use self::transcript::{Names, Transcript};
use crate::hostile::contender::Contenders;
use crate::programs::cli;
use crate::runner::{Scenario, scenario};
use crate::transfer::{identity, operate};

/// Rewrites the transcripts in the documentation.
const UPDATE: &str = "UPDATE_TRANSCRIPTS";
const ACCOUNT: &str = "billing";
/// The commands that need candidates.
const MOVES: [&str; 2] = ["transfer", "step-down"];

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("cli::prints_what_the_documentation_shows", prints_what_the_documentation_shows).on_real(),
        scenario("cli::doctor_names_what_an_account_may_not_do", doctor_names_what_an_account_may_not_do).on_real(),
        scenario("cli::a_holder_on_client_go_is_left_alone", a_holder_on_client_go_is_left_alone).needs_contender(),
    ]
}

fn ago(time: &str) -> String {
    let span: SignedDuration = time.parse().expect("a span of time");
    let now: Timestamp = SystemClock.wall().into();
    format!("{:.6}", now.checked_sub(span).expect("a time"))
}

/// The Leases of the transcripts: one that is held, with a scheduled task, and a free one.
async fn leases(world: &World) {
    let holder = "billing-0_8f1c2f5e_9a0e11d2";
    let tick = ago("17h 19m 25s");
    let record = json!({
        "v": 1, "schedule": "5f9a0e11", "upto": tick, "tzdata": "2026f", "term": 7,
        "last": { "tick": tick, "id": "8c1f5d20a6b3", "attempt": 1, "state": "done", "at": ago("17h 19m 20s") },
        "next": ago("-6h 40m 35s"), "counts": { "done": 41, "abandoned": 1 },
    });
    let tasks = json!({ "holder": holder, "tasks": ["report", "sync"], "more": 0 });
    let annotations =
        json!({ "tick.lease-runtime.dev/report": record.to_string(), "lease-runtime.dev/tasks": tasks.to_string() });
    let held = json!({
        "metadata": { "name": "billing", "annotations": annotations },
        "spec": {
            "holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 7, "acquireTime": ago("4h 2m 30s"),
            "renewTime": ago("3s"),
        },
    });
    let free = json!({
        "metadata": { "name": "free" }, "spec": { "holderIdentity": "", "leaseDurationSeconds": 1, "leaseTransitions": 12 },
    });
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", world.cluster.namespace);
    for lease in [held, free] {
        world.cluster.create(&format!("{path}?fieldManager=lease-runtime"), &lease).await;
    }
}

async fn prints_what_the_documentation_shows(world: Arc<World>) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    let mut text = std::fs::read_to_string(&page).expect("the page exists");
    let transcripts = Transcript::all(&text);
    for command in
        ["list", "timers", "describe", "pause", "resume", "trigger", "backfill", "transfer", "step-down", "doctor"]
    {
        let shown =
            transcripts.iter().any(|transcript| transcript.arguments.first().is_some_and(|word| word == command));
        assert!(shown, "docs/cli.md has no transcript of `{command}`");
    }
    // Before the times in the Leases.
    cli().await;
    leases(&world).await;
    create_account(&world).await;
    allow(&world, &["get", "create", "update", "watch"]).await;
    let update = std::env::var_os(UPDATE).is_some();
    let (mut replicas, mut names) = (Vec::new(), Names::new(&world.cluster.namespace));
    for transcript in &transcripts {
        let moves = transcript.arguments.first().is_some_and(|word| MOVES.contains(&&**word));
        if moves && replicas.is_empty() {
            replicas = candidates(&world, &mut names).await;
        }
        world.cluster.edit_lease("billing", |lease| lease["spec"]["renewTime"] = ago("3s").into()).await;
        let arguments = transcript.arguments.iter().map(|word| names.real(word, moves, &world.lease));
        let arguments: Vec<String> = arguments.collect();
        let output = operate(&world, &arguments.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stdout));
        let printed = names.documented(&String::from_utf8_lossy(&output.stdout), moves, &world.lease);
        if update {
            text = text.replacen(&transcript.block(&transcript.output), &transcript.block(&printed), 1);
        } else {
            let (ours, theirs) = (transcript::normal(&transcript.output), transcript::normal(&printed));
            assert_eq!(ours, theirs, "`{}`: {UPDATE}=1 rewrites docs/cli.md", transcript.command);
        }
    }
    if update {
        std::fs::write(&page, text).expect("the page can be written");
    }
}

/// Two candidates for the lease of the scenario, of which the first leads.
async fn candidates(world: &World, names: &mut Names) -> Vec<Arc<Replica>> {
    let first = world.start("a").await;
    let term = world.leads(&first).await;
    let second = world.start("b").await;
    names.add(&term.identity, "billing-0_3d5e07a1_77c0d2f4");
    names.add(&identity(&second).await, "billing-1_8f1c2f5e_9a0e11d2");
    vec![first, second]
}

async fn create_account(world: &World) {
    let path = format!("/api/v1/namespaces/{}/serviceaccounts", world.cluster.namespace);
    world.cluster.create(&path, &json!({ "metadata": { "name": ACCOUNT } })).await;
}

/// Allows the account these verbs on the lease `billing`.
async fn allow(world: &World, verbs: &[&str]) {
    let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", world.cluster.namespace);
    let rule = json!({
        "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": ["billing"], "verbs": verbs,
    });
    world.cluster.create(&format!("{rbac}/roles"), &json!({ "metadata": { "name": ACCOUNT }, "rules": [rule] })).await;
    let binding = json!({
        "metadata": { "name": ACCOUNT },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT },
        "subjects": [{ "kind": "ServiceAccount", "namespace": world.cluster.namespace, "name": ACCOUNT }],
    });
    world.cluster.create(&format!("{rbac}/rolebindings"), &binding).await;
}

/// What `doctor` prints, and its exit code.
async fn doctor(world: &World, arguments: &[&str]) -> (String, Option<i32>) {
    let arguments: Vec<&str> = ["doctor"].iter().chain(arguments).copied().collect();
    let output = operate(world, &arguments).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.is_empty(), "{said}");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}

async fn doctor_names_what_an_account_may_not_do(world: Arc<World>) {
    cli().await;
    leases(&world).await;
    create_account(&world).await;
    allow(&world, &["get", "update"]).await;
    let who = format!("system:serviceaccount:{}:{ACCOUNT}", world.cluster.namespace);
    let (text, code) = doctor(&world, &["billing", "--as-service-account", ACCOUNT]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&format!("failed  {who} may not create lease billing")), "{text}");
    assert!(text.contains(&format!("warning {who} may not watch lease billing")), "{text}");
    assert!(!text.contains("may not get") && !text.contains("may not update"), "{text}");
    // The Role names one Lease.
    let (text, code) = doctor(&world, &["free", "--as-service-account", ACCOUNT]).await;
    assert_eq!((code, text.matches("may not").count()), (Some(1), 4), "{text}");
    // The operator may do everything.
    world.cluster.edit_lease("billing", |lease| lease["spec"]["renewTime"] = ago("3s").into()).await;
    let (text, code) = doctor(&world, &["billing", "free"]).await;
    assert_eq!(code, Some(0), "{text}");
    // Somebody writes the holder by hand.
    world.cluster.edit_lease("billing", |lease| lease["spec"]["holderIdentity"] = "me".into()).await;
    world.cluster.edit_lease("billing", |lease| lease["spec"]["renewTime"] = ago("3s").into()).await;
    let (text, _) = doctor(&world, &["billing"]).await;
    assert!(text.contains("candidates of lease-runtime use this lease, too"), "{text}");
}

async fn a_holder_on_client_go_is_left_alone(world: Arc<World>) {
    let contenders = Contenders::new(&world);
    let began = SystemClock.now();
    let contender = contenders.start(&world, "go-1", LONG, true).await;
    contenders.leads(&contender, began).await;
    // It has renewed the lease since it acquired it.
    let renewed = |lease: &Value| lease["spec"]["renewTime"] != lease["spec"]["acquireTime"];
    lease_tests::log::until("a renewal of client-go", async || world.cluster.lease(&world.lease).await.filter(renewed))
        .await;
    for command in ["step-down", "transfer"] {
        let to = ["--to", "b"];
        let arguments = [&[command, &*world.lease][..], if command == "transfer" { &to[..] } else { &[] }].concat();
        let output = operate(&world, &arguments).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("it does not name its tasks there, so it is a program without lease-runtime"), "{said}");
    }
    let (text, code) = doctor(&world, &[&world.lease]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("is held by go-1, which renews it"), "{text}");
    let lease = world.cluster.lease(&world.lease).await.expect("it exists");
    assert!(lease["metadata"]["annotations"].is_null(), "{lease}");
}
