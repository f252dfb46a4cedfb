//! A field that validation refuses, in the words of the real server.

use serde_json::Value;

/// One field that validation refused.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldError {
    pub(crate) field: String,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl FieldError {
    /// `value` as Go prints it: strings in quotes, numbers without.
    pub(crate) fn invalid(field: impl Into<String>, value: &Value, why: &str) -> FieldError {
        FieldError {
            field: field.into(),
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {value}: {why}"),
        }
    }

    pub(crate) fn required(field: impl Into<String>, why: &str) -> FieldError {
        let message = if why.is_empty() { "Required value".to_owned() } else { format!("Required value: {why}") };
        FieldError { field: field.into(), reason: "FieldValueRequired", message }
    }

    pub(crate) fn forbidden(field: impl Into<String>, why: &str) -> FieldError {
        FieldError { field: field.into(), reason: "FieldValueForbidden", message: format!("Forbidden: {why}") }
    }

    pub(crate) fn too_long(field: impl Into<String>, limit: usize) -> FieldError {
        let message = format!("Too long: may not be more than {limit} bytes");
        FieldError { field: field.into(), reason: "FieldValueTooLong", message }
    }

    pub(crate) fn not_supported(field: impl Into<String>, value: &Value, supported: &[&str]) -> FieldError {
        let supported: Vec<String> = supported.iter().map(|value| format!("{value:?}")).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", supported.join(", "));
        FieldError { field: field.into(), reason: "FieldValueNotSupported", message }
    }
}
