//! From an arrived request to its answer: content types, options, and which operation it is.

use std::sync::Arc;

use http::{HeaderValue, Response, header};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::body::Body;
use super::call::Verb;
use super::decode;
use super::discovery;
use super::meta;
use super::patch;
use super::query::{self, ListOptions, WriteOptions};
use super::read;
use super::route::{Route, Target};
use super::selector::Selector;
use super::service::{self, Arrived};
use super::shared::Shared;
use super::status::{Failure, FieldError};
use super::watch;
use super::write::{self, Preconditions, Writer, Written};

/// Lets a request take effect and says what came of it.
pub(crate) fn answer(
    shared: &Arc<Shared>,
    arrived: &Arrived,
    stop: &CancellationToken,
) -> Result<Response<Body>, Failure> {
    let target = match &arrived.route {
        Route::Objects(target) => target,
        Route::About(path) if arrived.parts.method == http::Method::GET => {
            return discovery::answer(path, &shared.settings)
                .ok_or_else(|| Failure::of_code(404))
                .or_else(|_| Ok(not_found()));
        }
        Route::About(_) | Route::Unknown => return Ok(not_found()),
    };
    check_accept(arrived)?;
    let call = &arrived.call;
    let name = target.name.as_deref();
    match (call.verb, arrived.parts.method.as_str(), name) {
        (Verb::Watch, "GET", _) => watch(shared, arrived, target, stop),
        (Verb::Get, "GET" | "HEAD", Some(name)) => {
            let version = query::version(arrived.query.text("resourceVersion"))?;
            Ok(object(200, &read::get(&shared.state().store, target, name, version)?, &[]))
        }
        (Verb::List, "GET" | "HEAD", _) => {
            let options = ListOptions::read(&arrived.query, false)?;
            let selector = selector(arrived, target)?;
            Ok(object(200, &read::list(&shared.state().store, target, &selector, &options)?, &[]))
        }
        (Verb::Create, _, None) if target.namespace.is_some() == target.resource.namespaced => {
            create(shared, arrived, target)
        }
        (Verb::Update, _, Some(name)) => update(shared, arrived, target, name),
        (Verb::Patch, _, Some(name)) => patch(shared, arrived, target, name),
        (Verb::Delete, _, Some(name)) => delete(shared, arrived, target, name),
        (Verb::DeleteCollection, _, None) if target.resource.namespaced && target.namespace.is_some() => {
            delete_many(shared, arrived, target)
        }
        _ => Err(Failure::of_code(405)),
    }
}

fn watch(
    shared: &Arc<Shared>,
    arrived: &Arrived,
    target: &Target,
    stop: &CancellationToken,
) -> Result<Response<Body>, Failure> {
    let options = ListOptions::read(&arrived.query, true)?;
    let mut selector = selector(arrived, target)?;
    if let Some(name) = &target.name {
        selector = selector.named(name);
    }
    watch::check(&shared.state().store, &options)?;
    let body = watch::open(shared, &arrived.call, target.clone(), selector, &options, stop.clone())?;
    let mut response = service::raw(200, "application/json", "");
    *response.body_mut() = body;
    Ok(response)
}

fn create(shared: &Shared, arrived: &Arrived, target: &Target) -> Result<Response<Body>, Failure> {
    check_content_type(arrived)?;
    let options = WriteOptions::read(&arrived.query, "CreateOptions", arrived.call.user_agent.as_deref(), false)?;
    let mut warnings = Vec::new();
    let body = decode::object(target.resource, &arrived.body, options.field_validation, &mut warnings)?;
    let written = with_writer(shared, target, &options, |writer| writer.create(body))?;
    Ok(written_object(target, &written, &warnings))
}

fn update(shared: &Shared, arrived: &Arrived, target: &Target, name: &str) -> Result<Response<Body>, Failure> {
    check_content_type(arrived)?;
    let options = WriteOptions::read(&arrived.query, "UpdateOptions", arrived.call.user_agent.as_deref(), false)?;
    let mut warnings = Vec::new();
    let body = decode::object(target.resource, &arrived.body, options.field_validation, &mut warnings)?;
    write::check_name(&body, name, target.namespace.as_deref().unwrap_or_default())?;
    let uid = Some(meta::text(&body, "uid").to_owned()).filter(|uid| !uid.is_empty());
    let create = target.resource.create_on_update;
    let written = with_writer(shared, target, &options, |writer| {
        writer.update(name, create, uid.as_deref(), |_| Ok(body.clone()))
    })?;
    Ok(written_object(target, &written, &warnings))
}

fn patch(shared: &Shared, arrived: &Arrived, target: &Target, name: &str) -> Result<Response<Body>, Failure> {
    let kind = patch::Kind::of(&content_type(arrived)).ok_or_else(|| {
        unsupported(
            "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, \
             application/apply-patch+yaml, application/apply-patch+cbor",
        )
    })?;
    let apply = kind == patch::Kind::Apply;
    let options = WriteOptions::read(&arrived.query, "PatchOptions", arrived.call.user_agent.as_deref(), apply)?;
    let mut warnings = Vec::new();
    let resource = target.resource;
    let written = with_writer(shared, target, &options, |writer| {
        writer.update(name, apply, None, |current| {
            let view = current.map_or_else(|| json!({}), |current| resource.to_view(current));
            let patched = patch::patched(kind, view, &arrived.body)?;
            decode_patched(target, patched, &options, &mut warnings)
        })
    })?;
    Ok(written_object(target, &written, &warnings))
}

/// A patch may not turn an object into something that is none.
fn decode_patched(
    target: &Target,
    patched: Value,
    options: &WriteOptions,
    warnings: &mut Vec<String>,
) -> Result<Value, Failure> {
    let text = patched.to_string();
    decode::object(target.resource, text.as_bytes(), options.field_validation, warnings).map_err(|failure| {
        let why = failure
            .message
            .split_once("cannot be handled as a ")
            .map_or(failure.message.as_str(), |(_, why)| why.split_once(": ").map_or(why, |(_, why)| why));
        Failure::invalid("", "", "", &[FieldError::invalid("patch", &json!(text), why)])
    })
}

fn delete(shared: &Shared, arrived: &Arrived, target: &Target, name: &str) -> Result<Response<Body>, Failure> {
    let (preconditions, dry_run) = delete_options(arrived)?;
    let wall = shared.settings.clock.wall();
    let coordinated = shared.settings.coordinated;
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let written = shared.write(|store| {
        let mut writer = Writer { store, resource: target.resource, namespace, wall, dry_run, coordinated };
        writer.delete(name, &preconditions)
    })?;
    Ok(match written {
        Written::Gone(status) => object(200, &status, &[]),
        Written::Created(left) | Written::Stored(left) => object(200, &target.resource.to_view(&left), &[]),
    })
}

fn delete_many(shared: &Shared, arrived: &Arrived, target: &Target) -> Result<Response<Body>, Failure> {
    let (preconditions, dry_run) = delete_options(arrived)?;
    let selector = selector(arrived, target)?;
    let wall = shared.settings.clock.wall();
    let coordinated = shared.settings.coordinated;
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let (items, revision) = shared.write(|store| {
        let found: Vec<Arc<Value>> = store
            .list(target.resource.storage, target.namespace.as_deref())
            .filter(|(_, object)| selector.matches(object))
            .map(|(_, object)| object.clone())
            .collect();
        let mut writer = Writer { store, resource: target.resource, namespace, wall, dry_run, coordinated };
        for object in &found {
            writer.delete(meta::text(object, "name"), &preconditions)?;
        }
        let items = found.iter().map(|object| Value::Object(target.resource.to_item(object))).collect();
        Ok((items, writer.store.revision()))
    })?;
    let list = read::of_items(target.resource, json!({ "resourceVersion": revision.to_string() }), items);
    Ok(object(200, &list, &[]))
}

/// Options of a deletion come in the body or, if there is none, in the query.
fn delete_options(arrived: &Arrived) -> Result<(Preconditions, bool), Failure> {
    let query = &arrived.query;
    if arrived.body.is_empty() {
        let options = WriteOptions::read(query, "DeleteOptions", None, false)?;
        let propagation = query.text("propagationPolicy").map(str::to_owned);
        return Ok((Preconditions { uid: None, version: None, propagation }, options.dry_run));
    }
    check_content_type(arrived)?;
    let body: Value = serde_json::from_slice(&arrived.body).map_err(|error| {
        let why = "the object provided is unrecognized (must be of type DeleteOptions): couldn't get version/kind; json parse error";
        Failure::bad_request(format!("{why}: {error}"))
    })?;
    let text = |path: &str| body.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let propagation = text("/propagationPolicy");
    let mut errors = Vec::new();
    if let Some(policy) =
        propagation.as_deref().filter(|policy| !["Background", "Foreground", "Orphan"].contains(policy))
    {
        let known = ["Background", "Foreground", "Orphan", "nil"];
        errors.push(FieldError::not_supported("propagationPolicy", &json!(policy), &known));
    }
    let dry_run = body.get("dryRun").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for value in dry_run.iter().filter(|value| *value != "All") {
        errors.push(FieldError::not_supported("dryRun", value, &["All"]));
    }
    if !errors.is_empty() {
        return Err(Failure::invalid("meta.k8s.io", "DeleteOptions", "", &errors));
    }
    let preconditions =
        Preconditions { uid: text("/preconditions/uid"), version: text("/preconditions/resourceVersion"), propagation };
    Ok((preconditions, !dry_run.is_empty()))
}

fn with_writer<T>(
    shared: &Shared,
    target: &Target,
    options: &WriteOptions,
    work: impl FnOnce(&mut Writer<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let wall = shared.settings.clock.wall();
    let coordinated = shared.settings.coordinated;
    let namespace = target.namespace.as_deref().unwrap_or_default();
    shared.write(|store| {
        let dry_run = options.dry_run;
        work(&mut Writer { store, resource: target.resource, namespace, wall, dry_run, coordinated })
    })
}

fn selector(arrived: &Arrived, target: &Target) -> Result<Selector, Failure> {
    Selector::parse(target.resource, arrived.query.text("fieldSelector"), arrived.query.text("labelSelector"))
}

fn written_object(target: &Target, written: &Written, warnings: &[String]) -> Response<Body> {
    match written {
        Written::Created(stored) => object(201, &target.resource.to_view(stored), warnings),
        Written::Stored(stored) => object(200, &target.resource.to_view(stored), warnings),
        Written::Gone(status) => object(200, status, warnings),
    }
}

fn object(code: u16, object: &Value, warnings: &[String]) -> Response<Body> {
    let mut response = service::raw(code, "application/json", object.to_string());
    for warning in warnings {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    response
}

/// A path that leads nowhere is not an API error: the real server answers in plain text.
fn not_found() -> Response<Body> {
    service::raw(404, "text/plain; charset=utf-8", "404 page not found\n")
}

fn content_type(arrived: &Arrived) -> String {
    let value = service::text(&arrived.parts.headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A body without a type is JSON.
fn check_content_type(arrived: &Arrived) -> Result<(), Failure> {
    match content_type(arrived).as_str() {
        "" | "application/json" => Ok(()),
        _ => Err(unsupported(
            "application/json, application/yaml, application/vnd.kubernetes.protobuf, application/cbor",
        )),
    }
}

fn unsupported(accepted: &str) -> Failure {
    let why = format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
    Failure::new(415, "UnsupportedMediaType", why)
}

/// Whether JSON is among what the caller can read.
fn check_accept(arrived: &Arrived) -> Result<(), Failure> {
    let accepted = arrived.parts.headers.get_all(header::ACCEPT);
    let accepted: Vec<&str> = accepted.iter().filter_map(|value| value.to_str().ok()).collect();
    let accepted = accepted.join(",");
    let readable = |clause: &str| {
        let mut parts = clause.split(';').map(str::trim);
        let known = matches!(parts.next(), Some("" | "*/*" | "application/*" | "application/json"));
        known && !parts.any(|parameter| parameter.starts_with("as="))
    };
    if accepted.is_empty() || accepted.split(',').any(readable) {
        return Ok(());
    }
    let why = "only the following media types are accepted: application/json, application/yaml, \
               application/vnd.kubernetes.protobuf, application/cbor";
    Err(Failure::new(406, "NotAcceptable", why))
}
