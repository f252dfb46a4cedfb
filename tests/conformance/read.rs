//! `GET` of one object, and of the paths that describe the API.

use http::Method;
use lease_tests::api::Ask;
use serde_json::json;

use crate::case::{Check, ensure, lease, same, version};
use crate::cases;

cases! {
    "GET of a missing lease is 404" => |t| {
        let reply = t.get("x").await?.refused(404, "NotFound")?;
        let reply = reply.message("leases.coordination.k8s.io \"x\" not found")?;
        reply.is("/details", json!({ "name": "x", "group": "coordination.k8s.io", "kind": "leases" }))
    }
    "GET in a namespace that does not exist is 404 of the lease" => |t| {
        let reply = t
            .read("/apis/coordination.k8s.io/v1/namespaces/conformance-none/leases/x")
            .await?
            .refused(404, "NotFound")?;
        reply.message("leases.coordination.k8s.io \"x\" not found")
    }
    "GET with any past resourceVersion gives the object as it is" => |t| {
        let made = t.create(&lease("x")).await?;
        // The first request waits until the server's cache contains the object. The others would not wait.
        let current = version(&made)?;
        for version in [current, 0, 1] {
            let reply = t.get(&format!("x?resourceVersion={version}")).await?.code(200)?;
            same("what is read", &reply.json(), &made)?;
        }
    }
    "GET with a resourceVersion that is not a number is refused" => |t| {
        t.create(&lease("x")).await?;
        let reply = t.get("x?resourceVersion=new").await?.code(500)?.lacks("/reason")?;
        reply.message("resourceVersion: Invalid value: \"new\": strconv.ParseUint: parsing \"new\": invalid syntax")
    }
    "GET with a resourceVersion yet to come is 504 with a hint to retry" => |t| {
        let made = t.create(&lease("x")).await?;
        let reply =
            t.get(&format!("x?resourceVersion={}", version(&made)? + 1_000_000)).await?.refused(504, "Timeout")?;
        let reply = reply.message_has("Too large resource version")?.is("/details/retryAfterSeconds", 1)?;
        let reply = reply.is("/details/causes/0/reason", "ResourceVersionTooLarge")?;
        same("retry-after", &json!(reply.header("retry-after")), &json!(["1"]))
    }
    "HEAD is not allowed" => |t| {
        t.create(&lease("x")).await?;
        t.send(Ask::new(Method::HEAD, t.path("x"))).await?.code(405)
    }
    "the namespaces that every cluster has are there" => |t| {
        for namespace in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            let reply = t.read(&format!("/api/v1/namespaces/{namespace}")).await?.code(200)?;
            reply.is("/metadata/name", namespace)?.is("/status/phase", "Active")?.is("/kind", "Namespace")?;
        }
        t.read("/api/v1/namespaces/conformance-none")
            .await?
            .refused(404, "NotFound")?
            .message("namespaces \"conformance-none\" not found")
    }
    "a namespace is created with its label, finalizer and phase" => |t| {
        let reply = t.read(&format!("/api/v1/namespaces/{}", t.namespace)).await?.code(200)?;
        let reply = reply.is("/metadata/labels", json!({ "kubernetes.io/metadata.name": t.namespace }))?;
        reply.is("/spec", json!({ "finalizers": ["kubernetes"] }))?.is("/status", json!({ "phase": "Active" }))
    }
    "an existing namespace, and one with a bad name, are not created" => |t| {
        let create = |name: &str| json!({ "metadata": { "name": name } });
        let reply = t.post_to("/api/v1/namespaces", &create("default")).await?.refused(409, "AlreadyExists")?;
        reply.message("namespaces \"default\" already exists")?;
        t.post_to("/api/v1/namespaces", &create("a.b"))
            .await?
            .refused(422, "Invalid")?
            .message_has("must not contain dots")?;
        t.post_to("/api/v1/namespaces", &create("Ab"))
            .await?
            .refused(422, "Invalid")?
            .message_has("a lowercase RFC 1123 label")
    }
    "health is plain text" => |t| {
        for path in ["/healthz", "/readyz", "/livez"] {
            let reply = t.read(path).await?.code(200)?;
            ensure(reply.text() == "ok", || format!("{path}: {}", reply.text()))?;
        }
    }
    "the version is JSON" => |t| {
        let reply = t.read("/version").await?.code(200)?.is("/major", "1")?;
        let body = reply.json();
        ensure(body["gitVersion"].as_str().is_some_and(|version| version.starts_with("v1.")), || body.to_string())
    }
    "discovery lists the groups and the leases" => |t| {
        t.read("/api").await?.code(200)?.is("/kind", "APIVersions")?.is("/versions", json!(["v1"]))?;
        let groups = t.read("/apis").await?.code(200)?.is("/kind", "APIGroupList")?.json();
        for wanted in ["coordination.k8s.io", "events.k8s.io"] {
            let group = groups["groups"]
                .as_array()
                .and_then(|groups| groups.iter().find(|group| group["name"] == wanted).cloned());
            same(
                "version",
                &group.unwrap_or_default()["preferredVersion"]["groupVersion"],
                &json!(format!("{wanted}/v1")),
            )?;
        }
        t.read("/apis/coordination.k8s.io")
            .await?
            .code(200)?
            .is("/kind", "APIGroup")?
            .is("/name", "coordination.k8s.io")?;
        let list = t.read("/apis/coordination.k8s.io/v1").await?.code(200)?.is("/kind", "APIResourceList")?.json();
        let leases =
            list["resources"].as_array().and_then(|list| list.iter().find(|one| one["name"] == "leases").cloned());
        let leases = leases.unwrap_or_default();
        same("kind", &leases["kind"], &json!("Lease"))?;
        same("namespaced", &leases["namespaced"], &json!(true))?;
        same("singular", &leases["singularName"], &json!("lease"))?;
        let verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
        same("verbs", &leases["verbs"], &json!(verbs))?;
        let core = t.read("/api/v1").await?.code(200)?.json();
        let has =
            |name: &str| core["resources"].as_array().is_some_and(|list| list.iter().any(|one| one["name"] == name));
        ensure(has("events") && has("namespaces"), || core.to_string())
    }
    "a path that leads nowhere is a plain 404" => |t| {
        for path in ["/nothing", "/apis/nothing/v1/leases"] {
            let reply = t.read(path).await?.code(404)?;
            ensure(reply.text() == "404 page not found\n", || format!("{path}: {}", reply.text()))?;
        }
    }
    "a path that leads nowhere in a group that exists is a 404 with a Status" => |t| {
        for path in [
            "/apis/coordination.k8s.io/v1/namespaces/default/nothing",
            "/apis/coordination.k8s.io/v1/nothing",
            "/apis/coordination.k8s.io/v1/leases/x",
            "/apis/coordination.k8s.io/v1/namespaces/default/leases/x/status",
            "/api/v1/nothing",
        ] {
            let reply = t.read(path).await?.refused(404, "NotFound")?;
            reply
                .message("the server could not find the requested resource")
                .map_err(|why| format!("{path}: {why}"))?;
        }
    }
}
