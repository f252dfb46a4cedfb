//! `step-down` and `transfer`, with candidates of this process.

use std::time::Duration;

use lease_runtime::{Candidate, LeaderTask, LeaseSpec, Term};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::world::World;

const BILLING: LeaseSpec = LeaseSpec::new("billing").lease_duration(Duration::from_secs(3));

/// A candidate that runs until it is dropped with the runtime of the test.
async fn started(world: &World, name: &str) -> (Candidate, JoinHandle<Result<(), lease_runtime::Error>>) {
    let client = world.api.client_as(name, "jobs");
    let candidate = Candidate::builder().identity(name).client(client).namespace("jobs").build().await.unwrap();
    drop(candidate.add(LeaderTask::new("sync", BILLING, |term: Term| async move { term.cancelled().await })));
    let running = candidate.clone();
    (candidate, tokio::spawn(async move { running.run_until(std::future::pending::<()>()).await }))
}

impl World {
    async fn led_by(&self, candidate: &Candidate) {
        let holder = || {
            let lease = self.api.lease_json("jobs", "billing")?;
            lease["spec"]["holderIdentity"].as_str().map(str::to_owned)
        };
        let led = async {
            while holder().as_deref() != Some(candidate.identity()) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(30), led).await.expect("it leads");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leadership_goes_where_the_operator_wants_it() {
    let world = World::new("handover").await;
    let (a, _running_a) = started(&world, "a").await;
    world.led_by(&a).await;
    let (b, _running_b) = started(&world, "b").await;
    let (c, _running_c) = started(&world, "c").await;
    // The holder may not have named its tasks yet, so the command asks again.
    let text = world.prints(&["transfer", "billing", "--to", c.identity()]).await;
    assert_eq!(text, format!("lease billing: {} leads, after {}\n", c.identity(), a.identity()));
    world.led_by(&c).await;
    let text = world.prints(&["step-down", "jobs/billing"]).await;
    let after = format!(" leads, after {}\n", c.identity());
    assert!(text.starts_with("lease jobs/billing: ") && text.ends_with(&after), "{text}");
    let next = if text.contains(a.identity()) { &a } else { &b };
    world.led_by(next).await;
    let said = world.fails(&["transfer", "billing", "--to", "gone-7_0011223344556677"]).await;
    assert!(said.contains("and not by `gone-7_0011223344556677`, which did not take it in time"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_without_others_leads_again() {
    let world = World::new("handover-alone").await;
    let (a, _running) = started(&world, "a").await;
    world.led_by(&a).await;
    let said = world.fails(&["step-down", "billing"]).await;
    assert!(said.contains("has taken it again, because no other candidate did"), "{said}");
    let said = world.fails(&["transfer", "billing", "--to", a.identity()]).await;
    assert!(said.contains("holds lease `jobs/billing` already"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_hears_is_refused_or_given_up() {
    let world = World::new("handover-deaf").await;
    world.lease("jobs", "billing", "controller-0\u{1b}[2J", &json!({}));
    let said = world.fails(&["step-down", "billing"]).await;
    assert!(said.contains("a program without lease-runtime") && !said.contains('\u{1b}'), "{said}");
    assert_eq!(world.annotation("lease-runtime.dev/step-down"), None);
    // It names its tasks, and is gone.
    let tasks = json!({ "holder": "pod-7_8f1c", "tasks": ["report"], "more": 0 }).to_string();
    world.lease("jobs", "billing", "pod-7_8f1c", &json!({ "lease-runtime.dev/tasks": tasks }));
    let text = world.prints(&["step-down", "billing", "--no-wait"]).await;
    assert_eq!(text, "lease billing: pod-7_8f1c is asked to give it up\n");
    let request = r#"{"holder":"pod-7_8f1c","transitions":3}"#;
    assert_eq!(world.annotation("lease-runtime.dev/step-down").as_deref(), Some(request));
    let text = world.prints(&["describe", "billing"]).await;
    assert!(text.contains(&format!("Request:      lease-runtime.dev/step-down={request}\n")), "{text}");
    let said = world.fails(&["step-down", "billing", "--timeout", "1s"]).await;
    assert!(said.contains("has not changed hands within 1s: `pod-7_8f1c` still holds it"), "{said}");
    assert!(said.contains("kubectl annotate lease billing lease-runtime.dev/step-down-"), "{said}");
    world.api.edit_lease("jobs", "billing", |lease| lease["spec"]["holderIdentity"] = "".into());
    let said = world.fails(&["step-down", "billing"]).await;
    assert!(said.contains("has no holder"), "{said}");
    let said = world.fails(&["transfer", "missing", "--to", "b"]).await;
    assert!(said.contains("there is no lease `missing` in namespace `jobs`"), "{said}");
}
