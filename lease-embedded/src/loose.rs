//! The kinds that stand around a Lease: Pods, Services and EndpointSlices. Their metadata has the rules of every object. What else
//! they contain is stored as it is sent, without defaults, and mostly without validation.

use serde_json::Value;

use super::field_error::FieldError;
use super::go_decoder::{OBJECT_META, Struct, Type};
use super::object_meta;

/// `v1.Pod`.
pub(crate) const POD: Struct = Struct {
    name: "Pod",
    fields: &[
        ("apiVersion", Type::Text),
        ("kind", Type::Text),
        ("metadata", Type::Struct(&OBJECT_META)),
        ("spec", Type::Any),
        ("status", Type::Any),
    ],
};

/// `v1.Service`.
pub(crate) const SERVICE: Struct = Struct {
    name: "Service",
    fields: &[
        ("apiVersion", Type::Text),
        ("kind", Type::Text),
        ("metadata", Type::Struct(&OBJECT_META)),
        ("spec", Type::Any),
        ("status", Type::Any),
    ],
};

/// `discovery.k8s.io/v1.EndpointSlice`.
pub(crate) const ENDPOINT_SLICE: Struct = Struct {
    name: "EndpointSlice",
    fields: &[
        ("apiVersion", Type::Text),
        ("kind", Type::Text),
        ("metadata", Type::Struct(&OBJECT_META)),
        ("addressType", Type::Text),
        ("endpoints", Type::Any),
        ("ports", Type::Any),
    ],
};

pub(crate) fn pod(pod: &Value, old: Option<&Value>) -> Vec<FieldError> {
    object_meta::validate(pod, old, object_meta::dns_subdomain)
}

pub(crate) fn service(service: &Value, old: Option<&Value>) -> Vec<FieldError> {
    object_meta::validate(service, old, object_meta::dns_label)
}

pub(crate) fn endpoint_slice(slice: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = object_meta::validate(slice, old, object_meta::dns_subdomain);
    let kind = slice.get("addressType").cloned().unwrap_or_default();
    if kind.is_null() {
        errors.push(FieldError::required("addressType", ""));
    } else if old.is_some_and(|old| old.get("addressType") != Some(&kind)) {
        errors.push(FieldError::invalid("addressType", &kind, "field is immutable"));
    }
    errors
}
