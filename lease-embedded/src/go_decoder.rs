//! Decodes an object as the server's typed decoder does: it refuses wrong types and reports unknown fields. Absent and null
//! mean the same and, for fields that are not pointers, zero as well.

use serde_json::{Map, Value};

use super::time::{self, Layout};

/// The type of a field, as far as it matters for decoding.
#[derive(Debug)]
pub(crate) enum Type {
    /// A Go `string`: empty means absent.
    Text,
    /// A Go `*string`: empty is a value. `LeaseSpec.holderIdentity` is one: an empty holder means that the lease was released.
    TextPointer,
    /// A Go `int32`: zero means absent.
    Int32,
    /// A Go `*int32`.
    Int32Pointer,
    /// A Go `int64`: zero means absent.
    Int64,
    /// A Go `*int64`.
    Int64Pointer,
    /// A Go `*bool`.
    Bool,
    /// A time in one of the two layouts.
    Time(Layout),
    /// A Go `map[string]string`.
    Labels,
    /// A Go slice.
    List(&'static Type),
    /// A Go struct held by value: always present, at least as `{}`, except where `optional`.
    Struct(&'static Struct),
    /// A Go pointer to a struct.
    Pointer(&'static Struct),
    /// Any JSON (`fieldsV1`).
    Any,
}

/// A Go struct: its name, which messages contain, and its fields.
#[derive(Debug)]
pub(crate) struct Struct {
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [(&'static str, Type)],
}

/// What decoding returns in addition to the object.
#[derive(Debug, Default)]
pub(crate) struct DecodeWarnings {
    /// The paths of fields that the type does not have, in the order of the text.
    pub(crate) unknown: Vec<String>,
}

/// Decodes `value` as `shape`. The error has the words of Go's.
pub(crate) fn decode(
    shape: &Struct,
    value: Value,
    findings: &mut DecodeWarnings,
) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(map) => decode_struct(shape, map, "", findings),
        Value::Null => Ok(Map::new()),
        other => Err(mismatch(&other, shape.name, "", shape.name)),
    }
}

fn decode_struct(
    shape: &Struct,
    map: Map<String, Value>,
    path: &str,
    findings: &mut DecodeWarnings,
) -> Result<Map<String, Value>, String> {
    let mut out = Map::new();
    for (key, value) in map {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match shape.fields.iter().find(|(name, _)| *name == key) {
            None => findings.unknown.push(path),
            Some((_, kind)) => {
                if let Some(value) = decode_field(shape.name, kind, value, &path, findings)? {
                    out.insert(key, value);
                }
            }
        }
    }
    for (name, kind) in shape.fields {
        if matches!(kind, Type::Struct(_)) && !out.contains_key(*name) {
            out.insert((*name).to_owned(), Value::Object(Map::new()));
        }
    }
    Ok(out)
}

fn decode_field(
    owner: &str,
    kind: &Type,
    value: Value,
    path: &str,
    findings: &mut DecodeWarnings,
) -> Result<Option<Value>, String> {
    if value.is_null() {
        return Ok(None);
    }
    let refuse = |value: &Value, go: &str| Err(mismatch(value, owner, path, go));
    match kind {
        Type::Any => Ok(Some(value)),
        Type::Text | Type::TextPointer => match value.as_str() {
            Some("") if matches!(kind, Type::Text) => Ok(None),
            Some(_) => Ok(Some(value)),
            None => refuse(&value, "string"),
        },
        Type::Bool => {
            if value.is_boolean() {
                Ok(Some(value))
            } else {
                refuse(&value, "bool")
            }
        }
        Type::Int32 | Type::Int32Pointer => match value.as_i64().and_then(|number| i32::try_from(number).ok()) {
            Some(0) if matches!(kind, Type::Int32) => Ok(None),
            Some(_) => Ok(Some(value)),
            None => refuse(&value, "int32"),
        },
        Type::Int64 | Type::Int64Pointer => match value.as_i64() {
            Some(0) if matches!(kind, Type::Int64) => Ok(None),
            Some(_) => Ok(Some(value)),
            None => refuse(&value, "int64"),
        },
        Type::Time(layout) => match value.as_str() {
            // Go's zero time is valid, and Go writes it as null.
            Some(text) => Ok(Some(time::normalise(text, *layout)?.map_or(Value::Null, Value::from))),
            None => refuse(&value, "string"),
        },
        Type::Labels => match value {
            Value::Object(map) => decode_labels(owner, map, path),
            other => refuse(&other, "map[string]string"),
        },
        Type::List(of) => match value {
            Value::Array(items) => {
                let mut out = Vec::with_capacity(items.len());
                for (index, item) in items.into_iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    out.push(decode_field(owner, of, item, &path, findings)?.unwrap_or_else(|| zero(of)));
                }
                Ok((!out.is_empty()).then_some(Value::Array(out)))
            }
            other => refuse(&other, &format!("[]{}", go_type(of))),
        },
        Type::Struct(shape) | Type::Pointer(shape) => match value {
            Value::Object(map) => Ok(Some(Value::Object(decode_struct(shape, map, path, findings)?))),
            other => refuse(&other, shape.name),
        },
    }
}

fn decode_labels(owner: &str, map: Map<String, Value>, path: &str) -> Result<Option<Value>, String> {
    let mut out = Map::new();
    for (key, value) in map {
        match value {
            Value::String(_) => out.insert(key, value),
            Value::Null => out.insert(key, Value::from("")),
            other => return Err(mismatch(&other, owner, path, "string")),
        };
    }
    Ok((!out.is_empty()).then_some(Value::Object(out)))
}

fn zero(kind: &Type) -> Value {
    match kind {
        Type::Struct(_) | Type::Pointer(_) => Value::Object(Map::new()),
        Type::Text | Type::TextPointer => Value::from(""),
        _ => Value::Null,
    }
}

fn go_type(kind: &Type) -> &'static str {
    match kind {
        Type::Struct(shape) | Type::Pointer(shape) => shape.name,
        _ => "string",
    }
}

fn go_kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(number) => format!("number {number}"),
        Value::String(_) => "string".to_owned(),
        Value::Array(_) => "array".to_owned(),
        Value::Object(_) => "object".to_owned(),
    }
}

fn mismatch(value: &Value, owner: &str, path: &str, go: &str) -> String {
    // Go's message contains the number only if the number does not fit.
    let kind = match value {
        Value::Number(_) if !go.starts_with("int") => "number".to_owned(),
        other => go_kind(other),
    };
    if path.is_empty() {
        return format!("json: cannot unmarshal {kind} into Go value of type {go}");
    }
    format!("json: cannot unmarshal {kind} into Go struct field {owner}.{path} of type {go}")
}

const OWNER_REFERENCE: Struct = Struct {
    name: "v1.OwnerReference",
    fields: &[
        ("apiVersion", Type::Text),
        ("kind", Type::Text),
        ("name", Type::Text),
        ("uid", Type::Text),
        ("controller", Type::Bool),
        ("blockOwnerDeletion", Type::Bool),
    ],
};

const MANAGED_FIELDS: Struct = Struct {
    name: "v1.ManagedFieldsEntry",
    fields: &[
        ("manager", Type::Text),
        ("operation", Type::Text),
        ("apiVersion", Type::Text),
        ("time", Type::Time(Layout::Seconds)),
        ("fieldsType", Type::Text),
        ("fieldsV1", Type::Any),
        ("subresource", Type::Text),
    ],
};

/// `metav1.ObjectMeta`.
pub(crate) const OBJECT_META: Struct = Struct {
    name: "ObjectMeta",
    fields: &[
        ("name", Type::Text),
        ("generateName", Type::Text),
        ("namespace", Type::Text),
        ("selfLink", Type::Text),
        ("uid", Type::Text),
        ("resourceVersion", Type::Text),
        ("generation", Type::Int64),
        ("creationTimestamp", Type::Time(Layout::Seconds)),
        ("deletionTimestamp", Type::Time(Layout::Seconds)),
        ("deletionGracePeriodSeconds", Type::Int64Pointer),
        ("labels", Type::Labels),
        ("annotations", Type::Labels),
        ("ownerReferences", Type::List(&Type::Struct(&OWNER_REFERENCE))),
        ("finalizers", Type::List(&Type::Text)),
        ("managedFields", Type::List(&Type::Struct(&MANAGED_FIELDS))),
    ],
};

const LEASE_SPEC: Struct = Struct {
    name: "LeaseSpec",
    fields: &[
        ("holderIdentity", Type::TextPointer),
        ("leaseDurationSeconds", Type::Int32Pointer),
        ("acquireTime", Type::Time(Layout::Micros)),
        ("renewTime", Type::Time(Layout::Micros)),
        ("leaseTransitions", Type::Int32Pointer),
        ("strategy", Type::TextPointer),
        ("preferredHolder", Type::TextPointer),
    ],
};

/// `coordination.k8s.io/v1.Lease`.
pub(crate) const LEASE: Struct = Struct {
    name: "Lease",
    fields: &[
        ("apiVersion", Type::Text),
        ("kind", Type::Text),
        ("metadata", Type::Struct(&OBJECT_META)),
        ("spec", Type::Struct(&LEASE_SPEC)),
    ],
};

const OBJECT_REFERENCE: Struct = Struct {
    name: "ObjectReference",
    fields: &[
        ("kind", Type::Text),
        ("namespace", Type::Text),
        ("name", Type::Text),
        ("uid", Type::Text),
        ("apiVersion", Type::Text),
        ("resourceVersion", Type::Text),
        ("fieldPath", Type::Text),
    ],
};

const EVENT_SOURCE: Struct = Struct { name: "EventSource", fields: &[("component", Type::Text), ("host", Type::Text)] };

const EVENT_SERIES: Struct =
    Struct { name: "EventSeries", fields: &[("count", Type::Int32), ("lastObservedTime", Type::Time(Layout::Micros))] };

/// `v1.Event`. Both kinds of Event are stored in this form.
pub(crate) const CORE_EVENT: Struct = Struct {
    name: "Event",
    fields: &[
        ("apiVersion", Type::Text),
        ("kind", Type::Text),
        ("metadata", Type::Struct(&OBJECT_META)),
        ("involvedObject", Type::Struct(&OBJECT_REFERENCE)),
        ("reason", Type::Text),
        ("message", Type::Text),
        ("source", Type::Struct(&EVENT_SOURCE)),
        ("firstTimestamp", Type::Time(Layout::Seconds)),
        ("lastTimestamp", Type::Time(Layout::Seconds)),
        ("count", Type::Int32),
        ("type", Type::Text),
        ("eventTime", Type::Time(Layout::Micros)),
        ("series", Type::Pointer(&EVENT_SERIES)),
        ("action", Type::Text),
        ("related", Type::Pointer(&OBJECT_REFERENCE)),
        ("reportingComponent", Type::Text),
        ("reportingInstance", Type::Text),
    ],
};

/// `events.k8s.io/v1.Event`: the same with other names.
pub(crate) const EVENT: Struct = Struct {
    name: "Event",
    fields: &[
        ("apiVersion", Type::Text),
        ("kind", Type::Text),
        ("metadata", Type::Struct(&OBJECT_META)),
        ("eventTime", Type::Time(Layout::Micros)),
        ("series", Type::Pointer(&EVENT_SERIES)),
        ("reportingController", Type::Text),
        ("reportingInstance", Type::Text),
        ("action", Type::Text),
        ("reason", Type::Text),
        ("regarding", Type::Struct(&OBJECT_REFERENCE)),
        ("related", Type::Pointer(&OBJECT_REFERENCE)),
        ("note", Type::Text),
        ("type", Type::Text),
        ("deprecatedSource", Type::Struct(&EVENT_SOURCE)),
        ("deprecatedFirstTimestamp", Type::Time(Layout::Seconds)),
        ("deprecatedLastTimestamp", Type::Time(Layout::Seconds)),
        ("deprecatedCount", Type::Int32),
    ],
};

const NAMESPACE_SPEC: Struct = Struct { name: "NamespaceSpec", fields: &[("finalizers", Type::List(&Type::Text))] };

const NAMESPACE_STATUS: Struct = Struct { name: "NamespaceStatus", fields: &[("phase", Type::Text)] };

/// `v1.Namespace`.
pub(crate) const NAMESPACE: Struct = Struct {
    name: "Namespace",
    fields: &[
        ("apiVersion", Type::Text),
        ("kind", Type::Text),
        ("metadata", Type::Struct(&OBJECT_META)),
        ("spec", Type::Struct(&NAMESPACE_SPEC)),
        ("status", Type::Struct(&NAMESPACE_STATUS)),
    ],
};
