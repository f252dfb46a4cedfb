//! The Kubernetes Lease API in this process: for tests, and for trying things out without a cluster.
//!
//! [`EmbeddedApi`] answers the requests of a `kube` client the way a kube-apiserver does: one revision over all objects,
//! compare-and-set by `resourceVersion` and `uid`, creation by `PUT`, merge, JSON, strategic and server-side-apply patches,
//! watches with bookmarks and 410, validation, finalizers, dry runs, and refusals with the real server's codes, reasons and
//! words. One suite of plain HTTP cases (`tests/conformance`) runs against it and against a real kube-apiserver.
//!
//! It can be used in process, through [`client`](EmbeddedApi::client), without sockets and so under tokio's paused time; or
//! over TCP, through [`serve`](EmbeddedApi::serve), by other processes and other languages.
//!
//! What sets it apart is that it fails to order: [`inject`](EmbeddedApi::inject) makes requests hang, arrive late, be
//! refused, or take effect while the caller hears something else; watches can be closed, silenced and expired; the
//! [request log](EmbeddedApi::requests) tells what came from whom.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use k8s_openapi::api::coordination::v1::Lease;
//! use kube::api::{Api, ObjectMeta, PostParams};
//! use lease_embedded::{EmbeddedApi, Fault, RequestMatcher, Verb};
//!
//! let embedded = EmbeddedApi::new();
//! let leases: Api<Lease> = Api::default_namespaced(embedded.client("default"));
//!
//! let lease = Lease { metadata: ObjectMeta { name: Some("ledger".into()), ..Default::default() }, ..Default::default() };
//! let lease = leases.create(&PostParams::default(), &lease).await?;
//!
//! // The next update takes effect, and the caller hears "timeout".
//! embedded.inject(RequestMatcher::verb(Verb::Update).name("ledger").times(1), Fault::status(504).after_commit());
//! let mut changed = lease.clone();
//! changed.spec.get_or_insert_default().holder_identity = Some("me".into());
//! assert!(leases.replace("ledger", &PostParams::default(), &changed).await.is_err());
//! assert_eq!(leases.get("ledger").await?.spec.and_then(|spec| spec.holder_identity).as_deref(), Some("me"));
//! assert_eq!(embedded.requests().by_verb()[&Verb::Update], 1);
//! # Ok(())
//! # }
//! ```
//!
//! # What it is not
//!
//! Not a cluster, and never chosen silently: nothing in this crate talks to it unless a program made it.
//!
//! - It keeps nothing on disk, and knows Leases, Events and Namespaces, no other kinds and no subresources.
//! - Everybody may do everything: there is no authentication and no RBAC. A bearer token is taken as the caller's name;
//!   refusals are injected.
//! - It speaks JSON only: no protobuf, no YAML (what is applied must be JSON too), no tables, no bare metadata.
//! - Its reads are never behind. A real server may answer a read that names a `resourceVersion`, also 0, from a cache that
//!   lags.
//! - A deleted namespace is gone at once, with all that is in it. No controller runs: nothing collects garbage, and Events
//!   are kept for ever.

mod body;
mod call;
mod clock;
mod decode;
mod deletion;
mod discovery;
mod dispatch;
mod fault;
mod field_error;
mod go_decoder;
mod json;
mod log;
mod managed_fields;
mod negotiate;
mod object_meta;
mod patch;
mod query;
mod read;
mod request;
mod resource;
mod response;
mod route;
mod selector;
mod serve;
mod server_side_apply;
mod service;
mod settings;
mod shared;
mod status;
mod store;
#[cfg(test)]
mod tests;
mod time;
mod validate;
mod watch;
mod watches;
mod write;

mod api;

pub use self::api::{EmbeddedApi, Snapshot};
pub use self::body::{Body, Dropped};
pub use self::call::{RecordedRequest, Verb};
pub use self::fault::{Fault, Injection, RequestMatcher};
pub use self::log::{Entry, Outcome, RequestLog};
pub use self::serve::Server;
pub use self::service::ApiService;
pub use self::settings::Settings;
