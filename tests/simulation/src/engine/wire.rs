//! What the checks read in requests and answers, without parsing them.

use http::{Method, Uri};
use memchr::memmem;

use crate::journal::{LeaseName, Stamp, Verb};
use crate::program::LEASES;

/// The Lease that a request is about, if it is about one.
pub(crate) fn lease_of(uri: &Uri, body: &[u8]) -> Option<LeaseName> {
    let last = uri.path().rsplit('/').next().unwrap_or_default();
    let named = LEASES.into_iter().find(|lease| *lease == last);
    named.or_else(|| {
        let name = values(body, NAME).next()?;
        LEASES.into_iter().find(|lease| lease.as_bytes() == name)
    })
}

/// Whether a request is about a pod or an EndpointSlice.
pub(crate) fn is_of_traffic(uri: &Uri) -> bool {
    uri.path().contains("/pods/") || uri.path().contains("/endpointslices")
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

/// The Leases in a body and their renew times. The name of an object comes before its time.
pub(crate) fn stamps(body: &[u8]) -> Vec<Stamp> {
    let mut stamps = Vec::new();
    let mut begin = 0;
    while let Some(at) = find(&body[begin..], TIME) {
        let end = begin + at;
        let names = values(&body[begin..end], NAME);
        let lease = names.filter_map(|name| LEASES.into_iter().find(|lease| lease.as_bytes() == name)).last();
        begin = end + TIME.len();
        if let (Some(lease), Some(time)) = (lease, body[begin..].split(|byte| *byte == b'"').next()) {
            stamps.push(Stamp { lease, time: String::from_utf8_lossy(time).into_owned() });
        }
    }
    stamps
}

const NAME: &[u8] = b"\"name\":\"";
const TIME: &[u8] = b"\"renewTime\":\"";

fn find(body: &[u8], key: &[u8]) -> Option<usize> {
    memmem::find(body, key)
}

/// The texts that follow `key` in a body, up to the next quotation mark.
fn values<'a>(body: &'a [u8], key: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let at = find(rest, key)?;
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
        let body = br#"{"metadata":{"name":"acme-ledger"},"spec":{"renewTime":"1"}}{"metadata":{"name":"acme-orders"},"spec":{"renewTime":"2"}}"#;
        let found = stamps(body);
        let found: Vec<_> = found.iter().map(|stamp| (stamp.lease, stamp.time.as_str())).collect();
        assert_eq!(found, [("acme-ledger", "1"), ("acme-orders", "2")]);
        assert!(stamps(b"{}").is_empty());
    }
}
