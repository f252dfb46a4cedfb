//! Events, as programs report them on a Lease.

use http::Method;
use lease_tests::api::Ask;
use serde_json::{Value, json};

use crate::case::{Check, Test, ensure, is, same, with, without};
use crate::cases;

fn path(t: &Test) -> String {
    format!("/apis/events.k8s.io/v1/namespaces/{}/events", t.namespace)
}

fn core_path(t: &Test) -> String {
    format!("/api/v1/namespaces/{}/events", t.namespace)
}

/// The lease that the events are about.
fn about(t: &Test) -> Value {
    let version = "coordination.k8s.io/v1";
    json!({ "apiVersion": version, "kind": "Lease", "name": "x", "uid": "u", "namespace": t.namespace })
}

fn event(t: &Test) -> Value {
    json!({
        "metadata": { "name": "x.1" },
        "eventTime": "2026-11-22T15:00:00.000001Z",
        "reportingController": "lease-runtime",
        "reportingInstance": "pod-a",
        "action": "Acquire",
        "reason": "LeaderElection",
        "regarding": about(t),
        "note": "pod-a became leader",
        "type": "Normal",
    })
}

fn core_event(t: &Test) -> Value {
    json!({
        "metadata": { "name": "x.1" },
        "involvedObject": about(t),
        "reason": "LeaderElection",
        "message": "pod-a became leader",
        "source": { "component": "lease-runtime" },
        "firstTimestamp": "2026-11-22T15:00:00Z",
        "lastTimestamp": "2026-11-22T15:00:00Z",
        "count": 1,
        "type": "Normal",
    })
}

cases! {
    "an Event is created: 201" => |t| {
        let made = t
            .post_to(&path(&t), &event(&t))
            .await?
            .code(201)?
            .is("/kind", "Event")?
            .is("/apiVersion", "events.k8s.io/v1")?
            .json();
        for field in
            ["eventTime", "reportingController", "reportingInstance", "action", "reason", "regarding", "note", "type"]
        {
            same(field, &made[field], &event(&t)[field])?;
        }
    }
    "an Event of the one group is seen in the other, under its names" => |t| {
        t.post_to(&path(&t), &event(&t)).await?.code(201)?;
        let seen = t.read(&format!("{}/x.1", core_path(&t))).await?.code(200)?.is("/apiVersion", "v1")?.json();
        is(&seen, "/involvedObject/name", "x")?;
        is(&seen, "/message", "pod-a became leader")?;
        is(&seen, "/reportingComponent", "lease-runtime")?;
        t.post_to(&core_path(&t), &with(core_event(&t), "/metadata/name", "x.2")).await?.code(201)?;
        let seen = t.read(&format!("{}/x.2", path(&t))).await?.code(200)?.is("/apiVersion", "events.k8s.io/v1")?.json();
        is(&seen, "/regarding/name", "x")?;
        is(&seen, "/note", "pod-a became leader")?;
        is(&seen, "/deprecatedSource/component", "lease-runtime")?;
        is(&seen, "/deprecatedCount", 1)
    }
    "an Event needs its time, controller, instance, action, reason and type" => |t| {
        for (field, why) in [
            ("eventTime", "eventTime: Required value"),
            ("reportingController", "reportingController: Required value"),
            ("reportingInstance", "reportingInstance: Required value"),
            ("action", "action: Required value"),
            ("reason", "reason: Required value"),
            ("type", "type: Invalid value"),
        ] {
            let reply = t.post_to(&path(&t), &without(event(&t), &format!("/{field}"))).await?;
            reply.refused(422, "Invalid")?.message_has(why).map_err(|difference| format!("{field}: {difference}"))?;
        }
    }
    "an Event's texts have limits" => |t| {
        for (field, length) in [("reportingInstance", 129), ("action", 129), ("reason", 129), ("note", 1025)] {
            let body = with(event(&t), &format!("/{field}"), "a".repeat(length));
            let reply = t.post_to(&path(&t), &body).await?.refused(422, "Invalid")?;
            reply.message_has("can have at most ").map_err(|difference| format!("{field}: {difference}"))?;
        }
    }
    "an Event of another namespace than its object is 422 in the core group" => |t| {
        let body = with(core_event(&t), "/involvedObject/namespace", "default");
        let reply = t.post_to(&core_path(&t), &body).await?.refused(422, "Invalid")?;
        reply.message_has("involvedObject.namespace: Invalid value: \"default\": does not match event.namespace")
    }
    "a series is a patch of the first Event" => |t| {
        t.post_to(&path(&t), &event(&t)).await?.code(201)?;
        let series = json!({ "count": 2, "lastObservedTime": "2026-11-22T15:01:00.000000Z" });
        let patch = |body: &Value| {
            Ask::new(Method::PATCH, format!("{}/x.1", path(&t))).body("application/merge-patch+json", body.to_string())
        };
        t.send(patch(&json!({ "series": series }))).await?.code(200)?.is("/series", series)?;
        t.send(patch(&json!({ "series": { "count": 1 } })))
            .await?
            .refused(422, "Invalid")?
            .message_has("series.count")?;
        t.send(patch(&json!({ "note": "another" }))).await?.refused(422, "Invalid")?.message_has("field is immutable")
    }
    "Events are selected by the object they are about" => |t| {
        t.post_to(&path(&t), &event(&t)).await?.code(201)?;
        let found = |list: &Value| list["items"].as_array().map_or(0, Vec::len);
        for (place, query, wanted) in [
            (path(&t), "regarding.name%3Dx", 1),
            (path(&t), "regarding.name%3Dy", 0),
            (core_path(&t), "involvedObject.kind%3DLease,reason%3DLeaderElection", 1),
            (core_path(&t), "type%3DWarning", 0),
        ] {
            let list = t.read(&format!("{place}?fieldSelector={query}")).await?.code(200)?.json();
            ensure(found(&list) == wanted, || format!("{query}: {list}"))?;
        }
    }
    "an Event in a namespace that does not exist is 404" => |t| {
        let body = without(event(&t), "/regarding/namespace");
        let reply = t
            .post_to(
                "/apis/events.k8s.io/v1/namespaces/conformance-none/events",
                &with(body, "/regarding/namespace", "conformance-none"),
            )
            .await?;
        reply.refused(404, "NotFound")?.message("namespaces \"conformance-none\" not found")
    }
}
