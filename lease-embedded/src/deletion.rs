//! `DELETE` of one object and of many.

use std::sync::Arc;

use serde_json::{Value, json};

use super::field_error::FieldError;
use super::negotiate;
use super::object_meta;
use super::query::WriteOptions;
use super::read;
use super::request::ReceivedRequest;
use super::route::Target;
use super::selector::Selector;
use super::shared::Shared;
use super::status::Failure;
use super::write::{Preconditions, Writer, Written};

/// Deletes one object and answers with a status or, if it has finalizers, with the object that remains.
pub(crate) fn one(shared: &Shared, arrived: &ReceivedRequest, target: &Target, name: &str) -> Result<Value, Failure> {
    let (preconditions, dry_run) = options(arrived)?;
    let written = with_writer(shared, target, dry_run, |writer| writer.delete(name, &preconditions))?;
    Ok(match written {
        Written::Gone(status) => status,
        Written::Created(left) | Written::Stored(left) => target.resource.to_view(&left),
    })
}

/// Deletes the selected objects and answers with a list of them.
pub(crate) fn many(
    shared: &Shared,
    arrived: &ReceivedRequest,
    target: &Target,
    selector: &Selector,
) -> Result<Value, Failure> {
    let (preconditions, dry_run) = options(arrived)?;
    with_writer(shared, target, dry_run, |writer| {
        let found: Vec<Arc<Value>> = writer
            .store
            .list(target.resource.storage, target.namespace.as_deref())
            .filter(|(_, object)| selector.matches(object))
            .map(|(_, object)| object.clone())
            .collect();
        for object in &found {
            writer.delete(object_meta::text(object, "name"), &preconditions)?;
        }
        let items = found.iter().map(|object| Value::Object(target.resource.to_item(object))).collect();
        let version = json!({ "resourceVersion": writer.store.revision().to_string() });
        Ok(read::of_items(target.resource, version, items))
    })
}

fn with_writer<T>(
    shared: &Shared,
    target: &Target,
    dry_run: bool,
    work: impl FnOnce(&mut Writer<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    shared.write(|store| work(&mut Writer::new(store, target, &shared.settings, dry_run)))
}

/// Reads the options from the body, or from the query if the body is empty. The flag is `dryRun`.
fn options(arrived: &ReceivedRequest) -> Result<(Preconditions, bool), Failure> {
    if arrived.body.is_empty() {
        let options = WriteOptions::read(&arrived.query, "DeleteOptions", None, false)?;
        let propagation = arrived.query.text("propagationPolicy").map(str::to_owned);
        refuse(check_propagation(propagation.as_deref()).into_iter().collect())?;
        return Ok((Preconditions { propagation, ..Preconditions::default() }, options.dry_run));
    }
    negotiate::check_content_type(arrived)?;
    let body: Value = serde_json::from_slice(&arrived.body)
        .map_err(|error| Failure::bad_request(format!("couldn't get version/kind; json parse error: {error}")))?;
    match body.get("kind").and_then(Value::as_str) {
        None | Some("" | "DeleteOptions") => {}
        Some(kind) => {
            let place = "for version \"meta.k8s.io/v1\" in scheme \"pkg/runtime/scheme.go:111\"";
            return Err(Failure::bad_request(format!("no kind {kind:?} is registered {place}")));
        }
    }
    let text = |path: &str| body.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let propagation = text("/propagationPolicy");
    let mut errors: Vec<FieldError> = check_propagation(propagation.as_deref()).into_iter().collect();
    let dry_run = body.get("dryRun").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if dry_run.iter().any(|value| value != "All") {
        errors.push(FieldError::not_supported("dryRun", &json!(dry_run), &["All"]));
    }
    refuse(errors)?;
    let preconditions =
        Preconditions { uid: text("/preconditions/uid"), version: text("/preconditions/resourceVersion"), propagation };
    Ok((preconditions, !dry_run.is_empty()))
}

fn check_propagation(policy: Option<&str>) -> Option<FieldError> {
    let policy = policy.filter(|policy| !["Background", "Foreground", "Orphan"].contains(policy))?;
    let known = ["Foreground", "Background", "Orphan", "nil"];
    Some(FieldError::not_supported("propagationPolicy", &json!(policy), &known))
}

fn refuse(errors: Vec<FieldError>) -> Result<(), Failure> {
    if errors.is_empty() { Ok(()) } else { Err(Failure::invalid("meta.k8s.io", "DeleteOptions", "", &errors)) }
}
