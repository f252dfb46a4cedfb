//! `POST`.

use serde_json::json;

use crate::case::{Check, ensure, is, lacks, lease, same, version, with};
use crate::cases;

cases! {
    "POST creates: 201, with uid, version, creation time and namespace" => |t| {
        let made = t.create(&lease("x")).await?;
        is(&made, "/metadata/namespace", t.namespace.as_str())?;
        is(&made, "/kind", "Lease")?;
        is(&made, "/apiVersion", "coordination.k8s.io/v1")?;
        same("spec", &made["spec"], &lease("x")["spec"])?;
        let uid = made["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        ensure(uid.len() == 36 && &uid[14..15] == "4", || format!("no uid: {made}"))?;
        let created = made["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned();
        ensure(created.len() == 20 && created.ends_with('Z'), || format!("no creation time: {made}"))?;
        ensure(version(&made)? > 1, || format!("version 1: {made}"))?;
        same("what is read", &t.get("x").await?.code(200)?.json(), &made)
    }
    "a Lease has no generation, except one that was created with it, and nothing moves that" => |t| {
        lacks(&t.create(&lease("x")).await?, "/metadata/generation")?;
        let made = t.create(&with(lease("y"), "/metadata/generation", 5)).await?;
        is(&made, "/metadata/generation", 5)?;
        is(
            &t.replace(&with(with(made, "/metadata/generation", 9), "/spec/holderIdentity", "b")).await?,
            "/metadata/generation",
            5,
        )?;
        t.post(&with(lease("z"), "/metadata/generation", -1)).await?.refused(422, "Invalid")
    }
    "POST of an existing name is 409 AlreadyExists" => |t| {
        t.create(&lease("x")).await?;
        let reply = t.post(&lease("x")).await?.refused(409, "AlreadyExists")?;
        let reply = reply.message("leases.coordination.k8s.io \"x\" already exists")?;
        reply.is("/details", json!({ "name": "x", "group": "coordination.k8s.io", "kind": "leases" }))
    }
    "POST of an existing name that is also invalid is 422" => |t| {
        t.create(&lease("x")).await?;
        t.post(&with(lease("x"), "/spec/leaseDurationSeconds", 0)).await?.refused(422, "Invalid")
    }
    "POST with a resourceVersion is refused" => |t| {
        let reply = t.post(&with(lease("x"), "/metadata/resourceVersion", "5")).await?;
        reply.code(500)?.message("resourceVersion should not be set on objects to be created")?.lacks("/reason")?;
        t.get("x").await?.refused(404, "NotFound")?;
        t.create(&with(lease("x"), "/metadata/resourceVersion", "0")).await
    }
    "POST in a namespace that does not exist is 404 of the namespace" => |t| {
        let path = "/apis/coordination.k8s.io/v1/namespaces/conformance-none/leases";
        let reply = t.post_to(path, &lease("x")).await?.refused(404, "NotFound")?;
        let reply = reply.message("namespaces \"conformance-none\" not found")?;
        reply.is("/details", json!({ "name": "conformance-none", "kind": "namespaces" }))
    }
    "POST with another namespace in the body is 400" => |t| {
        let reply = t.post(&with(lease("x"), "/metadata/namespace", "default")).await?.refused(400, "BadRequest")?;
        reply.message("the namespace of the provided object does not match the namespace sent on the request")
    }
    "POST may leave out kind, apiVersion and spec" => |t| {
        let made = t.create(&json!({ "metadata": { "name": "x" } })).await?;
        is(&made, "/spec", json!({}))
    }
    "POST without a name is 422" => |t| {
        let reply = t.post(&json!({ "metadata": {} })).await?.refused(422, "Invalid")?;
        reply.message(
            "Lease.coordination.k8s.io \"\" is invalid: metadata.name: Required value: \
             name or generateName is required",
        )
    }
    "generateName makes a name with five more characters" => |t| {
        let made = t.create(&json!({ "metadata": { "generateName": "x-" } })).await?;
        let name = made["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        ensure(name.len() == 7 && name.starts_with("x-"), || format!("name {name:?}"))?;
        is(&made, "/metadata/generateName", "x-")
    }
    "what a POST says of uid, creation and deletion is ignored" => |t| {
        let body = json!({ "metadata": {
            "name": "x",
            "uid": "11111111-1111-4111-8111-111111111111",
            "creationTimestamp": "2001-01-01T00:00:00Z",
            "deletionTimestamp": "2001-01-01T00:00:00Z",
            "deletionGracePeriodSeconds": 5,
        } });
        let made = t.create(&body).await?;
        ensure(made["metadata"]["uid"] != body["metadata"]["uid"], || "the uid was taken over".to_owned())?;
        ensure(made["metadata"]["creationTimestamp"] != "2001-01-01T00:00:00Z", || {
            "the time was taken over".to_owned()
        })?;
        lacks(&made, "/metadata/deletionTimestamp")?;
        lacks(&made, "/metadata/deletionGracePeriodSeconds")
    }
    "POST with dryRun=All answers 201 and creates nothing" => |t| {
        let reply = t.post_to(&format!("{}?dryRun=All", t.leases()), &lease("x")).await?.code(201)?;
        reply.is("/metadata/name", "x")?.lacks("/metadata/resourceVersion")?;
        t.get("x").await?.refused(404, "NotFound")
    }
    "another dryRun than All is 422" => |t| {
        let reply = t.post_to(&format!("{}?dryRun=Some", t.leases()), &lease("x")).await?.refused(422, "Invalid")?;
        reply.message(
            "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"Some\"]: \
             supported values: \"All\"",
        )
    }
    "POST to a named lease is 405" => |t| {
        t.post_to(&t.path("x"), &lease("x")).await?.refused(405, "MethodNotAllowed")
    }
    "labels, annotations, owners and finalizers are stored as sent" => |t| {
        let mut body = lease("x");
        body["metadata"]["labels"] = json!({ "app": "ledger", "empty": "" });
        body["metadata"]["annotations"] = json!({ "example.com/note": "a \"quoted\" note\n" });
        body["metadata"]["ownerReferences"] =
            json!([{ "apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u", "controller": false }]);
        body["metadata"]["finalizers"] = json!(["example.com/hold"]);
        let made = t.create(&body).await?;
        for field in ["labels", "annotations", "ownerReferences", "finalizers"] {
            same(field, &made["metadata"][field], &body["metadata"][field])?;
        }
        let free = json!({ "metadata": { "finalizers": null } });
        t.merge("x", &free).await?.code(200)
    }
    "empty maps and lists are not stored" => |t| {
        let empty = json!({ "name": "x", "labels": {}, "annotations": {}, "finalizers": [], "ownerReferences": [] });
        let body = json!({ "metadata": empty });
        let made = t.create(&body).await?;
        for field in ["labels", "annotations", "finalizers", "ownerReferences"] {
            lacks(&made, &format!("/metadata/{field}"))?;
        }
    }
}
