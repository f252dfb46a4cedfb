//! Reading Leases, and requests to tasks.

use lease_runtime::embedded::{Fault, RequestMatcher};
use serde_json::{Value, json};

use crate::world::World;

/// The words of each line.
fn words(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split_whitespace().collect()).collect()
}

/// The record of a task that has run.
fn record() -> String {
    json!({
        "v": 1, "schedule": "5f9a0e11", "upto": "2026-11-25T01:00:00Z", "civil": "2026-11-25T02:00", "tzdata": "2026f", "term": 7,
        "last": {
            "tick": "2026-11-25T01:00:00Z", "id": "8c1f5d20a6b3", "attempt": 1, "state": "done", "at": "2026-11-25T01:00:04Z",
        },
        "next": "2026-11-26T01:00:00Z", "counts": { "done": 41, "abandoned": 1 },
    })
    .to_string()
}

/// A Lease that is held, with a scheduled task that has run.
pub(crate) fn billing(world: &World) {
    let holder = "pod-7_8f1c_9a0e";
    let tasks = json!({ "holder": holder, "tasks": ["report", "sync"], "more": 0 }).to_string();
    let annotations = json!({ "tick.lease-runtime.dev/report": record(), "lease-runtime.dev/tasks": tasks });
    world.lease("jobs", "billing", holder, &annotations);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_a_line_for_each_lease_of_any_program() {
    let world = World::new("list").await;
    billing(&world);
    world.lease("jobs", "free", "", &json!({}));
    world.lease("shop", "foreign", "controller-0\u{1b}[2J\nshop   forged", &json!({}));
    let text = world.prints(&["list"]).await;
    let lines = words(&text);
    let header = ["NAMESPACE", "NAME", "HOLDER", "TERM", "HELD", "RENEWED", "LEFT", "TASKS", "NEXT", "LAST"];
    assert_eq!(lines[0], header, "{text}");
    assert_eq!(lines[1][..4], ["jobs", "billing", "pod-7_8f1c_9a0e", "3"], "{text}");
    assert!(lines[1][5].starts_with('~') && lines[1][6..8] == ["expired", "2"], "{text}");
    assert_eq!(lines[2], ["jobs", "free", "-", "3", "-", "-", "-", "-", "-", "-"], "{text}");
    assert_eq!(lines.len(), 3, "{text}");
    let all = world.prints(&["list", "-A"]).await;
    assert_eq!(all.lines().count(), 4, "{all}");
    assert!(all.contains("controller-0\\u{1b}[2J\\nshop   forged"), "{all}");
    let other = world.prints(&["list", "-n", "shop"]).await;
    assert_eq!(words(&other)[1][..2], ["shop", "foreign"], "{other}");
    let empty = world.prints(&["list", "-n", "nobody"]).await;
    assert_eq!(empty.lines().count(), 1, "{empty}");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_read_the_values_as_json_or_yaml() {
    let world = World::new("output").await;
    billing(&world);
    let holder = "controller-0\u{9b}2J\u{202e}";
    world.lease("shop", "foreign", holder, &json!({}));
    let text = world.prints(&["list", "-A", "-o", "json"]).await;
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(list[1]["holder"], holder);
    assert!(!text.contains(['\u{9b}', '\u{202e}']), "{text}");
    assert_eq!(list[0]["tasks"], json!(["report", "sync"]));
    assert_eq!(list[0]["ticks"]["report"]["counts"]["done"], 41, "{text}");
    let yaml = world.prints(&["describe", "shop/foreign", "-o", "yaml"]).await;
    assert!(yaml.contains("\n\"holder\": \"controller-0\\U0000009b2J\\U0000202e\"\n"), "{yaml}");
    let timers = world.prints(&["timers", "-A", "-o", "json"]).await;
    let timers: Value = serde_json::from_str(&timers).unwrap();
    assert_eq!((&timers[0]["lease"], &timers[0]["task"]), (&json!("billing"), &json!("report")));
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_and_a_description_show_the_tasks() {
    let world = World::new("timers").await;
    billing(&world);
    let text = world.prints(&["timers"]).await;
    let lines = words(&text);
    assert_eq!(lines[0], ["NEXT", "LEFT", "LAST", "PASSED", "STATE", "TASK", "LEASE", "NAMESPACE"], "{text}");
    assert_eq!(lines[1][4..], ["done", "report", "billing", "jobs"], "{text}");
    let text = world.prints(&["describe", "billing"]).await;
    for line in ["Holder:       pod-7_8f1c_9a0e", "Tasks:        report, sync", "Task report:"] {
        assert!(text.lines().any(|have| have == line), "{line:?} is missing in\n{text}");
    }
    assert!(text.contains("done 41"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_to_a_task_are_those_of_the_library() {
    let world = World::new("operate").await;
    billing(&world);
    world.prints(&["pause", "billing", "report", "the database is being moved"]).await;
    assert_eq!(world.annotation("pause.lease-runtime.dev/report").as_deref(), Some("the database is being moved"));
    assert!(world.prints(&["timers"]).await.contains("paused,done"));
    let text = world.prints(&["describe", "jobs/billing"]).await;
    assert!(text.contains("Request:      pause.lease-runtime.dev/report=the database is being moved\n"), "{text}");
    world.prints(&["resume", "billing", "report", "-n", "jobs"]).await;
    assert_eq!(world.annotation("pause.lease-runtime.dev/report"), None);
    world.prints(&["trigger", "billing", "report", "ticket-4711"]).await;
    assert_eq!(world.annotation("trigger.lease-runtime.dev/report").as_deref(), Some("ticket-4711"));
    let backfill = ["backfill", "billing", "report", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"];
    world.prints(&backfill).await;
    let period = world.annotation("backfill.lease-runtime.dev/report");
    assert_eq!(period.as_deref(), Some("2026-01-01T00:00:00Z/2026-01-02T00:00:00Z"));
    world.prints(&["pause", "billing", "new", "not seen yet", "--unrecorded"]).await;
    assert!(world.annotation("pause.lease-runtime.dev/new").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_one_line_that_says_what_to_do() {
    let world = World::new("failures").await;
    billing(&world);
    for (arguments, words) in [
        (&["describe", "missing"][..], "there is no lease `missing` in namespace `jobs`"),
        (&["pause", "missing", "report", "x"], "there is no lease `missing` in namespace `jobs`"),
        (&["describe", "a/../b"], "a lease is named by"),
        (
            &["resume", "billing", "reprot"],
            "only of `report`: check the spelling; for a task that no leader has seen yet, add --unrecorded",
        ),
        (&["trigger", "billing", "report", "not an id"], "not an id"),
        (&["describe", "billing", "-A"], "`-A` is for `list` and `timers`"),
        (&["list", "--context", "elsewhere"], "named by KUBECONFIG, cannot be used"),
        (&["list", "--kubeconfig", "/nowhere"], "the kubeconfig `/nowhere` cannot be used"),
    ] {
        let said = world.fails(arguments).await;
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    let message = "leases is forbidden: User \"operator\u{1b}[2J\" cannot list resource \"leases\"";
    let refusal = world.api.inject(RequestMatcher::any(), Fault::status(403).message(message));
    for (arguments, verb) in [
        (&["list", "-A"][..], "ask for `list` on leases in all namespaces"),
        (&["describe", "billing"], "ask for `get` on leases in namespace `jobs`"),
    ] {
        let said = world.fails(arguments).await;
        assert!(said.contains(verb) && said.contains("operator\\u{1b}[2J"), "{said}");
    }
    refusal.remove();
    std::fs::write(world.dir.join("config"), "users: [{ name: me, user: { token: secret-4711, oops: }").unwrap();
    let said = world.fails(&["list"]).await;
    assert!(said.contains("named by KUBECONFIG, cannot be used") && !said.contains("secret-4711"), "{said}");
}

/// kubectl uses no proxy for this machine, and for the hosts in NO_PROXY.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_of_the_environment_is_used_as_kubectl_uses_it() {
    let world = World::new("proxy").await;
    billing(&world);
    let proxy = "http://alice:secret-4711@127.0.0.1:1";
    for arguments in [&["list"][..], &["list", "--context", "embedded"], &["describe", "billing"]] {
        let mut command = world.command(arguments);
        let output = command.env("HTTPS_PROXY", proxy).env("HTTP_PROXY", proxy).output().await.unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_error_of_a_connection_contains_a_secret() {
    let world = World::new("secrets").await;
    let text = r#"
        apiVersion: v1
        kind: Config
        current-context: proxy
        clusters:
          - { name: far, cluster: { server: 'https://api.invalid:6443' } }
          - { name: near, cluster: { server: 'https://api.invalid:6443', proxy-url: 'http://alice:secret-4711@127.0.0.1:1' } }
        users:
          - { name: nobody, user: {} }
          - name: plugin
            user:
              exec:
                apiVersion: client.authentication.k8s.io/v1
                command: sh
                args: ["-c", "echo secret-4711; exit 3"]
                interactiveMode: Never
        contexts:
          - { name: proxy, context: { cluster: near, user: nobody } }
          - { name: plugin, context: { cluster: far, user: plugin } }
    "#;
    std::fs::write(world.dir.join("config"), text).unwrap();
    for (arguments, words) in [
        (&["list"][..], "proxy"),
        (&["list", "--context", "plugin"], "the credential plugin `sh`"),
        (&["exec", "--lease", "ledger", "--context", "proxy", "--", "true"], "proxy"),
    ] {
        let said = world.fails(arguments).await;
        assert!(said.contains(words) && !said.contains("secret-4711"), "{said}");
    }
}
