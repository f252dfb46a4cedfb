//! The Kubernetes Lease API in this process: for tests, and for trying things out without a cluster.
//!
//! [`EmbeddedApi`] answers the requests of a `kube` client the way a kube-apiserver does: one revision over all objects,
//! compare-and-set by `resourceVersion` and `uid`, creation by `PUT`, merge, JSON, strategic and server-side-apply patches,
//! watches with bookmarks and 410, validation, finalizers, dry runs, and refusals with the real server's codes, reasons and
//! words. One suite of plain HTTP cases (`tests/conformance`) runs against it and against a real kube-apiserver.
//!
//! Tests in the same process use it through [`client`](EmbeddedApi::client), without sockets, so tokio's time may be paused.
//! Other processes and other languages use it over TCP, through [`serve`](EmbeddedApi::serve).
//!
//! Tests make it fail: [`inject`](EmbeddedApi::inject) makes requests hang, arrive late, be refused, or take effect while the
//! caller receives an error. Watches can be closed, silenced and expired. The [request log](EmbeddedApi::requests) contains
//! each request and its caller.
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
//! // The next update takes effect, and the caller receives a timeout.
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
//! # Limits
//!
//! It is not a cluster. A program uses it only if its code makes an [`EmbeddedApi`]. No environment variable and no default
//! selects it.
//!
//! - It stores nothing on disk. It has Leases, Events and Namespaces. Of Pods, Services and EndpointSlices it checks only the metadata
//!   and sets no defaults, and nothing acts on them. There are no other kinds and no subresources.
//! - Every caller may do everything: there is no authentication and no RBAC. The bearer token of a request is its caller's
//!   name. To test a refusal, inject it.
//! - It reads and writes JSON only: no protobuf, no YAML (also for server-side apply), no tables, no metadata-only objects.
//! - Its reads always return the latest state. A real server may answer a read that names a `resourceVersion`, also 0, from
//!   a stale cache.
//! - A deleted namespace and its objects are removed at once. No controllers run: garbage is not collected, and Events do not
//!   expire.

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
mod loose;
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
