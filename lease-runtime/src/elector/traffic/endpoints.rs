//! What an EndpointSlice says: the address of the leader's pod, the ports of the Service, and the fencing token.

use std::net::IpAddr;

use kube::api::{DynamicObject, TypeMeta};
use kube::core::ObjectMeta;
use serde_json::{Value, json};

use super::problem::TrafficProblem;
use crate::elector::text::short;
use crate::spec::PodFacts;
use lease_protocol::election::FencingToken;

/// The annotation with the fencing token of the last writer.
const TOKEN: &str = "lease-runtime.dev/fencing-token";
/// The label by which kube-proxy finds the slices of a Service.
const SERVICE: &str = "kubernetes.io/service-name";
/// The label that keeps the controllers of Kubernetes away from the slice.
const MANAGED_BY: (&str, &str) = ("endpointslice.kubernetes.io/managed-by", "lease-runtime.dev");

/// The endpoints and ports of a slice.
#[derive(Default)]
pub(super) struct Content {
    endpoints: Vec<Value>,
    ports: Vec<Value>,
}

impl Content {
    /// The ports of a slice, without an endpoint.
    pub(super) fn emptied(slice: &DynamicObject) -> Content {
        Content { endpoints: Vec::new(), ports: list(&slice.data, "ports").to_vec() }
    }
}

/// Whether a program may write the endpoints of this Service, for this pod.
pub(super) fn check(service: &DynamicObject, name: &str, pod: &PodFacts) -> Result<(), TrafficProblem> {
    let spec = &service.data["spec"];
    let service = || name.to_owned();
    if spec["selector"].as_object().is_some_and(|selector| !selector.is_empty()) {
        return Err(TrafficProblem::HasSelector { service: service() });
    }
    if spec["type"] == "ExternalName" {
        return Err(TrafficProblem::ExternalName { service: service() });
    }
    let families = list(spec, "ipFamilies");
    let ours = family(pod);
    if !families.is_empty() && !families.iter().any(|family| family == ours) {
        return Err(TrafficProblem::OtherFamily { service: service(), ours });
    }
    Ok(())
}

/// Whether a port of the Service goes to a port that the pod has under a name.
pub(super) fn names_ports(service: &DynamicObject) -> bool {
    list(&service.data["spec"], "ports").iter().any(|port| target_name(port).is_some())
}

/// The content of a slice that leads to this pod. `object` is the pod, if ports have names.
pub(super) fn content(
    service: &DynamicObject,
    name: &str,
    object: Option<&DynamicObject>,
    pod: &PodFacts,
) -> Result<Content, TrafficProblem> {
    let ports = list(&service.data["spec"], "ports").iter().map(|port| {
        let number = match target_name(port) {
            Some(target) => {
                container_port(object, target, protocol(port)).ok_or_else(|| TrafficProblem::NamedPort {
                    service: name.to_owned(),
                    port: short(port["name"].as_str().map_or(&port["port"].to_string(), |name| name)),
                    target: short(target),
                })?
            }
            None => port["targetPort"].as_u64().filter(|target| *target != 0).or(port["port"].as_u64()).unwrap_or(0),
        };
        let mut written = json!({
            "name": port["name"].as_str().unwrap_or_default(), "protocol": protocol(port), "port": number,
        });
        if let Some(app) = port["appProtocol"].as_str() {
            written["appProtocol"] = app.into();
        }
        Ok(written)
    });
    let ports = ports.collect::<Result<_, _>>()?;
    let PodFacts { namespace, name, uid, ip, node } = pod;
    let mut endpoint = json!({
        "addresses": ip.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "conditions": { "ready": true },
        "targetRef": { "kind": "Pod", "namespace": &**namespace, "name": &**name, "uid": &**uid },
    });
    if let Some(node) = node {
        endpoint["nodeName"] = Value::from(&**node);
    }
    Ok(Content { endpoints: vec![endpoint], ports })
}

/// The fencing token of the last writer; 0 without one.
///
/// # Errors
///
/// What stands there, if it is no number.
pub(super) fn token(slice: &DynamicObject) -> Result<u64, &str> {
    match slice.metadata.annotations.as_ref().and_then(|annotations| annotations.get(TOKEN)) {
        Some(token) => token.parse().map_err(|_| token.as_str()),
        None => Ok(0),
    }
}

/// Whether this slice may be replaced by the leader with this token.
pub(super) fn may_replace(
    found: &DynamicObject,
    slice: &str,
    token: FencingToken,
    pod: &PodFacts,
) -> Result<(), TrafficProblem> {
    let (slice, ours) = (slice.to_owned(), token.get());
    let manager = found.metadata.labels.as_ref().and_then(|labels| labels.get(MANAGED_BY.0));
    if let Some(manager) = manager.filter(|manager| !manager.is_empty() && *manager != MANAGED_BY.1) {
        return Err(TrafficProblem::OtherManager { slice, manager: short(manager) });
    }
    match self::token(found) {
        Err(found) => return Err(TrafficProblem::UnreadableToken { slice, found: short(found) }),
        Ok(theirs) if theirs > ours => return Err(TrafficProblem::LaterLeader { slice, theirs, ours }),
        Ok(_) => {}
    }
    let theirs = &found.data["addressType"];
    if theirs != family(pod) {
        let theirs = short(theirs.as_str().unwrap_or_default());
        return Err(TrafficProblem::OtherSliceFamily { slice, theirs, ours: family(pod) });
    }
    Ok(())
}

/// Whether the slice says this already.
pub(super) fn is_written(found: &DynamicObject, token: FencingToken, content: &Content) -> bool {
    self::token(found) == Ok(token.get())
        && list(&found.data, "endpoints") == content.endpoints
        && list(&found.data, "ports") == content.ports
}

/// The object to write: a new one, or `found` with this content. What others have added to its metadata stays.
pub(super) fn object(
    found: Option<DynamicObject>,
    (slice, service): (&str, &str),
    token: FencingToken,
    content: &Content,
    pod: &PodFacts,
) -> DynamicObject {
    let types = Some(TypeMeta { api_version: "discovery.k8s.io/v1".to_owned(), kind: "EndpointSlice".to_owned() });
    let mut metadata = found.map_or_else(
        || ObjectMeta {
            name: Some(slice.to_owned()),
            namespace: Some(pod.namespace.to_string()),
            ..ObjectMeta::default()
        },
        |found| found.metadata,
    );
    let labels = metadata.labels.get_or_insert_default();
    labels.extend([(SERVICE, service), MANAGED_BY].map(|(key, value)| (key.to_owned(), value.to_owned())));
    metadata.annotations.get_or_insert_default().insert(TOKEN.to_owned(), token.get().to_string());
    // The server keeps them by itself.
    metadata.managed_fields = None;
    let Content { endpoints, ports } = content;
    let data = json!({ "addressType": family(pod), "endpoints": endpoints, "ports": ports });
    DynamicObject { types, metadata, data }
}

fn family(pod: &PodFacts) -> &'static str {
    if matches!(pod.ip, Some(IpAddr::V6(_))) { "IPv6" } else { "IPv4" }
}

fn list<'a>(object: &'a Value, field: &str) -> &'a [Value] {
    object[field].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn protocol(port: &Value) -> &str {
    port["protocol"].as_str().filter(|protocol| !protocol.is_empty()).unwrap_or("TCP")
}

fn target_name(port: &Value) -> Option<&str> {
    port["targetPort"].as_str().filter(|name| !name.is_empty())
}

/// The number of a port that a container of the pod has under this name.
fn container_port(pod: Option<&DynamicObject>, name: &str, protocol: &str) -> Option<u64> {
    let spec = &pod?.data["spec"];
    // Containers that start first and go on, as sidecars do, are among the init containers.
    let containers = list(spec, "containers").iter().chain(list(spec, "initContainers"));
    let mut ports = containers.flat_map(|container| list(container, "ports"));
    let port = ports.find(|port| port["name"] == name && self::protocol(port) == protocol)?;
    port["containerPort"].as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object_of(value: Value) -> DynamicObject {
        serde_json::from_value(value).unwrap()
    }

    fn pod(ip: &str) -> PodFacts {
        let [namespace, name, uid] = ["jobs", "a", "u-1"].map(Into::into);
        PodFacts { namespace, name, uid, ip: ip.parse().ok(), node: Some("n".into()) }
    }

    fn service(spec: Value) -> DynamicObject {
        object_of(json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "orders" }, "spec": spec }))
    }

    #[test]
    fn ports_follow_the_service_and_names_the_pod() {
        let service = service(json!({ "ports": [
            { "name": "http", "port": 80, "targetPort": 8080, "appProtocol": "h2c" },
            { "name": "dns", "port": 53, "protocol": "UDP" },
            { "name": "admin", "port": 90, "targetPort": "admin" },
        ] }));
        assert!(names_ports(&service));
        let object = object_of(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a" },
            "spec": { "containers": [
                { "ports": [{ "name": "admin", "protocol": "UDP", "containerPort": 1 }] },
                { "ports": [{ "name": "admin", "containerPort": 9000 }] },
            ] },
        }));
        let content = content(&service, "orders", Some(&object), &pod("10.0.0.1")).ok().unwrap();
        let ports = json!([
            { "name": "http", "protocol": "TCP", "port": 8080, "appProtocol": "h2c" },
            { "name": "dns", "protocol": "UDP", "port": 53 },
            { "name": "admin", "protocol": "TCP", "port": 9000 },
        ]);
        assert_eq!(Value::from(content.ports), ports);
        let endpoint = json!({
            "addresses": ["10.0.0.1"], "conditions": { "ready": true }, "nodeName": "n",
            "targetRef": { "kind": "Pod", "namespace": "jobs", "name": "a", "uid": "u-1" },
        });
        assert_eq!(Value::from(content.endpoints), json!([endpoint]));
        let error = self::content(&service, "orders", None, &pod("10.0.0.1")).err().unwrap().to_string();
        assert!(error.contains("the port `admin` of the Service `orders` has the targetPort `admin`"), "{error}");
    }

    #[test]
    fn only_a_service_without_a_selector_and_with_the_family_of_the_pod_is_taken() {
        let check = |spec, ip| check(&service(spec), "orders", &pod(ip)).map_err(|problem| problem.kind());
        assert_eq!(check(json!({ "selector": {} }), "10.0.0.1"), Ok(()));
        assert_eq!(check(json!({ "selector": { "app": "x" } }), "10.0.0.1"), Err("has_selector"));
        assert_eq!(check(json!({ "type": "ExternalName" }), "10.0.0.1"), Err("external_name"));
        assert_eq!(check(json!({ "ipFamilies": ["IPv4"] }), "fd00::1"), Err("other_family"));
        assert_eq!(check(json!({ "ipFamilies": ["IPv4", "IPv6"] }), "fd00::1"), Ok(()));
        assert_eq!(check(Value::Null, "10.0.0.1"), Ok(()));
    }

    #[test]
    fn only_an_own_slice_with_no_higher_token_may_be_replaced() {
        let seven = FencingToken::new(7);
        let slice = |manager: &str, token: Value, family: &str| {
            object_of(json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {
                    "name": "orders-leader", "labels": { (MANAGED_BY.0): manager },
                    "annotations": if token.is_null() { Value::Null } else { json!({ (TOKEN): token }) },
                },
                "addressType": family, "endpoints": [],
            }))
        };
        let may = |manager: &str, token: Value, family: &str| {
            let slice = slice(manager, token, family);
            may_replace(&slice, "orders-leader", seven, &pod("10.0.0.1")).map_err(|problem| problem.kind())
        };
        let ours = MANAGED_BY.1;
        for token in [Value::Null, "6".into(), "7".into()] {
            assert_eq!(may(ours, token, "IPv4"), Ok(()));
        }
        assert_eq!(may(ours, "8".into(), "IPv4"), Err("later_leader"));
        assert_eq!(may(ours, "x".into(), "IPv4"), Err("unreadable_token"));
        assert_eq!(may(ours, "7".into(), "IPv6"), Err("other_slice_family"));
        assert_eq!(may("endpointslice-controller.k8s.io", "7".into(), "IPv4"), Err("other_manager"));
    }
}
