//! The Events of Kubernetes that an election leaves behind.

use std::sync::Arc;

use http::Request;
use lease_runtime::embedded::{Fault, RequestMatcher, Verb};
use lease_tests::cluster::Caller;
use lease_tests::log::until;
use lease_tests::replica::{LONG, Settings};
use lease_tests::world::{Plan, World};
use rustix::process::Signal;
use serde_json::Value;

use crate::access::{account, allow};
use crate::manifest::client;
use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("events::a_handover_is_visible", a_handover_is_visible),
        scenario("events::an_election_works_without_the_rule", an_election_works_without_the_rule),
    ]
}

/// `kubectl describe lease` finds Events by the name and the uid of the Lease.
async fn a_handover_is_visible(world: Arc<World>) {
    let leader = world.start("a").await;
    let term = world.leads(&leader).await;
    let follower = world.start("b").await;
    leader.signal(Signal::TERM);
    assert!(leader.end().await.success(), "{}", leader.said());
    world.next_term(term.token).await;
    let told = |name: &str, events: &[Value]| -> Vec<String> {
        let notes = events.iter().filter_map(|event| event["note"].as_str()?.strip_prefix(&format!("{name}_")));
        notes.filter_map(|note| note.split_once(' ')).map(|(_, note)| note.to_owned()).collect()
    };
    let events = until("the Event of the successor", async || {
        let events = events_about(&world, "ledger").await;
        (!told("b", &events).is_empty()).then_some(events)
    })
    .await;
    // The first process has ended. Its last Event was written before that.
    assert_eq!(told("a", &events), ["became leader", "stopped leading"], "{events:?}");
    assert_eq!(told("b", &events), ["became leader"], "{events:?}");
    let lease = world.cluster.lease("ledger").await.expect("a lease");
    for event in &events {
        assert_eq!(event["regarding"]["uid"], lease["metadata"]["uid"], "{event}");
        assert_eq!((&event["type"], &event["reason"]), (&"Normal".into(), &"LeaderElection".into()), "{event}");
        assert_eq!(event["reportingController"], "lease-runtime.dev/candidate", "{event}");
    }
    for replica in [&leader, &follower] {
        assert!(!replica.said().contains("Kubernetes Event"), "{}", replica.said());
    }
}

/// The account may do all that an election needs, and nothing more.
async fn an_election_works_without_the_rule(world: Arc<World>) {
    let settings = Settings { timing: LONG, ..world.settings() };
    let token = match world.cluster.hooks() {
        Some(api) => {
            api.inject(RequestMatcher::verb(Verb::Create).resource("events"), Fault::status(403));
            None
        }
        None => {
            let token = account(&world, "worker").await;
            allow(&world, "worker", &["get", "create", "update", "watch"]).await;
            Some(token)
        }
    };
    let plan = Plan { token: token.as_deref(), ..Plan::default() };
    let leader = world.launch("a", &settings, plan);
    let term = world.leads(&leader).await;
    leader.says("may not create events of events.k8s.io").await;
    world.ready(&world.launch("b", &settings, plan)).await;
    world.renewals(2).await;
    leader.signal(Signal::TERM);
    assert!(leader.end().await.success(), "{}", leader.said());
    world.next_term(term.token).await;
    let said = leader.said();
    assert_eq!(said.matches("no Kubernetes Events are written").count(), 1, "{said}");
    assert!(said.contains("apiGroups: [\"events.k8s.io\"]") && said.contains("name: lease-events"), "{said}");
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
    assert_eq!(events_about(&world, "ledger").await, [] as [Value; 0]);
}

/// The Events about a lease, as the field selector of kubectl finds them, in the order in which they happened.
pub(crate) async fn events_about(world: &World, lease: &str) -> Vec<Value> {
    let selector = format!("fieldSelector=regarding.kind=Lease,regarding.name={lease}");
    let path = format!("/apis/events.k8s.io/v1/namespaces/{}/events?{selector}", world.cluster.namespace);
    let request = Request::get(path).body(Vec::new()).expect("a valid request");
    let list: Value = client(world, Caller::Admin("reader")).await.request(request).await.expect("a list of Events");
    let mut events = list["items"].as_array().cloned().unwrap_or_default();
    events.sort_by_key(|event| event["eventTime"].as_str().map(str::to_owned));
    events
}
