//! `DELETE`.

use http::Method;
use lease_tests::api::Ask;
use serde_json::json;

use crate::case::{Check, ensure, is, lease, same, version, with};
use crate::cases;

cases! {
    "DELETE answers 200 with a Status that names the uid" => |t| {
        let made = t.create(&lease("x")).await?;
        let reply = t.delete("x", None).await?.code(200)?.is("/kind", "Status")?.is("/status", "Success")?;
        let uid = made["metadata"]["uid"].clone();
        reply.is("/details", json!({ "name": "x", "group": "coordination.k8s.io", "kind": "leases", "uid": uid }))?;
        t.get("x").await?.refused(404, "NotFound")
    }
    "DELETE of a missing lease is 404" => |t| {
        t.delete("x", None).await?.refused(404, "NotFound")?.message("leases.coordination.k8s.io \"x\" not found")
    }
    "DELETE with the right uid and version succeeds" => |t| {
        let made = t.create(&lease("x")).await?;
        let preconditions =
            json!({ "uid": made["metadata"]["uid"], "resourceVersion": made["metadata"]["resourceVersion"] });
        t.delete("x", Some(json!({ "preconditions": preconditions }))).await?.code(200)
    }
    "DELETE with another uid is 409" => |t| {
        let made = t.create(&lease("x")).await?;
        let reply = t.delete("x", Some(json!({ "preconditions": { "uid": "u" } }))).await?.refused(409, "Conflict")?;
        let uid = made["metadata"]["uid"].as_str().unwrap_or_default();
        let reply = reply.message(&format!(
            "Operation cannot be fulfilled on Lease.coordination.k8s.io \"x\": the UID in the precondition (u) \
             does not match the UID in record ({uid}). The object might have been deleted and then recreated"
        ))?;
        reply.is("/details", json!({ "name": "x", "group": "coordination.k8s.io", "kind": "Lease" }))?;
        t.get("x").await?.code(200)
    }
    "DELETE with a stale version is 409" => |t| {
        let made = t.create(&lease("x")).await?;
        let next = t.replace(&with(made.clone(), "/spec/holderIdentity", "b")).await?;
        let (old, new) = (version(&made)?, version(&next)?);
        let options = json!({ "preconditions": { "resourceVersion": made["metadata"]["resourceVersion"] } });
        let reply = t.delete("x", Some(options)).await?.refused(409, "Conflict")?;
        reply.message(&format!(
            "Operation cannot be fulfilled on Lease.coordination.k8s.io \"x\": the ResourceVersion in the precondition \
             ({old}) does not match the ResourceVersion in record ({new}). The object might have been modified"
        ))
    }
    "DELETE with dryRun deletes nothing" => |t| {
        t.create(&lease("x")).await?;
        t.delete("x", Some(json!({ "dryRun": ["All"] }))).await?.code(200)?;
        t.send(Ask::new(Method::DELETE, format!("{}?dryRun=All", t.path("x")))).await?.code(200)?;
        t.get("x").await?.code(200)
    }
    "DELETE options may name their kind" => |t| {
        t.create(&lease("x")).await?;
        t.delete("x", Some(json!({ "kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0 })))
            .await?
            .code(200)
    }
    "DELETE with a bad propagationPolicy is 422" => |t| {
        t.create(&lease("x")).await?;
        let reply = t.delete("x", Some(json!({ "propagationPolicy": "Sometimes" }))).await?.refused(422, "Invalid")?;
        let why = "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"Sometimes\": \
                   supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"";
        reply.message(why)?;
        let ask = Ask::new(Method::DELETE, format!("{}?propagationPolicy=Sometimes", t.path("x")));
        t.send(ask).await?.refused(422, "Invalid")?.message(why)
    }
    "DELETE options of another kind, or that are not JSON, are 400" => |t| {
        t.create(&lease("x")).await?;
        t.delete("x", Some(json!({ "kind": "Lease" }))).await?.refused(400, "BadRequest")?;
        let ask = Ask::new(Method::DELETE, t.path("x")).body("application/json", "{");
        t.send(ask).await?.refused(400, "BadRequest")?;
        t.get("x").await?.code(200)
    }
    "DELETE of a lease with a finalizer marks it and leaves it" => |t| {
        let made = t.create(&with(lease("x"), "/metadata/finalizers", json!(["example.com/hold"]))).await?;
        let reply = t.delete("x", None).await?.code(200)?.is("/kind", "Lease")?;
        let marked = reply.is("/metadata/deletionGracePeriodSeconds", 0)?.json();
        ensure(marked["metadata"]["deletionTimestamp"].is_string(), || marked.to_string())?;
        ensure(version(&marked)? > version(&made)?, || "the version did not grow".to_owned())?;
        same("what is read", &t.get("x").await?.code(200)?.json(), &marked)?;
        // A second deletion changes nothing.
        same("again", &t.delete("x", None).await?.code(200)?.json(), &marked)?;
        // The lease can still be renewed.
        let renewed = t.replace(&with(marked.clone(), "/spec/holderIdentity", "b")).await?;
        is(&renewed, "/metadata/deletionTimestamp", marked["metadata"]["deletionTimestamp"].clone())?;
        // It cannot get another finalizer,
        let more = with(renewed.clone(), "/metadata/finalizers", json!(["example.com/hold", "example.com/more"]));
        t.put("x", &more)
            .await?
            .refused(422, "Invalid")?
            .message_has("no new finalizers can be added if the object is being deleted")?;
        // and cannot be created again.
        t.post(&lease("x")).await?.refused(409, "AlreadyExists")?;
        // It is deleted when its last finalizer is removed.
        t.replace(&with(renewed, "/metadata/finalizers", json!([]))).await?;
        t.get("x").await?.refused(404, "NotFound")
    }
    "DELETE of the collection deletes what is selected and lists it" => |t| {
        t.create(&with(lease("a"), "/metadata/labels", json!({ "app": "x" }))).await?;
        t.create(&lease("b")).await?;
        let reply =
            t.send(Ask::new(Method::DELETE, format!("{}?labelSelector=app%3Dx", t.leases()))).await?.code(200)?;
        let list = reply.is("/kind", "LeaseList")?.json();
        same("names", &list["items"][0]["metadata"]["name"], &json!("a"))?;
        ensure(list["items"].as_array().is_some_and(|items| items.len() == 1), || list.to_string())?;
        t.get("a").await?.code(404)?;
        t.get("b").await?.code(200)
    }
    "DELETE and creation give another uid and a later version" => |t| {
        let made = t.create(&lease("x")).await?;
        t.delete("x", None).await?.code(200)?;
        let again = t.create(&lease("x")).await?;
        ensure(again["metadata"]["uid"] != made["metadata"]["uid"], || "the uid came back".to_owned())?;
        ensure(version(&again)? > version(&made)? + 1, || "deletion has no version of its own".to_owned())
    }
}
