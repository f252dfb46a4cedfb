//! What leads traffic to leaders: the labels of pods, and the EndpointSlices.

use std::collections::BTreeMap;

use lease_runtime::embedded::EmbeddedApi;
use serde_json::{Value, json};

use super::message::Who;
use super::server::NAMESPACE;
use crate::journal::{Event, LeaseName};
use crate::program::SERVICES;

const LABEL: &str = "leader.lease-runtime.dev/";
const TOKEN: &str = "lease-runtime.dev/fencing-token";

/// The slices and the labels as they were last seen.
#[derive(Default)]
pub(super) struct Signs {
    slices: BTreeMap<LeaseName, (u64, Option<String>)>,
    labels: BTreeMap<u8, Vec<LeaseName>>,
}

/// Creates a pod for each replica, and a Service for each Lease.
pub(crate) fn put_pods_and_services(api: &EmbeddedApi, nodes: usize) {
    for node in 0..u8::try_from(nodes).unwrap_or(u8::MAX) {
        let containers = json!([{ "ports": [{ "name": "http", "containerPort": 8080 }] }]);
        let pod = json!({ "metadata": { "uid": format!("uid-{node}") }, "spec": { "containers": containers } });
        api.put_object("pods", NAMESPACE, &Who { node, start: 0 }.pod(), &pod);
    }
    let service = json!({ "spec": { "ports": [{ "name": "http", "port": 80, "targetPort": "http" }] } });
    for (_, name) in SERVICES {
        api.put_object("services", NAMESPACE, name, &service);
    }
}

impl Signs {
    /// Tells what has changed.
    pub(super) fn look(&mut self, api: &EmbeddedApi, mut tell: impl FnMut(Event)) {
        for (lease, service) in SERVICES {
            let Some(slice) = api.object("endpointslices", NAMESPACE, &format!("{service}-leader")) else { continue };
            let token = slice["metadata"]["annotations"][TOKEN].as_str().and_then(|token| token.parse().ok());
            let pod = slice["endpoints"][0]["targetRef"]["name"].as_str().map(str::to_owned);
            let now = (token.unwrap_or(0), pod);
            if self.slices.get(lease) != Some(&now) {
                self.slices.insert(lease, now.clone());
                tell(Event::Led { lease, token: now.0, pod: now.1 });
            }
        }
        let pods =
            (0..=u8::MAX).map_while(|node| Some((node, api.object("pods", NAMESPACE, &Who { node, start: 0 }.pod())?)));
        for (node, pod) in pods {
            let has =
                |lease: &str| pod["metadata"]["labels"].get(format!("{LABEL}{lease}")) == Some(&Value::from("true"));
            let leases: Vec<_> = SERVICES.into_iter().map(|(lease, _)| lease).filter(|lease| has(lease)).collect();
            if self.labels.get(&node).map_or(&[][..], Vec::as_slice) != leases {
                self.labels.insert(node, leases.clone());
                tell(Event::Labelled { node, leases });
            }
        }
    }
}
