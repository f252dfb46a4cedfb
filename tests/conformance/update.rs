//! `PUT`.

use serde_json::{Value, json};

use crate::case::{Check, ensure, is, lacks, lease, same, version, with, without};
use crate::cases;

const OTHER_UID: &str = "11111111-1111-4111-8111-111111111111";

cases! {
    "PUT of the object last read succeeds and raises the version" => |t| {
        let made = t.create(&lease("x")).await?;
        let next = t.replace(&with(made.clone(), "/spec/holderIdentity", "b")).await?;
        is(&next, "/spec/holderIdentity", "b")?;
        ensure(version(&next)? > version(&made)?, || "the version did not grow".to_owned())?;
        for field in ["uid", "creationTimestamp", "name", "namespace"] {
            same(field, &next["metadata"][field], &made["metadata"][field])?;
        }
        same("what is read", &t.get("x").await?.code(200)?.json(), &next)
    }
    "PUT of a stale version is 409 Conflict" => |t| {
        let made = t.create(&lease("x")).await?;
        t.replace(&with(made.clone(), "/spec/holderIdentity", "b")).await?;
        let reply = t.put("x", &with(made, "/spec/holderIdentity", "c")).await?.refused(409, "Conflict")?;
        let reply = reply.message(
            "Operation cannot be fulfilled on leases.coordination.k8s.io \"x\": the object has been modified; \
             please apply your changes to the latest version and try again",
        )?;
        reply.is("/details", json!({ "name": "x", "group": "coordination.k8s.io", "kind": "leases" }))
    }
    "PUT of a version yet to come is 409" => |t| {
        let made = t.create(&lease("x")).await?;
        let later = (version(&made)? + 1_000_000).to_string();
        t.put("x", &with(made, "/metadata/resourceVersion", later)).await?.refused(409, "Conflict")
    }
    "PUT without a version on an existing lease is 422" => |t| {
        let made = t.create(&lease("x")).await?;
        let reply = t.put("x", &without(made, "/metadata/resourceVersion")).await?.refused(422, "Invalid")?;
        let reply = reply.message(
            "leases.coordination.k8s.io \"x\" is invalid: metadata.resourceVersion: Invalid value: 0: \
             must be specified for an update",
        )?;
        reply.is("/details/kind", "leases")?.is("/details/causes/0/field", "metadata.resourceVersion")
    }
    "PUT with version 0 is PUT without a version" => |t| {
        let made = t.create(&lease("x")).await?;
        t.put("x", &with(made, "/metadata/resourceVersion", "0")).await?.refused(422, "Invalid")
    }
    "PUT with a version that is not a number is refused" => |t| {
        let made = t.create(&lease("x")).await?;
        t.put("x", &with(made, "/metadata/resourceVersion", "new"))
            .await?
            .code(500)?
            .lacks("/reason")?
            .message("strconv.ParseUint: parsing \"new\": invalid syntax")
    }
    "PUT of a missing lease creates it: 201" => |t| {
        let reply = t.put("x", &lease("x")).await?.code(201)?;
        same("what is read", &t.get("x").await?.code(200)?.json(), &reply.json())
    }
    "PUT of a missing lease creates it even with an old version" => |t| {
        let made = t.create(&lease("x")).await?;
        t.delete("x", None).await?.code(200)?;
        let late = without(with(made.clone(), "/spec/holderIdentity", "late"), "/metadata/uid");
        let again = t.put("x", &late).await?.code(201)?.is("/spec/holderIdentity", "late")?.json();
        ensure(again["metadata"]["uid"] != made["metadata"]["uid"], || "the uid came back".to_owned())?;
        ensure(version(&again)? > version(&made)?, || "the version went back".to_owned())
    }
    "PUT of a missing lease with a uid is 409" => |t| {
        let made = t.create(&lease("x")).await?;
        t.delete("x", None).await?.code(200)?;
        let uid = made["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let reply = t.put("x", &made).await?.refused(409, "Conflict")?;
        reply.message(&format!(
            "Operation cannot be fulfilled on leases.coordination.k8s.io \"x\": StorageError: invalid object, Code: 4, \
             Key: /registry/leases/{}/x, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: \
             UID in precondition: {uid}, \
             UID in object meta: ",
            t.namespace,
        ))
    }
    "PUT with another uid is 409" => |t| {
        let made = t.create(&lease("x")).await?;
        let uid = made["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let reply = t.put("x", &with(made, "/metadata/uid", OTHER_UID)).await?.refused(409, "Conflict")?;
        reply.message(&format!(
            "Operation cannot be fulfilled on leases.coordination.k8s.io \"x\": StorageError: invalid object, Code: 4, \
             Key: /registry/leases/{}/x, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: \
             UID in precondition: {OTHER_UID}, \
             UID in object meta: {uid}",
            t.namespace,
        ))
    }
    "PUT with version and uid of a lease since deleted and created again is 409" => |t| {
        let made = t.create(&lease("x")).await?;
        t.delete("x", None).await?.code(200)?;
        let again = t.create(&lease("x")).await?;
        t.put("x", &made).await?.refused(409, "Conflict")?;
        t.put("x", &without(made, "/metadata/uid"))
            .await?
            .refused(409, "Conflict")?
            .message_has("the object has been modified")?;
        same("what is read", &t.get("x").await?.code(200)?.json(), &again)
    }
    "PUT that changes nothing does not raise the version" => |t| {
        let made = t.create(&lease("x")).await?;
        let same_again = t.replace(&made).await?;
        same("answer", &same_again, &made)?;
        same("what is read", &t.get("x").await?.code(200)?.json(), &made)
    }
    "PUT that changes only how a time is written does not raise the version" => |t| {
        let made = t.create(&lease("x")).await?;
        let next = t.replace(&with(made.clone(), "/spec/renewTime", "2026-11-22T16:00:00.000001+01:00")).await?;
        same("version", &next["metadata"]["resourceVersion"], &made["metadata"]["resourceVersion"])
    }
    "PUT with dryRun=All changes nothing" => |t| {
        let made = t.create(&lease("x")).await?;
        let reply = t.put("x?dryRun=All", &with(made.clone(), "/spec/holderIdentity", "b")).await?.code(200)?;
        reply
            .is("/spec/holderIdentity", "b")?
            .is("/metadata/resourceVersion", made["metadata"]["resourceVersion"].clone())?;
        same("what is read", &t.get("x").await?.code(200)?.json(), &made)
    }
    "PUT with another name in the body is 400" => |t| {
        let made = t.create(&lease("x")).await?;
        let reply = t.put("x", &with(made, "/metadata/name", "y")).await?.refused(400, "BadRequest")?;
        reply.message("the name of the object (y) does not match the name on the URL (x)")
    }
    "PUT without a name in the body is 400" => |t| {
        let made = t.create(&lease("x")).await?;
        let reply = t.put("x", &without(made, "/metadata/name")).await?.refused(400, "BadRequest")?;
        reply.message("the name of the object (x based on URL) was undeterminable: name must be provided")
    }
    "PUT with another namespace in the body is 400" => |t| {
        let made = t.create(&lease("x")).await?;
        let reply = t.put("x", &with(made, "/metadata/namespace", "default")).await?.refused(400, "BadRequest")?;
        reply.message_has("does not match the namespace ")
    }
    "PUT may leave out the namespace" => |t| {
        let made = t.create(&lease("x")).await?;
        let body = without(with(made, "/spec/holderIdentity", "b"), "/metadata/namespace");
        is(&t.replace(&body).await?, "/metadata/namespace", t.namespace.as_str())
    }
    "PUT cannot change the creation time" => |t| {
        let made = t.create(&lease("x")).await?;
        let next = t.replace(&with(made.clone(), "/metadata/creationTimestamp", "2001-01-01T00:00:00Z")).await?;
        same("answer", &next, &made)
    }
    "PUT cannot set a deletion time" => |t| {
        let made = t.create(&lease("x")).await?;
        let body = with(made, "/metadata/deletionTimestamp", "2001-01-01T00:00:00Z");
        t.put("x", &body)
            .await?
            .refused(422, "Invalid")?
            .message_has("metadata.deletionTimestamp: Invalid value: \"2001-01-01T00:00:00Z\": field is immutable")
    }
    "PUT of an invalid lease is 422" => |t| {
        let made = t.create(&lease("x")).await?;
        let reply = t.put("x", &with(made, "/spec/leaseDurationSeconds", 0)).await?.refused(422, "Invalid")?;
        reply.message(
            "Lease.coordination.k8s.io \"x\" is invalid: \
             spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
        )
    }
    "a stale PUT of an invalid lease is 409" => |t| {
        let made = t.create(&lease("x")).await?;
        t.replace(&with(made.clone(), "/spec/holderIdentity", "b")).await?;
        t.put("x", &with(made, "/spec/leaseDurationSeconds", 0)).await?.refused(409, "Conflict")
    }
    "PUT removes what it leaves out" => |t| {
        let made = t.create(&with(lease("x"), "/metadata/labels", json!({ "a": "b" }))).await?;
        let body = without(without(made, "/metadata/labels"), "/spec/renewTime");
        let next = t.replace(&body).await?;
        lacks(&next, "/metadata/labels")?;
        lacks(&next, "/spec/renewTime")
    }
    "PUT in a namespace that does not exist is 404 of the namespace" => |t| {
        let path = "/apis/coordination.k8s.io/v1/namespaces/conformance-none/leases/x";
        let ask = lease_tests::api::Ask::new(http::Method::PUT, path).json(&lease("x"));
        t.send(ask).await?.refused(404, "NotFound")?.message("namespaces \"conformance-none\" not found")
    }
    "PUT of a namespace or another resource that must exist is 404" => |t| {
        let ask = lease_tests::api::Ask::new(http::Method::PUT, "/api/v1/namespaces/conformance-none");
        let reply =
            t.send(ask.json(&json!({ "metadata": { "name": "conformance-none" } }))).await?.refused(404, "NotFound")?;
        reply.message("namespaces \"conformance-none\" not found")
    }
    "PUT to the collection is 405" => |t| {
        let ask = lease_tests::api::Ask::new(http::Method::PUT, t.leases()).json(&lease("x"));
        t.send(ask).await?.refused(405, "MethodNotAllowed")
    }
    "versions grow over all leases, also across deletion" => |t| {
        let mut last = 0;
        let mut grows = |object: &Value| -> Result<(), String> {
            let next = version(object)?;
            let grew = next > last;
            last = next;
            ensure(grew, || format!("{object} does not come after"))
        };
        let x = t.create(&lease("x")).await?;
        grows(&x)?;
        grows(&t.create(&lease("y")).await?)?;
        grows(&t.replace(&with(x, "/spec/holderIdentity", "b")).await?)?;
        t.delete("y", None).await?.code(200)?;
        grows(&t.create(&lease("y")).await?)
    }
    "of two PUTs of one version exactly one wins" => |t| {
        let made = t.create(&lease("x")).await?;
        let (a, b) = (with(made.clone(), "/spec/holderIdentity", "b"), with(made, "/spec/holderIdentity", "c"));
        let (a, b) = futures_util::future::join(t.put("x", &a), t.put("x", &b)).await;
        let mut codes = [a?.code, b?.code];
        codes.sort_unstable();
        ensure(codes == [200, 409], || format!("{codes:?}"))
    }
}
