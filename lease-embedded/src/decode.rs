//! Decodes the bytes of a request as an object.

use serde_json::Value;

use super::go_decoder::{self, DecodeWarnings};
use super::json;
use super::query::FieldValidation;
use super::resource::Resource;
use super::status::Failure;

/// The body of a creation or an update as an object of `resource`, as it is stored. Warnings are appended to `warnings`.
pub(crate) fn object(
    resource: &Resource,
    bytes: &[u8],
    validation: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<Value, Failure> {
    let (value, duplicates) = json::parse(bytes).map_err(|error| unrecognised(resource, &error.to_string()))?;
    if !value.is_object() {
        return Err(unrecognised(resource, "json: cannot unmarshal a value that is not an object"));
    }
    check_kind(resource, &value)?;
    let mut findings = DecodeWarnings::default();
    let object = go_decoder::decode(resource.schema, value, &mut findings)
        .map_err(|why| Failure::bad_request(format!("{}{why}", cannot_be_handled(resource, resource.kind))))?;
    let duplicates = duplicates.iter().map(|path| format!("duplicate field {path:?}"));
    let strict: Vec<String> =
        duplicates.chain(findings.unknown.iter().map(|path| format!("unknown field {path:?}"))).collect();
    match validation {
        FieldValidation::Strict if !strict.is_empty() => {
            let what = cannot_be_handled(resource, resource.kind);
            return Err(Failure::bad_request(format!("{what}strict decoding error: {}", strict.join(", "))));
        }
        FieldValidation::Warn => warnings.extend(strict),
        FieldValidation::Strict | FieldValidation::Ignore => {}
    }
    Ok(resource.to_storage(object))
}

/// Why [`object`] refused an object, without the part of the message that names the kind.
pub(crate) fn reason<'a>(resource: &Resource, failure: &'a Failure) -> &'a str {
    let before = format!("cannot be handled as a {}: ", resource.kind);
    failure.message.split_once(&before).map_or(failure.message.as_str(), |(_, why)| why)
}

fn cannot_be_handled(resource: &Resource, kind: &str) -> String {
    format!("{kind} in version {:?} cannot be handled as a {}: ", resource.version, resource.kind)
}

fn unrecognised(resource: &Resource, why: &str) -> Failure {
    Failure::bad_request(format!(
        "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: {why}",
        resource.kind
    ))
}

/// A body may leave out its kind and version. If it has them, they must be those of the resource.
fn check_kind(resource: &Resource, value: &Value) -> Result<(), Failure> {
    let text = |field: &str, default: &str| match value.get(field).and_then(Value::as_str) {
        None | Some("") => default.to_owned(),
        Some(text) => text.to_owned(),
    };
    let (kind, version) = (text("kind", resource.kind), text("apiVersion", &resource.api_version()));
    if kind == resource.kind && version == resource.api_version() {
        return Ok(());
    }
    let what = cannot_be_handled(resource, &kind);
    Err(Failure::bad_request(format!(
        "{what}no kind {kind:?} is registered for version {version:?} in scheme \"pkg/runtime/scheme.go:111\""
    )))
}
