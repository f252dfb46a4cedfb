//! The validation of Leases.

use serde_json::{Value, json};

use crate::case::{Check, Test, is, lacks, lease, same, with};
use crate::cases;

/// A lease with `value` at `/spec/<field>` is 422, with this cause.
async fn invalid(t: &Test, field: &str, value: impl Into<Value>, reason: &str, why: &str) -> Result<(), String> {
    let body = with(lease("x"), &format!("/spec/{field}"), value);
    let reply = t.post(&body).await?.refused(422, "Invalid")?;
    let reply = reply.message(&format!("Lease.coordination.k8s.io \"x\" is invalid: spec.{field}: {why}"))?;
    let cause = json!({ "reason": reason, "message": why, "field": format!("spec.{field}") });
    let details = json!({ "name": "x", "group": "coordination.k8s.io", "kind": "Lease", "causes": [cause] });
    reply.is("/details", details).map(drop)
}

/// A lease with `value` at `/spec/<field>` cannot be read: 400.
async fn unreadable(t: &Test, field: &str, value: impl Into<Value>, why: &str) -> Result<(), String> {
    let body = with(lease("x"), &format!("/spec/{field}"), value);
    let reply = t.post(&body).await?.refused(400, "BadRequest")?;
    let message = format!("Lease in version \"v1\" cannot be handled as a Lease: {why}");
    reply.message_has(&message).map(drop)
}

/// A lease with this name is 422.
async fn bad_name(t: &Test, name: &str, why: &str) -> Result<(), String> {
    t.post(&lease(name)).await?.refused(422, "Invalid")?.message_has(why).map(drop)
}

cases! {
    "leaseDurationSeconds 0 is 422" => |t| {
        invalid(&t, "leaseDurationSeconds", 0, "FieldValueInvalid", "Invalid value: 0: must be greater than 0").await
    }
    "leaseDurationSeconds below 0 is 422" => |t| {
        invalid(&t, "leaseDurationSeconds", -5, "FieldValueInvalid", "Invalid value: -5: must be greater than 0").await
    }
    "leaseTransitions below 0 is 422" => |t| {
        let why = "Invalid value: -1: must be greater than or equal to 0";
        invalid(&t, "leaseTransitions", -1, "FieldValueInvalid", why).await
    }
    "several faults are listed in one 422" => |t| {
        let body = with(with(lease("x"), "/spec/leaseDurationSeconds", 0), "/spec/leaseTransitions", -1);
        let reply = t.post(&body).await?.refused(422, "Invalid")?;
        reply.message(
            "Lease.coordination.k8s.io \"x\" is invalid: \
             [spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0, \
             spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0]",
        )
    }
    "the longest leaseDurationSeconds is 2147483647" => |t| {
        t.create(&with(lease("x"), "/spec/leaseDurationSeconds", i32::MAX)).await?;
        let why = "json: cannot unmarshal number 2147483648 into Go struct field \
                   LeaseSpec.spec.leaseDurationSeconds of type int32";
        unreadable(&t, "leaseDurationSeconds", 2_147_483_648_i64, why).await
    }
    "a fraction of a second is 400" => |t| {
        let why =
            "json: cannot unmarshal number 1.5 into Go struct field LeaseSpec.spec.leaseDurationSeconds of type int32";
        unreadable(&t, "leaseDurationSeconds", 1.5, why).await
    }
    "a duration that is text is 400" => |t| {
        let why =
            "json: cannot unmarshal string into Go struct field LeaseSpec.spec.leaseDurationSeconds of type int32";
        unreadable(&t, "leaseDurationSeconds", "15", why).await
    }
    "a holder that is a number is 400" => |t| {
        let why = "json: cannot unmarshal number into Go struct field LeaseSpec.spec.holderIdentity of type string";
        unreadable(&t, "holderIdentity", 7, why).await
    }
    "a spec that is a list is 400" => |t| {
        let body = json!({ "metadata": { "name": "x" }, "spec": [] });
        t.post(&body)
            .await?
            .refused(400, "BadRequest")?
            .message_has("cannot unmarshal array into Go struct field Lease.spec of type")
    }
    "an empty holder is stored, and a null one is absent" => |t| {
        is(&t.create(&with(lease("x"), "/spec/holderIdentity", "")).await?, "/spec/holderIdentity", "")?;
        lacks(&t.create(&with(lease("y"), "/spec/holderIdentity", Value::Null)).await?, "/spec/holderIdentity")
    }
    "zero transitions are stored, and null numbers are absent" => |t| {
        is(&t.create(&lease("x")).await?, "/spec/leaseTransitions", 0)?;
        let body =
            with(with(lease("y"), "/spec/leaseTransitions", Value::Null), "/spec/leaseDurationSeconds", Value::Null);
        let made = t.create(&body).await?;
        lacks(&made, "/spec/leaseTransitions")?;
        lacks(&made, "/spec/leaseDurationSeconds")
    }
    "times are stored with six digits, in UTC" => |t| {
        let body = with(lease("x"), "/spec/renewTime", "2026-11-22T17:00:00.123450+02:00");
        is(&t.create(&body).await?, "/spec/renewTime", "2026-11-22T15:00:00.123450Z")
    }
    "a renewTime without a fraction is 400" => |t| {
        let time = "2026-11-22T15:00:00Z";
        unreadable(
            &t,
            "renewTime",
            time,
            &format!("parsing time \"{time}\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse"),
        )
        .await
    }
    "a renewTime with milliseconds is 400" => |t| {
        unreadable(&t, "renewTime", "2026-11-22T15:00:00.123Z", "parsing time").await
    }
    "a renewTime with nanoseconds is 400" => |t| {
        unreadable(&t, "renewTime", "2026-11-22T15:00:00.123456789Z", "parsing time").await
    }
    "an acquireTime that is not a date is 400" => |t| {
        unreadable(&t, "acquireTime", "2026-02-30T15:00:00.000000Z", "parsing time").await?;
        unreadable(&t, "acquireTime", "soon", "parsing time \"soon\"").await
    }
    "an acquireTime that is a number is 400" => |t| {
        unreadable(
            &t,
            "acquireTime",
            5,
            "json: cannot unmarshal number into Go struct field LeaseSpec.spec.acquireTime of type string",
        )
        .await
    }
    "times of year 1 and year 9999 are possible" => |t| {
        let body = with(lease("x"), "/spec/renewTime", "9999-12-31T23:59:59.999999Z");
        let body = with(body, "/spec/acquireTime", "0001-01-01T00:00:00.000001Z");
        let made = t.create(&body).await?;
        is(&made, "/spec/renewTime", "9999-12-31T23:59:59.999999Z")?;
        is(&made, "/spec/acquireTime", "0001-01-01T00:00:00.000001Z")
    }
    "an offset can lead out of the calendar, and the zero time is null" => |t| {
        let body = with(lease("x"), "/spec/renewTime", "9999-12-31T23:59:59.999999-01:00");
        let body = with(body, "/spec/acquireTime", "0000-01-01T00:00:00.000000+23:00");
        let made = t.create(&body).await?;
        is(&made, "/spec/renewTime", "10000-01-01T00:59:59.999999Z")?;
        is(&made, "/spec/acquireTime", "-0001-12-31T01:00:00.000000Z")?;
        let made = t.create(&with(lease("y"), "/spec/renewTime", "0001-01-01T00:00:00.000000Z")).await?;
        is(&made, "/spec/renewTime", Value::Null)
    }
    "strategy and preferredHolder are dropped while their feature is off" => |t| {
        let body = with(with(lease("x"), "/spec/strategy", "OldestEmulationVersion"), "/spec/preferredHolder", "b");
        let made = t.create(&body).await?;
        lacks(&made, "/spec/strategy")?;
        lacks(&made, "/spec/preferredHolder")
    }
    "a name in capitals is 422" => |t| {
        let why = "Lease.coordination.k8s.io \"Big\" is invalid: metadata.name: Invalid value: \"Big\": \
                   a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
                   and must start and end with an alphanumeric character (e.g. 'example.com', \
                   regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
        bad_name(&t, "Big", why).await
    }
    "a name that begins with a hyphen, or has a slash, or ends with a dot, is 422" => |t| {
        for name in ["-a", "a/b", "a.", "a..b", "a_b"] {
            bad_name(&t, name, "metadata.name: Invalid value").await?;
        }
    }
    "a name of 253 bytes is the longest" => |t| {
        t.create(&lease(&"a".repeat(253))).await?;
        bad_name(&t, &"a".repeat(254), "must be no more than 253 ").await
    }
    "a name may have dots, hyphens and digits" => |t| {
        is(&t.create(&lease("1.a-b.c")).await?, "/metadata/name", "1.a-b.c")
    }
    "a bad label key or value is 422" => |t| {
        let body = with(lease("x"), "/metadata/labels", json!({ "a b": "c" }));
        t.post(&body)
            .await?
            .refused(422, "Invalid")?
            .message_has("metadata.labels: Invalid value: \"a b\": name part must consist of")?;
        let body = with(lease("x"), "/metadata/labels", json!({ "a": "b c" }));
        t.post(&body)
            .await?
            .refused(422, "Invalid")?
            .message_has("metadata.labels: Invalid value: \"b c\": a valid label must be")
    }
    "a bad annotation key is 422" => |t| {
        let body = with(lease("x"), "/metadata/annotations", json!({ "/a": "c" }));
        let reply = t.post(&body).await?.refused(422, "Invalid")?;
        reply.message_has("metadata.annotations: Invalid value: \"/a\": prefix part must be non-empty")
    }
    "annotations of more than 256 KiB are 422" => |t| {
        let body = with(lease("x"), "/metadata/annotations", json!({ "a": "b".repeat(262_144) }));
        let reply = t.post(&body).await?.refused(422, "Invalid")?;
        reply.message_has("metadata.annotations: Too long: may not be more than 262144 bytes")
    }
    "a label that is a number is 400" => |t| {
        let body = with(lease("x"), "/metadata/labels", json!({ "a": 1 }));
        t.post(&body)
            .await?
            .refused(400, "BadRequest")?
            .message_has("cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string")
    }
    "an owner without uid is 422" => |t| {
        let owner = json!([{ "apiVersion": "v1", "kind": "Pod", "name": "p" }]);
        let reply = t.post(&with(lease("x"), "/metadata/ownerReferences", owner)).await?.refused(422, "Invalid")?;
        reply.message_has("metadata.ownerReferences[0].uid: Required value")
    }
    "a finalizer that is not a qualified name is 422" => |t| {
        let reply = t.post(&with(lease("x"), "/metadata/finalizers", json!(["a b"]))).await?.refused(422, "Invalid")?;
        reply.message_has("metadata.finalizers: Invalid value: \"a b\"")
    }
    "unknown fields are dropped, with a warning" => |t| {
        let body = with(with(lease("x"), "/spec/ttl", 5), "/metadata/mood", "good");
        let reply = t.post(&body).await?.code(201)?.lacks("/spec/ttl")?.lacks("/metadata/mood")?;
        let warnings = reply.header("warning");
        same(
            "warnings",
            &json!(warnings),
            &json!(["299 - \"unknown field \\\"metadata.mood\\\"\"", "299 - \"unknown field \\\"spec.ttl\\\"\""]),
        )
    }
    "unknown fields are 400 with fieldValidation=Strict" => |t| {
        let body = with(lease("x"), "/spec/ttl", 5);
        let reply =
            t.post_to(&format!("{}?fieldValidation=Strict", t.leases()), &body).await?.refused(400, "BadRequest")?;
        reply.message(
            "Lease in version \"v1\" cannot be handled as a Lease: strict decoding error: unknown field \"spec.ttl\"",
        )
    }
    "unknown fields are dropped silently with fieldValidation=Ignore" => |t| {
        let body = with(lease("x"), "/spec/ttl", 5);
        let reply = t.post_to(&format!("{}?fieldValidation=Ignore", t.leases()), &body).await?.code(201)?;
        same("warnings", &json!(reply.header("warning")), &json!([]))
    }
    "another fieldValidation is 422" => |t| {
        let reply =
            t.post_to(&format!("{}?fieldValidation=Lax", t.leases()), &lease("x")).await?.refused(422, "Invalid")?;
        reply.message_has("fieldValidation: Unsupported value: \"Lax\"")
    }
    "field names are case sensitive" => |t| {
        let body = with(lease("x"), "/spec/HolderIdentity", "b");
        is(&t.create(&body).await?, "/spec/holderIdentity", "a")
    }
    "a duplicate field is 400 with fieldValidation=Strict, and else the last one counts" => |t| {
        let text = lease("x")
            .to_string()
            .replace("\"holderIdentity\":\"a\"", "\"holderIdentity\":\"a\",\"holderIdentity\":\"b\"");
        let ask = |query: &str| {
            lease_tests::api::Ask::new(http::Method::POST, format!("{}{query}", t.leases()))
                .body("application/json", text.clone())
        };
        let reply = t.send(ask("?fieldValidation=Strict")).await?.refused(400, "BadRequest")?;
        reply.message_has("strict decoding error: duplicate field \"spec.holderIdentity\"")?;
        let reply = t.send(ask("")).await?.code(201)?.is("/spec/holderIdentity", "b")?;
        same(
            "warnings",
            &json!(reply.header("warning")),
            &json!(["299 - \"duplicate field \\\"spec.holderIdentity\\\"\""]),
        )
    }
}
