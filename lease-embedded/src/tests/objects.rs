//! The kinds around a Lease: Pods, Services and EndpointSlices.

use super::*;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

fn objects(api: &EmbeddedApi, group: &str, kind: &str) -> Api<DynamicObject> {
    let kind = kube::core::GroupVersionKind::gvk(group, "v1", kind);
    Api::namespaced_with(api.client("default"), "default", &ApiResource::from_gvk(&kind))
}

/// A patch that names another pod of the same name changes nothing, as on a real server.
#[tokio::test]
async fn a_patch_of_a_pod_names_the_pod_that_it_means() {
    let api = EmbeddedApi::new();
    let pods = objects(&api, "", "Pod");
    assert!(api.put_object("pods", "default", "a", &json!({ "metadata": { "uid": "u-1" }, "spec": { "x": [1] } })));
    let patch = |uid: &str, value: Value| {
        Patch::Merge(json!({ "metadata": { "uid": uid, "labels": { "example.com/leads": value } } }))
    };
    let label = || api.object("pods", "default", "a").expect("a pod")["metadata"]["labels"].clone();
    let params = PatchParams::default();
    let patched = pods.patch("a", &params, &patch("u-1", "true".into())).await.expect("patched");
    assert_eq!((patched.data["spec"]["x"][0].clone(), label()), (json!(1), json!({ "example.com/leads": "true" })));
    assert_eq!(code(pods.patch("a", &params, &patch("u-2", Value::Null)).await), 422);
    assert_eq!(label(), json!({ "example.com/leads": "true" }));
    pods.patch("a", &params, &patch("u-1", Value::Null)).await.expect("patched");
    assert_eq!(label(), Value::Null);
    assert_eq!(code(pods.patch("b", &params, &patch("u-1", Value::Null)).await), 404);
}

#[tokio::test]
async fn an_endpoint_slice_is_compared_and_set_and_keeps_its_family() {
    let api = EmbeddedApi::new();
    let slices = objects(&api, "discovery.k8s.io", "EndpointSlice");
    let slice = |version: Option<&str>, family: &str| -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": { "name": "orders-leader", "resourceVersion": version },
            "addressType": family, "endpoints": [{ "addresses": ["10.0.0.1"] }],
        }))
        .expect("a slice")
    };
    let (name, params) = ("orders-leader", PostParams::default());
    assert_eq!(code(slices.replace(name, &params, &slice(None, "IPv4")).await), 404, "a PUT creates none");
    let made = slices.create(&params, &slice(None, "IPv4")).await.expect("created");
    assert_eq!(code(slices.create(&params, &slice(None, "IPv4")).await), 409);
    let version = made.metadata.resource_version.expect("a version");
    assert_eq!(code(slices.replace(name, &params, &slice(Some("1"), "IPv4")).await), 409);
    assert_eq!(code(slices.replace(name, &params, &slice(Some(&version), "IPv6")).await), 422);
    let mut next = slice(Some(&version), "IPv4");
    next.data["endpoints"] = json!([]);
    let next = slices.replace(name, &params, &next).await.expect("replaced");
    assert_eq!(next.data["endpoints"], json!([]));
}
