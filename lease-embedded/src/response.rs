//! Responses: any content, and a `Status` that refuses a request.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde_json::Value;

use super::body::Body;
use super::status::Failure;

/// A `Status` as an answer.
pub(crate) fn refusal(failure: &Failure) -> Response<Body> {
    let mut response = raw(failure.code, "application/json", failure.to_json().to_string());
    if let Some(seconds) = failure.details.get("retryAfterSeconds").and_then(Value::as_u64) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Any answer.
pub(crate) fn raw(code: u16, content_type: &str, body: impl Into<Bytes>) -> Response<Body> {
    let body: Bytes = body.into();
    let mut response = Response::new(Body::full(body));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = content_type.parse() {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    let private = header::HeaderValue::from_static("no-cache, private");
    response.headers_mut().insert(header::CACHE_CONTROL, private);
    response
}
