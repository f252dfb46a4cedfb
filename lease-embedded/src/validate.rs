//! The validation of each kind. Every function takes the object in stored form and, for an update, the object it replaces.

use serde_json::{Value, json};

use super::field_error::FieldError;
use super::object_meta;

const STRATEGIES: [&str; 1] = ["OldestEmulationVersion"];

pub(crate) fn lease(lease: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = object_meta::validate(lease, old, object_meta::dns_subdomain);
    let spec = |field: &str| lease.get("spec").and_then(|spec| spec.get(field));
    if let Some(duration) = spec("leaseDurationSeconds")
        && duration.as_i64().is_none_or(|seconds| seconds <= 0)
    {
        errors.push(FieldError::invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"));
    }
    if let Some(transitions) = spec("leaseTransitions")
        && transitions.as_i64().is_none_or(|number| number < 0)
    {
        errors.push(FieldError::invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"));
    }
    let strategy = spec("strategy").and_then(Value::as_str);
    if let Some(strategy) = strategy {
        strategy_name(strategy, &mut errors);
    }
    if spec("preferredHolder").and_then(Value::as_str).is_some_and(|holder| !holder.is_empty())
        && strategy.is_none_or(str::is_empty)
    {
        let why = "may only be specified if `strategy` is defined";
        errors.push(FieldError::forbidden("spec.preferredHolder", why));
    }
    errors
}

/// A strategy of Kubernetes, or a qualified name with a domain.
fn strategy_name(strategy: &str, errors: &mut Vec<FieldError>) {
    let field = "spec.strategy";
    let parts: Vec<&str> = strategy.split('/').collect();
    match parts.as_slice() {
        [own] => {
            if !STRATEGIES.contains(own) {
                errors.push(FieldError::not_supported(field, &json!(strategy), &STRATEGIES));
            }
        }
        _ => {
            if let Some(why) = object_meta::qualified_name(strategy) {
                errors.push(FieldError::invalid(field, &json!(strategy), &why));
            }
        }
    }
}

pub(crate) fn namespace(namespace: &Value, old: Option<&Value>) -> Vec<FieldError> {
    object_meta::validate(namespace, old, object_meta::dns_label)
}

/// The rules for an Event sent to the core group.
pub(crate) fn core_event(event: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = event_basics(event, "reportingComponent");
    if errors.is_empty() {
        errors = object_meta::validate(event, old, |_| None);
    }
    errors
}

/// The rules for an Event sent to `events.k8s.io`: those of the core group, and more.
pub(crate) fn event(event: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = event_basics(event, "reportingController");
    errors.extend(object_meta::validate(event, old, object_meta::dns_subdomain));
    if old.is_none_or(|old| old.get("series") != event.get("series"))
        && let Some(series) = event.get("series")
    {
        if series.get("count").and_then(Value::as_i64).unwrap_or(0) < 2 {
            errors.push(FieldError::invalid("series.count", &json!(""), "should be at least 2"));
        }
        if series.get("lastObservedTime").is_none() {
            errors.push(FieldError::required("series.lastObservedTime", ""));
        }
    }
    match old {
        None => event_creation(event, &mut errors),
        Some(old) => {
            for (field, name) in EVENT_IMMUTABLE {
                if event.get(field) != old.get(field) {
                    let value = event.get(field).cloned().unwrap_or(Value::Null);
                    errors.push(FieldError::invalid(name, &value, "field is immutable"));
                }
            }
        }
    }
    errors
}

/// Stored name and the name in messages.
const EVENT_IMMUTABLE: [(&str, &str); 13] = [
    ("involvedObject", "involvedObject"),
    ("reason", "reason"),
    ("message", "message"),
    ("source", "source"),
    ("firstTimestamp", "firstTimestamp"),
    ("lastTimestamp", "lastTimestamp"),
    ("count", "count"),
    ("type", "type"),
    ("eventTime", "eventTime"),
    ("action", "action"),
    ("related", "related"),
    ("reportingComponent", "reportingController"),
    ("reportingInstance", "reportingInstance"),
];

fn event_creation(event: &Value, errors: &mut Vec<FieldError>) {
    if event.get("eventTime").is_none() {
        errors.push(FieldError::required("eventTime", ""));
    }
    let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
    if !["Normal", "Warning"].contains(&kind) {
        errors.push(FieldError::invalid("type", &json!(""), &format!("has invalid value: {kind}")));
    }
    for field in ["firstTimestamp", "lastTimestamp", "count"] {
        if event.get(field).is_some() {
            errors.push(FieldError::invalid(field, &json!(""), "needs to be unset"));
        }
    }
    if event.get("source").and_then(Value::as_object).is_some_and(|source| !source.is_empty()) {
        errors.push(FieldError::invalid("source", &json!(""), "needs to be unset"));
    }
}

fn event_basics(event: &Value, controller: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let text = |field: &str| event.get(field).and_then(Value::as_str).unwrap_or_default();
    let namespace = object_meta::text(event, "namespace");
    let about = event.get("involvedObject").and_then(|about| about.get("namespace")).and_then(Value::as_str);
    let about = about.unwrap_or_default();
    let new_style = event.get("eventTime").is_some();
    let agrees = match (about, new_style) {
        ("", true) => ["default", "kube-system"].contains(&namespace),
        ("", false) => namespace == "default",
        (_, true) => true,
        (about, false) => about == namespace,
    };
    if !agrees {
        errors.push(FieldError::invalid("involvedObject.namespace", &json!(about), "does not match event.namespace"));
    }
    if !new_style {
        return errors;
    }
    if text("reportingComponent").is_empty() {
        errors.push(FieldError::required(controller, ""));
    }
    if let Some(why) = object_meta::qualified_name(text("reportingComponent")) {
        errors.push(FieldError::invalid(controller, &json!(text("reportingComponent")), &why));
    }
    for (field, limit) in [("reportingInstance", 128), ("action", 128), ("reason", 128), ("message", 1024)] {
        let value = text(field);
        if value.is_empty() && field != "message" {
            errors.push(FieldError::required(field, ""));
        }
        if value.len() > limit {
            errors.push(FieldError::invalid(field, &json!(""), &format!("can have at most {limit} characters")));
        }
    }
    errors
}
