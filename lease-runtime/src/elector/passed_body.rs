//! The body of an answer that passes through a service of ours, around kube's client.

use http_body_util::BodyExt;
use http_body_util::combinators::MapErr;
use kube::client::Body;

/// The body of the inner client.
pub(super) type PassedBody = MapErr<Body, fn(kube::Error) -> Box<dyn std::error::Error + Send + Sync>>;

/// Passes a body on.
pub(super) fn passed(body: Body) -> PassedBody {
    body.map_err(bare as fn(kube::Error) -> _)
}

/// The error that broke an answer in the middle, without the text that kube adds to it again.
fn bare(error: kube::Error) -> Box<dyn std::error::Error + Send + Sync> {
    match error {
        kube::Error::Service(inner) => inner,
        other => Box::new(other),
    }
}
