//! `metadata`: reading it, the fields that the server sets, and the rules that hold for every kind of object.

use serde_json::{Map, Value, json};

use super::field_error::FieldError;

/// A field of `metadata` as text. Empty if absent.
pub(crate) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object.get("metadata").and_then(|meta| meta.get(field)).and_then(Value::as_str).unwrap_or_default()
}

/// A field of `metadata`.
pub(crate) fn field<'a>(object: &'a Value, field: &str) -> Option<&'a Value> {
    object.get("metadata").and_then(|meta| meta.get(field))
}

/// Sets a field of `metadata`; `None` removes it.
pub(crate) fn set(object: &mut Value, field: &str, value: Option<Value>) {
    let Some(object) = object.as_object_mut() else { return };
    let meta = object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    let Some(meta) = meta.as_object_mut() else { return };
    match value {
        Some(value) => drop(meta.insert(field.to_owned(), value)),
        None => drop(meta.remove(field)),
    }
}

/// The finalizers of an object.
pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    let list = field(object, "finalizers").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Fields of `metadata` that the server sets itself. What a caller writes into them has no effect.
pub(crate) const SYSTEM_FIELDS: [&str; 5] =
    ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"];

const ANNOTATIONS_LIMIT: usize = 256 * 1024;

/// The rules for the `metadata` of any object.
pub(crate) fn validate(
    object: &Value,
    old: Option<&Value>,
    name_rule: fn(&str) -> Option<&'static str>,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if let Some(old) = old {
        if field(old, "deletionTimestamp").is_some() {
            let before = finalizers(old);
            let added: Vec<_> = finalizers(object).into_iter().filter(|name| !before.contains(name)).collect();
            if !added.is_empty() {
                let list = added.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
                let why = "no new finalizers can be added if the object is being deleted, found new finalizers";
                errors.push(FieldError::forbidden("metadata.finalizers", &format!("{why} []string{{{list}}}")));
            }
        }
    } else {
        match text(object, "name") {
            "" => errors.push(FieldError::required("metadata.name", "name or generateName is required")),
            name => {
                if let Some(why) = name_rule(name) {
                    errors.push(FieldError::invalid("metadata.name", &json!(name), why));
                }
            }
        }
    }
    if field(object, "generation").and_then(Value::as_i64).is_some_and(|generation| generation < 0) {
        let value = field(object, "generation").cloned().unwrap_or_default();
        errors.push(FieldError::invalid("metadata.generation", &value, "must be greater than or equal to 0"));
    }
    labels(object, &mut errors);
    annotations(object, &mut errors);
    owners(object, &mut errors);
    for name in finalizers(object) {
        if let Some(why) = qualified_name(name) {
            errors.push(FieldError::invalid("metadata.finalizers", &json!(name), &why));
        }
    }
    if let Some(old) = old {
        for name in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"]
        {
            if field(object, name) != field(old, name) {
                let value = field(object, name).cloned().unwrap_or(Value::Null);
                errors.push(FieldError::invalid(format!("metadata.{name}"), &value, "field is immutable"));
            }
        }
    }
    errors
}

fn labels(object: &Value, errors: &mut Vec<FieldError>) {
    for (key, value) in field(object, "labels").and_then(Value::as_object).into_iter().flatten() {
        if let Some(why) = qualified_name(key) {
            errors.push(FieldError::invalid("metadata.labels", &json!(key), &why));
        }
        if let Some(why) = label_value(value.as_str().unwrap_or_default()) {
            errors.push(FieldError::invalid("metadata.labels", value, why));
        }
    }
}

fn annotations(object: &Value, errors: &mut Vec<FieldError>) {
    let mut size = 0;
    for (key, value) in field(object, "annotations").and_then(Value::as_object).into_iter().flatten() {
        size += key.len() + value.as_str().map_or(0, str::len);
        if let Some(why) = qualified_name(&key.to_ascii_lowercase()) {
            errors.push(FieldError::invalid("metadata.annotations", &json!(key), &why));
        }
    }
    if size > ANNOTATIONS_LIMIT {
        errors.push(FieldError::too_long("metadata.annotations", ANNOTATIONS_LIMIT));
    }
}

fn owners(object: &Value, errors: &mut Vec<FieldError>) {
    let owners = field(object, "ownerReferences").and_then(Value::as_array);
    for (index, owner) in owners.into_iter().flatten().enumerate() {
        for part in ["apiVersion", "kind", "name", "uid"] {
            if owner.get(part).and_then(Value::as_str).is_none_or(str::is_empty) {
                errors.push(FieldError::required(
                    format!("metadata.ownerReferences[{index}].{part}"),
                    "must not be empty",
                ));
            }
        }
    }
}

/// Why `name` is not a DNS-1123 subdomain.
pub(crate) fn dns_subdomain(name: &str) -> Option<&'static str> {
    if name.len() > 253 {
        return Some("must be no more than 253 bytes");
    }
    let good = name.split('.').all(is_dns_part);
    (!good).then_some(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and \
         end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    )
}

/// Why `name` is not a DNS-1123 label.
pub(crate) fn dns_label(name: &str) -> Option<&'static str> {
    if name.len() > 63 {
        return Some("must be no more than 63 bytes");
    }
    if name.contains('.') && dns_subdomain(name).is_none() {
        return Some("must not contain dots");
    }
    (!is_dns_part(name)).then_some(
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with \
         an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    )
}

fn is_dns_part(part: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && bytes.iter().all(|byte| alphanumeric(byte) || *byte == b'-')
}

/// Why `name` is not a qualified name, as keys of labels and names of finalizers must be.
pub(crate) fn qualified_name(name: &str) -> Option<String> {
    const FORM: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
         character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
         '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    let (prefix, local) = match name.split_once('/') {
        Some((prefix, local)) => (Some(prefix), local),
        None => (None, name),
    };
    if local.contains('/') {
        return Some(format!(
            "a qualified name {FORM} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ));
    }
    match prefix {
        Some("") => return Some("prefix part must be non-empty".to_owned()),
        Some(prefix) => {
            if let Some(why) = dns_subdomain(prefix) {
                return Some(format!("prefix part {why}"));
            }
        }
        None => {}
    }
    match local {
        "" => Some("name part must be non-empty".to_owned()),
        local if local.len() > 63 => Some("name part must be no more than 63 bytes".to_owned()),
        local => (!is_label_text(local)).then(|| format!("name part {FORM}")),
    }
}

fn label_value(value: &str) -> Option<&'static str> {
    if value.len() > 63 {
        return Some("must be no more than 63 bytes");
    }
    (!value.is_empty() && !is_label_text(value)).then_some(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and \
         end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
         '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    )
}

fn is_label_text(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}
