//! From the bytes of a request to an object.

use serde_json::Value;

use super::query::FieldValidation;
use super::resource::Resource;
use super::schema::{self, Findings};
use super::status::Failure;

/// The body of a creation or an update as an object of `resource`, as it is stored. Warnings are appended to `warnings`.
pub(crate) fn object(
    resource: &Resource,
    bytes: &[u8],
    validation: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<Value, Failure> {
    let value = json(resource, bytes)?;
    check_kind(resource, &value)?;
    let mut findings = Findings::default();
    let object = schema::decode(resource.schema, value, &mut findings)
        .map_err(|why| Failure::bad_request(format!("{}{why}", cannot_be_handled(resource))))?;
    let unknown: Vec<String> = findings.unknown.iter().map(|path| format!("unknown field {path:?}")).collect();
    match validation {
        FieldValidation::Strict if !unknown.is_empty() => {
            let why = format!("{}strict decoding error: {}", cannot_be_handled(resource), unknown.join(", "));
            return Err(Failure::bad_request(why));
        }
        FieldValidation::Warn => warnings.extend(unknown),
        FieldValidation::Strict | FieldValidation::Ignore => {}
    }
    Ok(resource.to_storage(object))
}

fn cannot_be_handled(resource: &Resource) -> String {
    format!("{} in version {:?} cannot be handled as a {}: ", resource.kind, resource.version, resource.kind)
}

fn json(resource: &Resource, bytes: &[u8]) -> Result<Value, Failure> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(Value::Object(object)),
        Ok(_) => Err(unrecognised(resource, "json: cannot unmarshal a value that is not an object")),
        Err(error) => Err(unrecognised(resource, &error.to_string())),
    }
}

fn unrecognised(resource: &Resource, why: &str) -> Failure {
    Failure::bad_request(format!(
        "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: {why}",
        resource.kind
    ))
}

/// A body may leave out its kind, but not claim another.
fn check_kind(resource: &Resource, value: &Value) -> Result<(), Failure> {
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
    let (kind, version) = (text("kind"), text("apiVersion"));
    let expected = resource.api_version();
    if !version.is_empty() && version != expected {
        return Err(Failure::bad_request(format!(
            "the API version in the data ({version}) does not match the expected API version ({expected})"
        )));
    }
    if !kind.is_empty() && kind != resource.kind {
        return Err(Failure::bad_request(format!(
            "{kind} in version {:?} cannot be handled as a {}: no kind {kind:?} is registered for version {expected:?}",
            resource.version, resource.kind
        )));
    }
    Ok(())
}
