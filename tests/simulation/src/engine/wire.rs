//! What the checks read in requests and answers, without parsing them.

use http::{Method, Uri};

use crate::journal::{LeaseName, Verb};
use crate::program::LEASES;

/// The Lease that a request is about, if it is about one.
pub(crate) fn lease_of(uri: &Uri, body: &[u8]) -> Option<LeaseName> {
    let last = uri.path().rsplit('/').next().unwrap_or_default();
    let named = LEASES.into_iter().find(|lease| *lease == last);
    named.or_else(|| {
        let name = values(body, b"\"name\":\"").next()?;
        LEASES.into_iter().find(|lease| lease.as_bytes() == name)
    })
}

/// What a request does.
pub(crate) fn verb_of(method: &Method, uri: &Uri) -> Verb {
    let is_watch = uri.query().is_some_and(|query| query.contains("watch=true"));
    match *method {
        Method::GET if is_watch => Verb::Watch,
        Method::GET if uri.path().ends_with("/leases") => Verb::List,
        Method::GET if uri.path().contains("/leases/") => Verb::Get,
        Method::POST | Method::PUT | Method::PATCH | Method::DELETE if uri.path().contains("/leases") => Verb::Write,
        _ => Verb::Other,
    }
}

/// The renew times in a body.
pub(crate) fn stamps(body: &[u8]) -> Vec<String> {
    values(body, b"\"renewTime\":\"").map(|stamp| String::from_utf8_lossy(stamp).into_owned()).collect()
}

/// The texts that follow `key` in a body, up to the next quotation mark.
fn values<'a>(body: &'a [u8], key: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let at = rest.windows(key.len()).position(|window| window == key)?;
        rest = &rest[at + key.len()..];
        let end = rest.iter().position(|byte| *byte == b'"')?;
        Some(&rest[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renew_times_are_found_in_every_object_of_a_body() {
        let body = br#"{"spec":{"renewTime":"1","x":{}}}{"spec":{"renewTime":"2"}}"#;
        assert_eq!(stamps(body), ["1", "2"]);
        assert!(stamps(b"{}").is_empty());
    }
}
