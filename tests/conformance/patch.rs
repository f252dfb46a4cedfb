//! `PATCH`: merge, JSON and strategic merge patches.

use serde_json::{Value, json};

use crate::case::{Check, ensure, is, lacks, lease, same, version, with};
use crate::cases;

const JSON: &str = "application/json-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

cases! {
    "a merge patch changes what it names, and null removes" => |t| {
        let made = t.create(&lease("x")).await?;
        let patch =
            json!({ "spec": { "holderIdentity": "b", "renewTime": null }, "metadata": { "labels": { "a": "b" } } });
        let next = t.merge("x", &patch).await?.code(200)?.json();
        is(&next, "/spec/holderIdentity", "b")?;
        is(&next, "/spec/leaseDurationSeconds", 15)?;
        is(&next, "/metadata/labels", json!({ "a": "b" }))?;
        lacks(&next, "/spec/renewTime")?;
        ensure(version(&next)? > version(&made)?, || "the version did not grow".to_owned())?;
        same("what is read", &t.get("x").await?.code(200)?.json(), &next)
    }
    "a merge patch without a version is unconditional" => |t| {
        let made = t.create(&lease("x")).await?;
        t.replace(&with(made, "/spec/holderIdentity", "b")).await?;
        t.merge("x", &json!({ "spec": { "holderIdentity": "c" } })).await?.code(200)?.is("/spec/holderIdentity", "c")
    }
    "a merge patch with a stale version is 409" => |t| {
        let made = t.create(&lease("x")).await?;
        t.replace(&with(made.clone(), "/spec/holderIdentity", "b")).await?;
        let meta = json!({ "resourceVersion": made["metadata"]["resourceVersion"] });
        let patch = json!({ "metadata": meta, "spec": { "holderIdentity": "c" } });
        t.merge("x", &patch).await?.refused(409, "Conflict")?.message_has("the object has been modified")
    }
    "a merge patch with the current version succeeds" => |t| {
        let made = t.create(&lease("x")).await?;
        let meta = json!({ "resourceVersion": made["metadata"]["resourceVersion"] });
        let patch = json!({ "metadata": meta, "spec": { "holderIdentity": "c" } });
        t.merge("x", &patch).await?.code(200)?.is("/spec/holderIdentity", "c")
    }
    "a merge patch with another uid is refused" => |t| {
        t.create(&lease("x")).await?;
        let patch = json!({ "metadata": { "uid": "11111111-1111-4111-8111-111111111111" } });
        t.merge("x", &patch)
            .await?
            .refused(422, "Invalid")?
            .message_has("metadata.uid: Invalid value: \"11111111-1111-4111-8111-111111111111\": field is immutable")
    }
    "a merge patch of a missing lease is 404" => |t| {
        t.merge("x", &json!({ "spec": { "holderIdentity": "b" } })).await?.refused(404, "NotFound")?;
        t.get("x").await?.code(404)
    }
    "a merge patch that removes the version is 422, one with a version that is not a number 500" => |t| {
        t.create(&lease("x")).await?;
        let patch = json!({ "metadata": { "resourceVersion": null } });
        t.merge("x", &patch)
            .await?
            .refused(422, "Invalid")?
            .message_has("metadata.resourceVersion: Invalid value: 0: must be specified for an update")?;
        t.merge("x", &json!({ "metadata": { "resourceVersion": "new" } })).await?.code(500)
    }
    "a merge patch can take away the spec" => |t| {
        t.create(&lease("x")).await?;
        t.merge("x", &json!({ "spec": null })).await?.code(200)?.is("/spec", json!({}))
    }
    "a merge patch that changes nothing does not raise the version" => |t| {
        let made = t.create(&lease("x")).await?;
        let reply = t.merge("x", &json!({ "spec": { "holderIdentity": "a" } })).await?.code(200)?;
        same("version", &reply.json()["metadata"]["resourceVersion"], &made["metadata"]["resourceVersion"])
    }
    "a merge patch to an invalid lease is 422" => |t| {
        t.create(&lease("x")).await?;
        let reply = t.merge("x", &json!({ "spec": { "leaseDurationSeconds": 0 } })).await?.refused(422, "Invalid")?;
        reply.message(
            "Lease.coordination.k8s.io \"x\" is invalid: \
             spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
        )
    }
    "a merge patch to an object that is not a lease is 422" => |t| {
        t.create(&lease("x")).await?;
        let reply =
            t.merge("x", &json!({ "spec": { "leaseDurationSeconds": "long" } })).await?.refused(422, "Invalid")?;
        reply.message_has(
            "cannot unmarshal string into Go struct field LeaseSpec.spec.leaseDurationSeconds of type int32",
        )?;
        t.merge("x", &json!({ "spec": { "renewTime": "soon" } }))
            .await?
            .refused(422, "Invalid")?
            .message_has("parsing time \"soon\"")
    }
    "a merge patch of an unknown field warns" => |t| {
        let made = t.create(&lease("x")).await?;
        let reply = t.merge("x", &json!({ "spec": { "ttl": 5 } })).await?.code(200)?.lacks("/spec/ttl")?;
        same("warnings", &json!(reply.header("warning")), &json!(["299 - \"unknown field \\\"spec.ttl\\\"\""]))?;
        same("version", &reply.json()["metadata"]["resourceVersion"], &made["metadata"]["resourceVersion"])
    }
    "a merge patch of an unknown field is 422 with fieldValidation=Strict" => |t| {
        t.create(&lease("x")).await?;
        let reply =
            t.merge("x?fieldValidation=Strict", &json!({ "spec": { "ttl": 5 } })).await?.refused(422, "Invalid")?;
        reply.message_has("strict decoding error: unknown field \"spec.ttl\"")
    }
    "a patch cannot rename" => |t| {
        t.create(&lease("x")).await?;
        let reply = t.merge("x", &json!({ "metadata": { "name": "y" } })).await?.refused(400, "BadRequest")?;
        reply.message("the name of the object (y) does not match the name on the URL (x)")?;
        let reply = t.merge("x", &json!({ "metadata": null })).await?.refused(400, "BadRequest")?;
        reply.message("the name of the object (x based on URL) was undeterminable: name must be provided")?;
        t.merge("x", &json!({ "metadata": { "namespace": "default" } })).await?.refused(400, "BadRequest")?;
        t.merge("x", &json!({ "kind": "Pod" })).await?.refused(422, "Invalid")
    }
    "a merge patch that is not an object, or not JSON, is 400" => |t| {
        t.create(&lease("x")).await?;
        t.merge("x", &json!([1])).await?.refused(400, "BadRequest")?;
        let ask =
            lease_tests::api::Ask::new(http::Method::PATCH, t.path("x")).body("application/merge-patch+json", "{");
        t.send(ask).await?.refused(400, "BadRequest")
    }
    "a patch with dryRun=All changes nothing" => |t| {
        let made = t.create(&lease("x")).await?;
        t.merge("x?dryRun=All", &json!({ "spec": { "holderIdentity": "b" } }))
            .await?
            .code(200)?
            .is("/spec/holderIdentity", "b")?;
        same("what is read", &t.get("x").await?.code(200)?.json(), &made)
    }
    "a JSON patch applies its operations in order" => |t| {
        t.create(&lease("x")).await?;
        let patch = json!([
            { "op": "test", "path": "/spec/holderIdentity", "value": "a" },
            { "op": "replace", "path": "/spec/holderIdentity", "value": "b" },
            { "op": "add", "path": "/metadata/annotations", "value": { "example.com/note": "1" } },
            { "op": "replace", "path": "/metadata/annotations/example.com~1note", "value": "2" },
            { "op": "remove", "path": "/spec/renewTime" },
            { "op": "copy", "from": "/spec/holderIdentity", "path": "/metadata/annotations/copy" },
        ]);
        let reply =
            t.patch("x", JSON, &patch).await?.code(200)?.is("/spec/holderIdentity", "b")?.lacks("/spec/renewTime")?;
        reply.is("/metadata/annotations", json!({ "example.com/note": "2", "copy": "b" }))
    }
    "a JSON patch whose test fails is 422 and changes nothing" => |t| {
        let made = t.create(&lease("x")).await?;
        let patch = json!([
            { "op": "replace", "path": "/spec/holderIdentity", "value": "b" },
            { "op": "test", "path": "/metadata/resourceVersion", "value": "1" },
        ]);
        let reply = t.patch("x", JSON, &patch).await?.refused(422, "Invalid")?;
        reply.message("the server rejected our request due to an error in our request")?;
        same("what is read", &t.get("x").await?.code(200)?.json(), &made)
    }
    "a JSON patch that removes or replaces what is not there is 422" => |t| {
        t.create(&lease("x")).await?;
        for op in ["remove", "replace"] {
            let patch = json!([{ "op": op, "path": "/metadata/labels/none", "value": "b" }]);
            t.patch("x", JSON, &patch).await?.refused(422, "Invalid")?;
        }
    }
    "a JSON patch may test that something is not there, and may not replace the whole" => |t| {
        t.create(&lease("x")).await?;
        t.patch("x", JSON, &json!([{ "op": "test", "path": "/spec/none", "value": null }])).await?.code(200)?;
        t.patch("x", JSON, &json!([{ "op": "fly", "path": "/spec" }])).await?.refused(422, "Invalid")?;
        t.patch("x", JSON, &json!([{ "op": "add", "path": "", "value": {} }])).await?.refused(422, "Invalid")
    }
    "a JSON patch that is not a list is 400" => |t| {
        t.create(&lease("x")).await?;
        t.patch("x", JSON, &json!({ "op": "remove", "path": "/spec" })).await?.refused(400, "BadRequest")
    }
    "a JSON patch of a missing lease is 404" => |t| {
        t.patch("x", JSON, &json!([{ "op": "remove", "path": "/spec" }])).await?.refused(404, "NotFound")
    }
    "a strategic patch merges labels, finalizers and owners" => |t| {
        let owner = |uid: &str, name: &str| json!({ "apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid });
        let mut body = with(lease("x"), "/metadata/labels", json!({ "a": "1", "b": "2" }));
        body["metadata"]["finalizers"] = json!(["example.com/a"]);
        body["metadata"]["ownerReferences"] = json!([owner("1", "p")]);
        t.create(&body).await?;
        let patch = json!({ "metadata": {
            "labels": { "a": null, "c": "3" },
            "finalizers": ["example.com/b"],
            "ownerReferences": [{ "uid": "1", "controller": true }, owner("2", "q")],
        } });
        let next = t.patch("x", STRATEGIC, &patch).await?.code(200)?.json();
        is(&next, "/metadata/labels", json!({ "b": "2", "c": "3" }))?;
        let mut finalizers: Vec<Value> = next["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
        finalizers.sort_by_key(ToString::to_string);
        same("finalizers", &json!(finalizers), &json!(["example.com/a", "example.com/b"]))?;
        let mut owners: Vec<Value> = next["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
        owners.sort_by_key(|owner| owner["uid"].to_string());
        same("owners", &json!(owners), &json!([with(owner("1", "p"), "/controller", true), owner("2", "q")]))?;
        t.merge("x", &json!({ "metadata": { "finalizers": null } })).await?.code(200)
    }
    "a patch of another content type is 415" => |t| {
        t.create(&lease("x")).await?;
        t.patch("x", "application/json", &json!({}))
            .await?
            .refused(415, "UnsupportedMediaType")?
            .message("415: Unsupported Media Type")
    }
    "force is for apply only" => |t| {
        t.create(&lease("x")).await?;
        let reply = t.merge("x?force=true", &json!({})).await?.refused(422, "Invalid")?;
        reply.message_has("force: Forbidden: may not be specified for non-apply patch")
    }
}
