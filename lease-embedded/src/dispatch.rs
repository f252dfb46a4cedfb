//! Answers a request: finds its operation and options, and carries it out.

use std::sync::Arc;

use http::{HeaderValue, Response, header};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::body::Body;
use super::call::Verb;
use super::decode;
use super::deletion;
use super::discovery;
use super::field_error::FieldError;
use super::managed_fields;
use super::negotiate;
use super::object_meta;
use super::patch;
use super::query::{self, ListOptions, WriteOptions};
use super::read;
use super::request::ReceivedRequest;
use super::response;
use super::route::{Route, Target};
use super::selector::Selector;
use super::server_side_apply;
use super::shared::Shared;
use super::status::Failure;
use super::time::{self, Layout};
use super::watch;
use super::write::{self, Writer, Written};

/// Carries out a request and returns its answer.
pub(crate) fn answer(
    shared: &Arc<Shared>,
    arrived: &ReceivedRequest,
    stop: &CancellationToken,
) -> Result<Response<Body>, Failure> {
    let target = match &arrived.route {
        Route::Objects(target) => target,
        Route::About(path) if arrived.parts.method == http::Method::GET => {
            return Ok(discovery::answer(path).unwrap_or_else(not_found));
        }
        Route::Missing => return Err(Failure::of_code(404)),
        Route::About(_) | Route::Unknown => return Ok(not_found()),
    };
    negotiate::check_accept(arrived)?;
    let name = target.name.as_deref();
    match (arrived.call.verb, arrived.parts.method.as_str(), name) {
        (Verb::Watch, "GET", _) => watch(shared, arrived, target, stop),
        (Verb::Get, "GET", Some(name)) => {
            let version = query::version(arrived.query.text("resourceVersion"))?;
            Ok(object(200, &read::get(&shared.state().store, target, name, version)?, &[]))
        }
        (Verb::List, "GET", _) => {
            let options = ListOptions::read(&arrived.query, false)?;
            let selector = selector(arrived, target)?;
            Ok(object(200, &read::list(&shared.state().store, target, &selector, &options)?, &[]))
        }
        (Verb::Create, _, None) if target.namespace.is_some() == target.resource.namespaced => {
            create(shared, arrived, target)
        }
        (Verb::Update, _, Some(name)) => update(shared, arrived, target, name),
        (Verb::Patch, _, Some(name)) => patch(shared, arrived, target, name),
        (Verb::Delete, _, Some(name)) => Ok(object(200, &deletion::one(shared, arrived, target, name)?, &[])),
        (Verb::DeleteCollection, _, None) if target.namespace.is_some() => {
            let selector = selector(arrived, target)?;
            Ok(object(200, &deletion::many(shared, arrived, target, &selector)?, &[]))
        }
        _ => Err(Failure::of_code(405)),
    }
}

fn watch(
    shared: &Arc<Shared>,
    arrived: &ReceivedRequest,
    target: &Target,
    stop: &CancellationToken,
) -> Result<Response<Body>, Failure> {
    let options = ListOptions::read(&arrived.query, true)?;
    let mut selector = selector(arrived, target)?;
    if let Some(name) = &target.name {
        selector = selector.named(name);
    }
    let body = watch::open(shared, &arrived.call, target.clone(), selector, &options, stop.clone());
    let mut response = response::raw(200, "application/json", "");
    *response.body_mut() = body;
    Ok(response)
}

fn create(shared: &Shared, arrived: &ReceivedRequest, target: &Target) -> Result<Response<Body>, Failure> {
    negotiate::check_content_type(arrived)?;
    let options = WriteOptions::read(&arrived.query, "CreateOptions", arrived.call.user_agent.as_deref(), false)?;
    let mut warnings = Vec::new();
    let mut body = decode::object(target.resource, &arrived.body, options.field_validation, &mut warnings)?;
    managed_fields::after_write(target.resource, None, &mut body, &options.manager, &now(shared));
    let written = with_writer(shared, target, &options, |writer| writer.create(body))?;
    Ok(written_object(target, &written, &warnings))
}

fn update(shared: &Shared, arrived: &ReceivedRequest, target: &Target, name: &str) -> Result<Response<Body>, Failure> {
    negotiate::check_content_type(arrived)?;
    let options = WriteOptions::read(&arrived.query, "UpdateOptions", arrived.call.user_agent.as_deref(), false)?;
    let mut warnings = Vec::new();
    let body = decode::object(target.resource, &arrived.body, options.field_validation, &mut warnings)?;
    write::check_name(&body, name, target.namespace.as_deref().unwrap_or_default())?;
    let uid = Some(object_meta::text(&body, "uid").to_owned()).filter(|uid| !uid.is_empty());
    let now = now(shared);
    let written = with_writer(shared, target, &options, |writer| {
        writer.update(name, target.resource.create_on_update, uid.as_deref(), |current| {
            let mut body = body;
            managed_fields::after_write(target.resource, current, &mut body, &options.manager, &now);
            Ok(body)
        })
    })?;
    Ok(written_object(target, &written, &warnings))
}

fn patch(shared: &Shared, arrived: &ReceivedRequest, target: &Target, name: &str) -> Result<Response<Body>, Failure> {
    let kind = patch::Kind::of(&negotiate::content_type(arrived))
        .ok_or_else(|| Failure::new(415, "UnsupportedMediaType", "415: Unsupported Media Type"))?;
    let apply = kind == patch::Kind::Apply;
    let options = WriteOptions::read(&arrived.query, "PatchOptions", arrived.call.user_agent.as_deref(), apply)?;
    let mut warnings = Vec::new();
    let resource = target.resource;
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let now = now(shared);
    let written = if apply {
        let config = server_side_apply::read(resource, &arrived.body, name, namespace)?;
        with_writer(shared, target, &options, |writer| {
            writer.update(name, true, None, |current| {
                let view = server_side_apply::applied(resource, current, &config, &options, &now)?;
                decode_patched(target, &view, &options, &mut warnings)
            })
        })?
    } else {
        with_writer(shared, target, &options, |writer| {
            writer.update(name, false, None, |current| {
                let view = current.map_or_else(|| json!({}), |current| resource.to_view(current));
                let patched = patch::patched(kind, view, &arrived.body)?;
                let mut object = decode_patched(target, &patched, &options, &mut warnings)?;
                write::check_name(&object, name, namespace)?;
                managed_fields::after_write(resource, current, &mut object, &options.manager, &now);
                Ok(object)
            })
        })?
    };
    Ok(written_object(target, &written, &warnings))
}

/// Refuses a patch whose result is not a valid object.
fn decode_patched(
    target: &Target,
    patched: &Value,
    options: &WriteOptions,
    warnings: &mut Vec<String>,
) -> Result<Value, Failure> {
    let text = patched.to_string();
    decode::object(target.resource, text.as_bytes(), options.field_validation, warnings).map_err(|failure| {
        let why = decode::reason(target.resource, &failure);
        Failure::invalid("", "", "", &[FieldError::invalid("patch", &json!(text), why)])
    })
}

/// The time of an entry in `managedFields`.
fn now(shared: &Shared) -> String {
    time::of_wall(shared.settings.clock.wall(), Layout::Seconds)
}

fn with_writer<T>(
    shared: &Shared,
    target: &Target,
    options: &WriteOptions,
    work: impl FnOnce(&mut Writer<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    shared.write(|store| work(&mut Writer::new(store, target, &shared.settings, options.dry_run)))
}

fn selector(arrived: &ReceivedRequest, target: &Target) -> Result<Selector, Failure> {
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
    let mut response = response::raw(code, "application/json", object.to_string());
    for warning in warnings {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    response
}

/// The answer to an unknown path. The real server answers in plain text, not with a `Status`.
fn not_found() -> Response<Body> {
    response::raw(404, "text/plain; charset=utf-8", "404 page not found\n")
}
