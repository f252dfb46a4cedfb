//! Server-side apply.

use serde_json::{Value, json};

use crate::case::{Check, ensure, is, lacks, same, version};
use crate::cases;

fn applied(spec: Value) -> Value {
    json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": "x" }, "spec": spec })
}

cases! {
    "apply creates a missing lease: 201" => |t| {
        let reply = t.apply("x", "one", "", &applied(json!({ "holderIdentity": "a" }))).await?.code(201)?;
        reply.is("/spec", json!({ "holderIdentity": "a" }))
    }
    "apply adds fields and leaves the others" => |t| {
        t.create(&crate::case::lease("x")).await?;
        let mut body = applied(json!({}));
        body["metadata"]["labels"] = json!({ "a": "b" });
        let reply = t.apply("x", "one", "", &body).await?.code(200)?;
        reply.is("/metadata/labels", json!({ "a": "b" }))?.is("/spec/holderIdentity", "a")
    }
    "apply of the same again changes nothing" => |t| {
        let body = applied(json!({ "holderIdentity": "a" }));
        let first = t.apply("x", "one", "", &body).await?.code(201)?.json();
        let second = t.apply("x", "one", "", &body).await?.code(200)?.json();
        same("version", &second["metadata"]["resourceVersion"], &first["metadata"]["resourceVersion"])
    }
    "apply takes away what its manager no longer applies" => |t| {
        t.apply("x", "one", "", &applied(json!({ "holderIdentity": "a", "leaseDurationSeconds": 15 })))
            .await?
            .code(201)?;
        let next = t.apply("x", "one", "", &applied(json!({ "holderIdentity": "a" }))).await?.code(200)?.json();
        lacks(&next, "/spec/leaseDurationSeconds")
    }
    "apply of another manager's field is 409 with a cause" => |t| {
        t.apply("x", "one", "", &applied(json!({ "holderIdentity": "a" }))).await?.code(201)?;
        let reply =
            t.apply("x", "two", "", &applied(json!({ "holderIdentity": "b" }))).await?.refused(409, "Conflict")?;
        let reply = reply.message("Apply failed with 1 conflict: conflict with \"one\": .spec.holderIdentity")?;
        let (reason, message) = ("FieldManagerConflict", "conflict with \"one\"");
        let cause = json!({ "reason": reason, "message": message, "field": ".spec.holderIdentity" });
        reply.is("/details/causes", json!([cause]))
    }
    "apply lists its conflicts manager by manager" => |t| {
        t.apply("x", "one", "", &applied(json!({ "holderIdentity": "a", "leaseDurationSeconds": 15 })))
            .await?
            .code(201)?;
        let reply =
            t.apply("x", "two", "", &applied(json!({ "holderIdentity": "b", "leaseDurationSeconds": 16 }))).await?;
        let reply = reply.refused(409, "Conflict")?;
        reply.message(
            "Apply failed with 2 conflicts: conflicts with \"one\":\n- .spec.holderIdentity\n\
             - .spec.leaseDurationSeconds",
        )
    }
    "apply merges finalizers and owners, and takes away only its own" => |t| {
        let owner = |uid: &str| json!({ "apiVersion": "v1", "kind": "Pod", "name": "p", "uid": uid });
        let body = |finalizers: Value, owners: Value| {
            let mut body = applied(json!({}));
            body["metadata"]["finalizers"] = finalizers;
            body["metadata"]["ownerReferences"] = owners;
            body
        };
        let first = body(json!(["example.com/b", "example.com/a"]), json!([owner("1")]));
        t.apply("x", "one", "", &first).await?.code(201)?;
        let second = body(json!(["example.com/c", "example.com/a"]), json!([owner("2")]));
        let both = t.apply("x", "two", "", &second).await?.code(200)?;
        let both = both.is("/metadata/finalizers", json!(["example.com/b", "example.com/c", "example.com/a"]))?;
        both.is("/metadata/ownerReferences", json!([owner("1"), owner("2")]))?;
        let left = t.apply("x", "one", "", &applied(json!({}))).await?.code(200)?;
        let left = left.is("/metadata/finalizers", json!(["example.com/c", "example.com/a"]))?;
        left.is("/metadata/ownerReferences", json!([owner("2")]))?;
        t.merge("x", &json!({ "metadata": { "finalizers": null } })).await?.code(200)
    }
    "apply with force takes the field over" => |t| {
        t.apply("x", "one", "", &applied(json!({ "holderIdentity": "a" }))).await?.code(201)?;
        let reply = t.apply("x", "two", "&force=true", &applied(json!({ "holderIdentity": "b" }))).await?.code(200)?;
        reply.is("/spec/holderIdentity", "b")?;
        // Now the field belongs to `two`, so `one` cannot remove it by leaving it out.
        let reply = t.apply("x", "one", "", &applied(json!({ "leaseDurationSeconds": 15 }))).await?.code(200)?;
        reply.is("/spec", json!({ "holderIdentity": "b", "leaseDurationSeconds": 15 }))
    }
    "apply of the same value shares the field" => |t| {
        t.apply("x", "one", "", &applied(json!({ "holderIdentity": "a" }))).await?.code(201)?;
        t.apply("x", "two", "", &applied(json!({ "holderIdentity": "a" }))).await?.code(200)?;
        let reply = t.apply("x", "one", "", &applied(json!({ "leaseDurationSeconds": 15 }))).await?.code(200)?;
        reply.is("/spec", json!({ "holderIdentity": "a", "leaseDurationSeconds": 15 }))
    }
    "apply over a field that was put is a conflict" => |t| {
        let made =
            t.post_to(&format!("{}?fieldManager=putter", t.leases()), &crate::case::lease("x")).await?.code(201)?;
        drop(made);
        let reply =
            t.apply("x", "one", "", &applied(json!({ "holderIdentity": "b" }))).await?.refused(409, "Conflict")?;
        reply.message_has("conflict with \"putter\" using coordination.k8s.io/v1: .spec.holderIdentity")
    }
    "apply without fieldManager is 422" => |t| {
        let reply = t.patch("x", "application/apply-patch+yaml", &applied(json!({}))).await?.refused(422, "Invalid")?;
        reply.message(
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
        )
    }
    "apply without apiVersion or kind is 400" => |t| {
        let reply =
            t.apply("x", "one", "", &json!({ "metadata": { "name": "x" } })).await?.refused(400, "BadRequest")?;
        reply.message("invalid object type: /, Kind=")?;
        let body = json!({ "apiVersion": "v1", "kind": "Lease", "metadata": { "name": "x" } });
        t.apply("x", "one", "", &body)
            .await?
            .refused(400, "BadRequest")?
            .message("invalid object type: /v1, Kind=Lease")
    }
    "apply of another name, or of managedFields, is 400" => |t| {
        let mut body = applied(json!({}));
        body["metadata"]["managedFields"] = json!([]);
        t.apply("x", "one", "", &body)
            .await?
            .refused(400, "BadRequest")?
            .message("metadata.managedFields must be nil")?;
        let reply = t.apply("y", "one", "", &applied(json!({}))).await?.refused(400, "BadRequest")?;
        reply.message("the name of the object (x) does not match the name on the URL (y)")
    }
    "apply of a field that is not in the schema is 500" => |t| {
        t.apply("x", "one", "", &applied(json!({ "ttl": 5 })))
            .await?
            .code(500)?
            .message_has("failed to create typed patch object")
    }
    "apply over a lease that nobody manages leaves what was there" => |t| {
        let made = t.create(&crate::case::lease("x")).await?;
        let bare = t.replace(&crate::case::with(made, "/metadata/managedFields", json!([{}]))).await?;
        lacks(&bare, "/metadata/managedFields")?;
        // An update does not begin to record managers,
        let next = t.merge("x", &json!({ "spec": { "holderIdentity": "b" } })).await?.code(200)?.json();
        lacks(&next, "/metadata/managedFields")?;
        // but an apply does.
        let body = applied(json!({ "holderIdentity": "b" }));
        let reply = t.apply("x", "one", "", &body).await?.code(200)?.is("/spec/leaseDurationSeconds", 15)?;
        reply
            .is("/metadata/managedFields/0/manager", "one")?
            .is("/metadata/managedFields/1/manager", "before-first-apply")
    }
    "a manager goes by the first part of its user agent" => |t| {
        let ask = lease_tests::api::Ask::new(http::Method::POST, t.leases()).json(&crate::case::lease("x"));
        let made = t.send(ask.header("user-agent", "ledger/1.0 (linux)")).await?.code(201)?.json();
        is(&made, "/metadata/managedFields/0/manager", "ledger")?;
        let fields = json!({ "f:spec": {
            "f:acquireTime": {},
            "f:holderIdentity": {},
            "f:leaseDurationSeconds": {},
            "f:leaseTransitions": {},
            "f:renewTime": {},
        } });
        is(&made, "/metadata/managedFields/0/fieldsV1", fields)
    }
    "apply with a stale version is 409" => |t| {
        let first = t.apply("x", "one", "", &applied(json!({ "holderIdentity": "a" }))).await?.code(201)?.json();
        t.apply("x", "one", "", &applied(json!({ "holderIdentity": "b" }))).await?.code(200)?;
        let mut body = applied(json!({ "holderIdentity": "c" }));
        body["metadata"]["resourceVersion"] = first["metadata"]["resourceVersion"].clone();
        t.apply("x", "one", "", &body).await?.refused(409, "Conflict")?.message_has("the object has been modified")
    }
    "apply of an object that is not a lease is refused" => |t| {
        t.apply("x", "one", "", &applied(json!({ "leaseDurationSeconds": 0 }))).await?.refused(422, "Invalid")
    }
    "a lease says who manages which field" => |t| {
        let first = t.apply("x", "one", "", &applied(json!({ "holderIdentity": "a" }))).await?.code(201)?.json();
        let entry = &first["metadata"]["managedFields"][0];
        for (field, wanted) in [
            ("manager", "one"),
            ("operation", "Apply"),
            ("apiVersion", "coordination.k8s.io/v1"),
            ("fieldsType", "FieldsV1"),
        ] {
            same(field, &entry[field], &json!(wanted))?;
        }
        same("fields", &entry["fieldsV1"], &json!({ "f:spec": { "f:holderIdentity": {} } }))?;
        let next =
            t.merge("x?fieldManager=two", &json!({ "spec": { "leaseDurationSeconds": 15 } })).await?.code(200)?.json();
        is(&next, "/metadata/managedFields/1/operation", "Update")?;
        is(&next, "/metadata/managedFields/1/fieldsV1", json!({ "f:spec": { "f:leaseDurationSeconds": {} } }))?;
        ensure(version(&next)? > version(&first)?, || "the version did not grow".to_owned())
    }
}
