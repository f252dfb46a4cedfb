//! Content types: which ones a body may have, and which one a caller must accept.

use http::header;

use super::request::{self, ReceivedRequest};
use super::status::Failure;

/// The type of the body, in lower case and without parameters.
pub(crate) fn content_type(arrived: &ReceivedRequest) -> String {
    let value = request::text(&arrived.parts.headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Refuses a body that is not JSON. A body without a type counts as JSON.
pub(crate) fn check_content_type(arrived: &ReceivedRequest) -> Result<(), Failure> {
    match content_type(arrived).as_str() {
        "" | "application/json" => Ok(()),
        _ => {
            let why = "the body of the request was in an unknown format - accepted media types include: application/json, \
                       application/yaml, application/vnd.kubernetes.protobuf";
            Err(Failure::new(415, "UnsupportedMediaType", why))
        }
    }
}

/// Refuses a caller that does not accept JSON.
pub(crate) fn check_accept(arrived: &ReceivedRequest) -> Result<(), Failure> {
    let accepted = arrived.parts.headers.get_all(header::ACCEPT);
    let accepted: Vec<&str> = accepted.iter().filter_map(|value| value.to_str().ok()).collect();
    let accepted = accepted.join(",");
    let readable = |clause: &str| {
        let mut parts = clause.split(';').map(str::trim);
        let known = matches!(parts.next(), Some("" | "*/*" | "application/json"));
        known && !parts.any(|parameter| parameter.starts_with("as="))
    };
    if accepted.is_empty() || accepted.split(',').any(readable) {
        return Ok(());
    }
    let why = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, \
               application/vnd.kubernetes.protobuf";
    Err(Failure::new(406, "NotAcceptable", why))
}
