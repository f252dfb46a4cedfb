//! `metav1.Status`: refusals and their reasons.

use serde_json::{Map, Value, json};

use super::field_error::FieldError;
use super::resource::Resource;

/// A refusal in the words of the real server. Clients act on `code` and `reason`. People read `message`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) details: Map<String, Value>,
}

impl Failure {
    pub(crate) fn new(code: u16, reason: &str, message: impl Into<String>) -> Failure {
        Failure { code, reason: reason.to_owned(), message: message.into(), details: Map::new() }
    }

    /// The server's general answer with `code`.
    pub(crate) fn of_code(code: u16) -> Failure {
        let (reason, message) = match code {
            400 => ("BadRequest", "the server rejected our request for an unknown reason"),
            401 => ("Unauthorized", "Unauthorized"),
            403 => ("Forbidden", "forbidden"),
            404 => ("NotFound", "the server could not find the requested resource"),
            405 => ("MethodNotAllowed", "the server does not allow this method on the requested resource"),
            409 => ("Conflict", "the server reported a conflict"),
            410 => ("Expired", "The resourceVersion for the provided watch is too old."),
            422 => ("Invalid", "the server rejected our request due to an error in our request"),
            429 => ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
            500 => ("InternalError", "Internal error occurred: injected"),
            503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
            504 => (
                "Timeout",
                "the server was unable to return a response in the time allotted, but may still be processing the request",
            ),
            code if code >= 500 => {
                ("InternalError", "an error on the server has prevented the request from succeeding")
            }
            _ => ("", "the server responded without more information"),
        };
        Failure::new(code, reason, message)
    }

    fn about(mut self, group: &str, kind: &str, name: &str) -> Failure {
        for (key, value) in [("group", group), ("kind", kind), ("name", name)] {
            if !value.is_empty() {
                self.details.insert(key.to_owned(), Value::from(value));
            }
        }
        self
    }

    /// Asks the caller to retry after `seconds`. Also sent as the `Retry-After` header.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Failure {
        self.details.insert("retryAfterSeconds".to_owned(), Value::from(seconds));
        self
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Failure {
        Failure::new(400, "BadRequest", message)
    }

    pub(crate) fn not_found(resource: &Resource, name: &str) -> Failure {
        let message = format!("{} {name:?} not found", resource.qualified());
        Failure::new(404, "NotFound", message).about(resource.group, resource.plural, name)
    }

    pub(crate) fn already_exists(resource: &Resource, name: &str) -> Failure {
        let message = format!("{} {name:?} already exists", resource.qualified());
        Failure::new(409, "AlreadyExists", message).about(resource.group, resource.plural, name)
    }

    pub(crate) fn conflict(resource: &Resource, name: &str, why: &str) -> Failure {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", resource.qualified());
        Failure::new(409, "Conflict", message).about(resource.group, resource.plural, name)
    }

    /// A deletion whose preconditions do not hold. In this message, the real server names the kind instead of the resource.
    pub(crate) fn deletion_conflict(resource: &Resource, name: &str, why: &str) -> Failure {
        let group = resource.group;
        let kind = if group.is_empty() { resource.kind.to_owned() } else { format!("{}.{group}", resource.kind) };
        let message = format!("Operation cannot be fulfilled on {kind} {name:?}: {why}");
        Failure::new(409, "Conflict", message).about(group, resource.kind, name)
    }

    pub(crate) fn stale(resource: &Resource, name: &str) -> Failure {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Failure::conflict(resource, name, why)
    }

    pub(crate) fn forbidden(
        resource: &Resource,
        verb: &str,
        namespace: Option<&str>,
        name: &str,
        user: &str,
    ) -> Failure {
        let object = if name.is_empty() { String::new() } else { format!(" {name:?}") };
        let place = match namespace {
            Some(namespace) => format!("in the namespace {namespace:?}"),
            None => "at the cluster scope".to_owned(),
        };
        let message = format!(
            "{}{object} is forbidden: User {user:?} cannot {verb} resource {:?} in API group {:?} {place}",
            resource.qualified(),
            resource.plural,
            resource.group,
        );
        Failure::new(403, "Forbidden", message).about(resource.group, resource.plural, name)
    }

    pub(crate) fn expired(message: impl Into<String>) -> Failure {
        Failure::new(410, "Expired", message)
    }

    /// 422, with one cause per field.
    pub(crate) fn invalid(group: &str, kind: &str, name: &str, errors: &[FieldError]) -> Failure {
        let mut lines: Vec<String> = Vec::new();
        for error in errors {
            let line = format!("{}: {}", error.field, error.message);
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        let listed = if let [only] = lines.as_slice() { only.clone() } else { format!("[{}]", lines.join(", ")) };
        let qualified = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let causes: Vec<Value> = errors
            .iter()
            .map(|error| json!({ "reason": error.reason, "message": error.message, "field": error.field }))
            .collect();
        let mut failure =
            Failure::new(422, "Invalid", format!("{qualified} {name:?} is invalid: {listed}")).about(group, kind, name);
        failure.details.insert("causes".to_owned(), Value::Array(causes));
        failure
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = Value::from(self.reason.as_str());
        }
        if !self.details.is_empty() {
            status["details"] = Value::Object(self.details.clone());
        }
        status
    }
}

/// What the server answers to a deletion that took effect at once.
pub(crate) fn deleted(resource: &Resource, name: &str, uid: &str) -> Value {
    let mut details = json!({ "name": name, "kind": resource.plural, "uid": uid });
    if !resource.group.is_empty() {
        details["group"] = Value::from(resource.group);
    }
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details })
}
