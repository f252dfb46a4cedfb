//! Bodies, content types, limits.

use http::Method;
use k8s_openapi::jiff::fmt::rfc2822::DateTimeParser;
use lease_runtime::clock::{Clock, SystemClock};
use lease_tests::api::{Ask, Reply};
use serde_json::json;

use crate::case::{Check, Outcome, ensure, lease, same, with};
use crate::cases;

cases! {
    "answers are JSON and are not to be cached" => |t| {
        let reply = t.post(&lease("x")).await?.code(201)?;
        same("content type", &json!(reply.header("content-type")), &json!(["application/json"]))?;
        same("cache control", &json!(reply.header("cache-control")), &json!(["no-cache, private"]))?;
        let reply = t.get("y").await?.code(404)?;
        same("content type of a refusal", &json!(reply.header("content-type")), &json!(["application/json"]))
    }
    "every answer has one date, to the second" => |t| {
        let made = t.create(&lease("x")).await?;
        dated("a GET", &t.get("x").await?.code(200)?)?;
        dated("a list", &t.list("").await?.code(200)?)?;
        dated("a PUT", &t.put("x", &made).await?.code(200)?)?;
        dated("a refusal", &t.get("y").await?.code(404)?)?;
        dated("a refusal of no resource", &t.read("/apis/coordination.k8s.io/v1/nothing").await?.code(404)?)
    }
    "a body that is not JSON is 400" => |t| {
        for text in ["", "{", "{\"metadata\":", "nonsense", "[]", "\"text\""] {
            let ask = Ask::new(Method::POST, t.leases()).body("application/json", text);
            t.send(ask).await?.refused(400, "BadRequest").map_err(|why| format!("{text:?}: {why}"))?;
        }
    }
    "a body of another type is 415" => |t| {
        let ask = Ask::new(Method::POST, t.leases()).body("text/plain", lease("x").to_string());
        let reply = t.send(ask).await?.refused(415, "UnsupportedMediaType")?;
        reply.message_has(
            "the body of the request was in an unknown format - accepted media types include: application/json, ",
        )
    }
    "a content type may have parameters" => |t| {
        let ask = Ask::new(Method::POST, t.leases()).body("application/json; charset=utf-8", lease("x").to_string());
        t.send(ask).await?.code(201)
    }
    "a caller that reads only HTML, or asks for application/*, is 406" => |t| {
        for accept in ["text/html", "application/*"] {
            let reply = t.send(Ask::new(Method::GET, t.leases()).header("accept", accept)).await?;
            let reply = reply.refused(406, "NotAcceptable").map_err(|why| format!("{accept}: {why}"))?;
            reply.message_has("406: Not Acceptable\n\nAvailable representations: application/json, ")?;
        }
    }
    "a caller that reads JSON among others gets JSON" => |t| {
        for accept in ["*/*", "text/html, application/json;q=0.5", "application/json;other=1"] {
            let reply = t.send(Ask::new(Method::GET, t.leases()).header("accept", accept)).await?.code(200)?;
            reply.is("/kind", "LeaseList").map_err(|why| format!("{accept}: {why}"))?;
        }
    }
    "a body of more than 3 MiB is 413" => |t| {
        let body = with(lease("x"), "/spec/holderIdentity", "b".repeat(3 * 1024 * 1024));
        t.post(&body).await?.refused(413, "RequestEntityTooLarge")?.message_has("limit is 3145728")
    }
    "another kind in the body is 400" => |t| {
        let reply = t.post(&with(lease("x"), "/kind", "Pod")).await?.refused(400, "BadRequest")?;
        reply.message_has("Pod in version \"v1\" cannot be handled as a Lease: no kind \"Pod\" is registered")
    }
    "another API version in the body is 400" => |t| {
        let reply = t.post(&with(lease("x"), "/apiVersion", "v1")).await?.refused(400, "BadRequest")?;
        reply.message_has(
            "Lease in version \"v1\" cannot be handled as a Lease: no kind \"Lease\" is registered for version \"v1\"",
        )
    }
    "the refusal of a method has a reason" => |t| {
        let ask = Ask::new(Method::DELETE, "/apis/coordination.k8s.io/v1/leases");
        t.send(ask)
            .await?
            .refused(405, "MethodNotAllowed")?
            .message("the server does not allow this method on the requested resource")
    }
    "names in paths are percent-decoded" => |t| {
        t.create(&lease("a-b")).await?;
        t.get("a%2Db").await?.code(200)?.is("/metadata/name", "a-b")
    }
    "characters beyond ASCII are stored unchanged" => |t| {
        let holder = "pod-\u{e4}\u{1f511}\u{0}\n\\\"";
        let body = with(lease("x"), "/spec/holderIdentity", holder);
        t.post(&body).await?.code(201)?.is("/spec/holderIdentity", holder)?;
        let reply = t.get("x").await?;
        ensure(reply.json()["spec"]["holderIdentity"] == holder, || reply.text())
    }
}

/// The answer must have one `Date`, in the format of RFC 9110, that differs from our clock by less than a minute.
fn dated(what: &str, reply: &Reply) -> Outcome {
    let dates = reply.header("date");
    let [date] = dates.as_slice() else { return Err(format!("{what}: wanted one date, got {dates:?}")) };
    // The parser accepts the formats of mail. This is one of them, and always has the same length.
    ensure(date.len() == 29 && date.ends_with(" GMT"), || format!("{what}: wanted a date of HTTP, got {date:?}"))?;
    let read = DateTimeParser::new().parse_timestamp(date).map_err(|error| format!("{what}: {date:?}: {error}"))?;
    let apart = (SystemClock.wall().0 - read.as_microsecond()).abs();
    ensure(apart < 60_000_000, || format!("{what}: {date:?} is {apart} µs from our time"))
}
