//! A request that has arrived completely, with the parsed parts of its path, query and headers.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, header, request};
use serde_json::Value;

use super::call::{RecordedRequest, Verb};
use super::object_meta;
use super::query::Query;
use super::route::{self, Route};

/// A request that has arrived completely.
#[derive(Debug)]
pub(crate) struct ReceivedRequest {
    pub(crate) parts: request::Parts,
    pub(crate) query: Query,
    pub(crate) route: Route,
    pub(crate) body: Bytes,
    pub(crate) call: Arc<RecordedRequest>,
}

impl ReceivedRequest {
    /// Reads a request. Without `caller`, its headers name the caller.
    pub(crate) fn read(parts: request::Parts, body: Bytes, caller: Option<&str>) -> ReceivedRequest {
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let route = route::route(parts.uri.path());
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let call = record(&parts, &query, &route, caller, json);
        ReceivedRequest { parts, query, route, body, call: Arc::new(call) }
    }
}

/// The request as fault rules and the log see it.
fn record(parts: &request::Parts, query: &Query, route: &Route, caller: Option<&str>, body: Value) -> RecordedRequest {
    let target = match route {
        Route::Objects(target) => Some(target),
        Route::About(_) | Route::Missing | Route::Unknown => None,
    };
    let named = target.is_some_and(|target| target.name.is_some());
    let watch = target.is_some_and(|target| target.watch) || (!named && query.flag("watch"));
    let verb = match (target, parts.method.as_str()) {
        (None, _) => Verb::About,
        (_, "POST") => Verb::Create,
        (_, "PUT") => Verb::Update,
        (_, "PATCH") => Verb::Patch,
        (_, "DELETE") if named => Verb::Delete,
        (_, "DELETE") => Verb::DeleteCollection,
        _ if watch => Verb::Watch,
        _ if named => Verb::Get,
        _ => Verb::List,
    };
    let selected = query.text("fieldSelector").and_then(|fields| {
        let terms = fields.split(',');
        terms.filter_map(|term| term.strip_prefix("metadata.name=")).map(|name| name.trim_start_matches('=')).next()
    });
    let in_body = || Some(object_meta::text(&body, "name")).filter(|name| !name.is_empty());
    let name = match (target, verb) {
        (Some(target), _) if target.name.is_some() => target.name.clone(),
        (_, Verb::Create) => in_body().map(str::to_owned),
        _ => selected.map(str::to_owned),
    };
    RecordedRequest {
        verb,
        uri: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        resource: target.map_or("", |target| target.resource.plural),
        namespace: target.and_then(|target| target.namespace.clone()),
        name,
        caller: caller.map_or_else(|| caller_of(&parts.headers), str::to_owned),
        user_agent: text(&parts.headers, header::USER_AGENT.as_str()).map(str::to_owned),
        body,
    }
}

/// The value of a header if it is text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn caller_of(headers: &HeaderMap) -> String {
    let token = || text(headers, header::AUTHORIZATION.as_str())?.strip_prefix("Bearer ");
    text(headers, "impersonate-user").or_else(token).unwrap_or("system:anonymous").to_owned()
}
