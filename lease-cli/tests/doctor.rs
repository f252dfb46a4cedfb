//! `doctor` on the embedded API, which knows Leases only. The scenarios of the workspace run it on a real API server.

use std::time::Duration;

use lease_runtime::embedded::{Fault, RequestMatcher};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::world::World;

impl World {
    /// The lines that `doctor` prints about these Leases, and its exit code.
    async fn diagnosed(&self, leases: &[&str]) -> (Vec<String>, Option<i32>) {
        let arguments: Vec<&str> = ["doctor"].iter().chain(leases).copied().collect();
        let output = self.run(&arguments).await;
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.lines().all(|line| line.chars().all(|c| !c.is_control())), "{text:?}");
        (text.lines().map(str::to_owned).collect(), output.status.code())
    }

    fn edit(&self, name: &str, change: impl FnOnce(&mut Value)) {
        assert!(self.api.edit_lease("jobs", name, change));
    }
}

#[track_caller]
fn has(lines: &[String], status: &str, words: &str) {
    let found = lines.iter().any(|line| line.starts_with(&format!("{status:<8}")) && line.contains(words));
    assert!(found, "no {status:?} with {words:?} in {lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_without_a_fault_has_none() {
    let world = World::new("doctor-well").await;
    world.lease("jobs", "free", "", &json!({}));
    let (lines, code) = world.diagnosed(&[]).await;
    assert_eq!(code, Some(0), "{lines:#?}");
    has(&lines, "ok", "lease free has no holder: any candidate may take it");
    has(&lines, "ok", "the clock of this machine agrees with that of the API server");
    let (lines, code) = world.diagnosed(&["free", "missing"]).await;
    assert_eq!(code, Some(0));
    has(&lines, "ok", "lease missing does not exist yet");
}

/// The answers of an API server that allows everything but one verb.
#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_is_denied_is_a_failure() {
    let world = World::new("doctor-denied").await;
    world.lease("jobs", "billing", "", &json!({}));
    for (verb, allowed) in [("get", true), ("create", true), ("update", false), ("watch", true)] {
        let asked = RequestMatcher::matching(move |call| {
            let attributes = &call.body["spec"]["resourceAttributes"];
            call.uri.ends_with("/selfsubjectaccessreviews")
                && attributes["verb"] == verb
                && attributes["name"] == "billing"
        });
        let answer = json!({ "status": { "allowed": allowed } }).to_string();
        world.api.inject(asked, Fault::body(201, "application/json", answer));
    }
    let (lines, code) = world.diagnosed(&["billing"]).await;
    assert_eq!(code, Some(1), "{lines:#?}");
    let remedy = "allow get, create, update and watch in the Role of the candidates";
    has(&lines, "failed", &format!("this user may not update lease billing: {remedy}"));
    assert_eq!(lines.iter().filter(|line| line.contains("may not")).count(), 1, "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_holder_is_told_from_one_whose_clock_is_wrong() {
    let world = World::new("doctor-silent").await;
    for name in ["silent", "slow-clock", "ahead", "by-hand"] {
        world.lease("jobs", name, "controller-0\u{1b}[2J", &json!({}));
        world.edit(name, |lease| lease["spec"]["leaseDurationSeconds"] = 2.into());
    }
    // The clock of this holder was ahead when it ended. Nobody has ever renewed the other one.
    world.edit("ahead", |lease| lease["spec"]["renewTime"] = "2099-01-01T00:00:00.000000Z".into());
    world.edit("by-hand", |lease| lease["spec"]["renewTime"] = Value::Null);
    let renews = async {
        // Within the time for which the command looks.
        for second in 0..20 {
            sleep(Duration::from_millis(500)).await;
            world.edit("slow-clock", |lease| {
                lease["spec"]["renewTime"] = format!("1971-01-01T00:00:{second:02}.000000Z").into();
            });
        }
    };
    let (lines, code) = tokio::select! {
        diagnosed = world.diagnosed(&[]) => diagnosed,
        () = async { renews.await; std::future::pending().await } => unreachable!(),
    };
    assert_eq!(code, Some(1), "{lines:#?}");
    for name in ["silent", "ahead", "by-hand"] {
        let words = format!("of lease {name} has not renewed it in its duration, and nobody has taken it");
        has(&lines, "failed", &words);
    }
    has(&lines, "warning", "lease slow-clock is held by controller-0\\u{1b}[2J, which renews it, but its clock");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_object_has_a_remedy() {
    let world = World::new("doctor-objects").await;
    let record = json!({ "v": 1, "schedule": "5f9a0e11", "upto": "2026-11-25T01:00:00Z" }).to_string();
    let pod = json!([{ "apiVersion": "v1", "kind": "Pod", "name": "billing-0", "uid": "u-1" }]);
    world.lease("jobs", "owned", "", &json!({ "tick.lease-runtime.dev/report": record }));
    world.lease("jobs", "plain", "", &json!({}));
    for name in ["owned", "plain"] {
        world.edit(name, |lease| lease["metadata"]["ownerReferences"] = pod.clone());
    }
    world.lease("jobs", "long", "controller-0", &json!({}));
    world.edit("long", |lease| lease["spec"]["leaseDurationSeconds"] = 2_000_000_000.into());
    world.lease("jobs", "no-duration", "controller-0", &json!({}));
    world.edit("no-duration", |lease| lease["spec"]["leaseDurationSeconds"] = Value::Null);
    let (lines, code) = world.diagnosed(&[]).await;
    assert_eq!(code, Some(1), "{lines:#?}");
    has(&lines, "failed", "lease owned is deleted with the pod billing-0, which owns it, and the records of its ticks");
    has(&lines, "warning", "lease plain is deleted with the pod billing-0");
    has(&lines, "warning", "the duration of lease long is ");
    has(&lines, "warning", "lease no-duration has no duration");
    let said = world.fails(&["doctor", "--as-service-account", "a:b"]).await;
    assert!(said.contains("is no name of a service account"), "{said}");
    let said = world.fails(&["doctor", "a/../b"]).await;
    assert!(said.contains("a lease is named by"), "{said}");
}
