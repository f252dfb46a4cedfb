//! The label and the EndpointSlice of a leader.

mod label;
mod slice;
mod trouble;

use serde_json::{Value, json};

use super::*;
use crate::embedded::Fault;
use crate::spec::{PodFacts, Traffic};

const LABEL: &str = "leader.lease-runtime.dev/ledger";
const SLICE: &str = "orders-leader";
const TOKEN: &str = "lease-runtime.dev/fencing-token";

fn label() -> Traffic {
    Traffic { label: true, service: None }
}

fn orders() -> Traffic {
    Traffic { label: false, service: Some("orders".into()) }
}

impl World {
    /// A world with the Service `orders` and these pods.
    fn with_pods(names: &[&str]) -> World {
        let world = World::new();
        let service = json!({ "spec": { "ports": [{ "name": "http", "port": 80, "targetPort": 8080 }] } });
        world.api.put_object("services", NAMESPACE, "orders", &service);
        names.iter().for_each(|name| world.pod(name));
        world
    }

    fn pod(&self, name: &str) {
        let pod = json!({ "metadata": { "uid": format!("uid-{name}"), "labels": { "app": "x" } }, "spec": {} });
        self.api.put_object("pods", NAMESPACE, name, &pod);
    }

    /// A replica in the pod of its name.
    fn replica_in_pod(&self, name: &str, traffic: Traffic) -> Replica {
        let client = self.api.client_as(name, NAMESPACE);
        let elector =
            Elector::start(Connection::Client(client), name.into(), Arc::clone(&self.clock), Vec::new()).unwrap();
        let election = self.enter(&elector, name, traffic);
        Replica { elector, election, clock: Arc::clone(&self.clock) }
    }

    fn enter(&self, elector: &Elector, name: &str, traffic: Traffic) -> ElectionHandle {
        let pod = PodFacts {
            namespace: NAMESPACE.into(),
            name: name.into(),
            uid: format!("uid-{name}").into(),
            ip: format!("10.0.0.{}", name.bytes().next().unwrap_or_default()).parse().ok(),
            node: None,
        };
        let plan = TrafficPlan { traffic, pod };
        elector.contend_with(LeaseId::new(NAMESPACE, LEASE), Timing::default(), Some(plan))
    }

    /// Whether the pod has the label.
    fn is_labelled(&self, pod: &str) -> bool {
        self.api.object("pods", NAMESPACE, pod).is_some_and(|pod| pod["metadata"]["labels"][LABEL] == "true")
    }

    fn slice(&self) -> Option<Value> {
        self.api.object("endpointslices", NAMESPACE, SLICE)
    }

    /// The pod that the slice leads to, and the fencing token that it has.
    fn led_to(&self) -> (Option<String>, u64) {
        let slice = self.slice().unwrap_or_default();
        let pod = slice["endpoints"][0]["targetRef"]["name"].as_str().map(str::to_owned);
        (pod, slice["metadata"]["annotations"][TOKEN].as_str().and_then(|token| token.parse().ok()).unwrap_or(0))
    }

    /// The requests of a caller about this resource, as verb, code and how they ended.
    fn asked(&self, caller: &str, resource: &str) -> Vec<String> {
        let entries = self.api.requests().entries();
        let entries = entries.iter().filter(|entry| entry.call.caller == caller && entry.call.resource == resource);
        entries.map(|entry| format!("{} {}", entry.call.verb, entry.code().unwrap_or_default())).collect()
    }
}

fn about(resource: &str) -> RequestMatcher {
    RequestMatcher::any().resource(resource)
}
