//! `WATCH`.

use std::time::Duration;

use http::Method;
use lease_tests::api::Ask;
use serde_json::json;

use crate::case::{Check, ensure, is, lease, not_applicable, same, version, with};
use crate::cases;

cases! {
    "a watch from a version sends each later change, in order, and nothing earlier" => |t| {
        let made = t.create(&lease("x")).await?;
        let mut watch = t.watch(&format!("resourceVersion={}", version(&made)?)).await?;
        let next = t.replace(&with(made, "/spec/holderIdentity", "b")).await?;
        let other = t.create(&lease("y")).await?;
        t.delete("x", None).await?.code(200)?;
        same("modified", &watch.next("MODIFIED").await?, &next)?;
        same("added", &watch.next("ADDED").await?, &other)?;
        let gone = watch.next("DELETED").await?;
        is(&gone, "/metadata/uid", next["metadata"]["uid"].clone())?;
        is(&gone, "/spec/holderIdentity", "b")?;
        ensure(version(&gone)? > version(&other)?, || format!("the deletion has no version of its own: {gone}"))?;
        watch.silence().await
    }
    "a watch replays what happened between its version and now" => |t| {
        let made = t.create(&lease("x")).await?;
        let next = t.replace(&with(made.clone(), "/spec/holderIdentity", "b")).await?;
        t.delete("x", None).await?.code(200)?;
        let mut watch = t.watch(&format!("resourceVersion={}", version(&made)?)).await?;
        same("modified", &watch.next("MODIFIED").await?, &next)?;
        watch.next("DELETED").await
    }
    "a watch without a version, or from 0, begins with the existing objects" => |t| {
        let made = t.create(&lease("x")).await?;
        for query in ["", "resourceVersion=0"] {
            let mut watch = t.watch(query).await?;
            same("added", &watch.next("ADDED").await?, &made)?;
            watch.silence().await?;
        }
    }
    "a watch of one name sends no other" => |t| {
        let made = t.create(&lease("x")).await?;
        let mut watch =
            t.watch(&format!("fieldSelector=metadata.name%3Dx&resourceVersion={}", version(&made)?)).await?;
        t.create(&lease("y")).await?;
        let next = t.replace(&with(made, "/spec/holderIdentity", "b")).await?;
        same("modified", &watch.next("MODIFIED").await?, &next)?;
        watch.silence().await
    }
    "a watch of a name that does not exist yet sends its creation" => |t| {
        let start = t.create(&lease("other")).await?;
        let mut watch =
            t.watch(&format!("fieldSelector=metadata.name%3Dx&resourceVersion={}", version(&start)?)).await?;
        let made = t.create(&lease("x")).await?;
        same("added", &watch.next("ADDED").await?, &made)
    }
    "to a watch of a label, an object that loses it is deleted, one that gets it added" => |t| {
        let made = t.create(&lease("x")).await?;
        let mut watch = t.watch(&format!("labelSelector=app%3Dx&resourceVersion={}", version(&made)?)).await?;
        let labelled = t.merge("x", &json!({ "metadata": { "labels": { "app": "x" } } })).await?.code(200)?.json();
        same("added", &watch.next("ADDED").await?, &labelled)?;
        let bare = t.merge("x", &json!({ "metadata": { "labels": null } })).await?.code(200)?.json();
        let gone = watch.next("DELETED").await?;
        is(&gone, "/metadata/labels", json!({ "app": "x" }))?;
        is(&gone, "/metadata/resourceVersion", bare["metadata"]["resourceVersion"].clone())?;
        t.merge("x", &json!({ "spec": { "holderIdentity": "b" } })).await?.code(200)?;
        watch.silence().await
    }
    "a watch of a name that is a single path works too" => |t| {
        let made = t.create(&lease("x")).await?;
        let path = format!(
            "/apis/coordination.k8s.io/v1/watch/namespaces/{}/leases/x?resourceVersion={}",
            t.namespace,
            version(&made)?
        );
        let mut lines = t.http.stream(Ask::new(Method::GET, path)).await.map_err(|error| error.to_string())?;
        ensure(lines.code == 200, || format!("{}", lines.code))?;
        t.create(&lease("y")).await?;
        let next = t.replace(&with(made, "/spec/holderIdentity", "b")).await?;
        let event = lines.next(Duration::from_secs(20)).await.map_err(|error| error.to_string())?.unwrap_or_default();
        same("modified", &event, &json!({ "type": "MODIFIED", "object": next }))
    }
    "a write that changes nothing is not sent" => |t| {
        let made = t.create(&lease("x")).await?;
        let mut watch = t.watch(&format!("resourceVersion={}", version(&made)?)).await?;
        t.replace(&made).await?;
        watch.silence().await
    }
    "a watch from a version long gone says 410 Expired and ends" => |t| {
        let mut watch = t.watch("resourceVersion=1").await?;
        let Some(event) = watch.soon().await? else {
            return Err(not_applicable("the server has just started and has not compacted anything"));
        };
        is(&event, "/type", "ERROR")?;
        let status = event["object"].clone();
        is(&status, "/kind", "Status")?;
        is(&status, "/code", 410)?;
        is(&status, "/reason", "Expired")?;
        let message = status["message"].as_str().unwrap_or_default().to_owned();
        ensure(message.starts_with("too old resource version: 1 ("), || message.clone())?;
        watch.end().await
    }
    "a watch ends after timeoutSeconds" => |t| {
        let made = t.create(&lease("x")).await?;
        let mut watch = t.watch(&format!("timeoutSeconds=1&resourceVersion={}", version(&made)?)).await?;
        watch.end().await
    }
    "a watch that asks for bookmarks gets one before its end" => |t| {
        let made = t.create(&lease("x")).await?;
        let query = format!("allowWatchBookmarks=true&timeoutSeconds=4&resourceVersion={}", version(&made)?);
        let mut watch = t.watch(&query).await?;
        let bookmark = watch.next("BOOKMARK").await?;
        is(&bookmark, "/kind", "Lease")?;
        is(&bookmark, "/apiVersion", "coordination.k8s.io/v1")?;
        ensure(version(&bookmark)? >= version(&made)?, || format!("an old bookmark: {bookmark}"))?;
        is(&bookmark, "/metadata/name", json!(null))
    }
    "a watch that asks for no bookmarks gets none" => |t| {
        let made = t.create(&lease("x")).await?;
        t.watch(&format!("timeoutSeconds=4&resourceVersion={}", version(&made)?)).await?.end().await
    }
    "sendInitialEvents sends the existing objects and then a bookmark" => |t| {
        let made = t.create(&lease("x")).await?;
        let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
        let mut watch = t.watch(query).await?;
        same("added", &watch.next("ADDED").await?, &made)?;
        let bookmark = watch.next("BOOKMARK").await?;
        is(&bookmark, "/metadata/annotations", json!({ "k8s.io/initial-events-end": "true" }))?;
        let next = t.replace(&with(made, "/spec/holderIdentity", "b")).await?;
        same("modified", &watch.next("MODIFIED").await?, &next)
    }
    "sendInitialEvents without resourceVersionMatch is 422" => |t| {
        let reply = t.list("watch=true&sendInitialEvents=true").await?.refused(422, "Invalid")?;
        reply.message_has("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
    }
    "a watch of a version that is not a number is refused" => |t| {
        t.list("watch=true&resourceVersion=new").await?.code(500)
    }
    "a watch of all namespaces sends the changes of this one" => |t| {
        let made = t.create(&lease("x")).await?;
        let path = format!(
            "/apis/coordination.k8s.io/v1/leases?watch=1&fieldSelector=metadata.namespace%3D{}&resourceVersion={}",
            t.namespace,
            version(&made)?
        );
        let mut lines = t.http.stream(Ask::new(Method::GET, path)).await.map_err(|error| error.to_string())?;
        let next = t.create(&lease("y")).await?;
        let event = lines.next(Duration::from_secs(20)).await.map_err(|error| error.to_string())?.unwrap_or_default();
        same("added", &event, &json!({ "type": "ADDED", "object": next }))
    }
    "a lease that is deleted by its last finalizer is sent as deleted" => |t| {
        let made = t.create(&with(lease("x"), "/metadata/finalizers", json!(["example.com/hold"]))).await?;
        let mut watch = t.watch(&format!("resourceVersion={}", version(&made)?)).await?;
        t.delete("x", None).await?.code(200)?;
        is(&watch.next("MODIFIED").await?, "/metadata/deletionGracePeriodSeconds", 0)?;
        t.merge("x", &json!({ "metadata": { "finalizers": null } })).await?.code(200)?;
        watch.next("DELETED").await
    }
    "a watch speaks JSON lines" => |t| {
        let reply = t.list("watch=true&timeoutSeconds=1").await?.code(200)?;
        same("content type", &json!(reply.header("content-type")), &json!(["application/json"]))
    }
}
