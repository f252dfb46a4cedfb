//! A request as fault rules and the log see it.

use std::fmt;

use serde_json::Value;

/// What a request does. The names are those of Kubernetes RBAC, except `About`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verb {
    /// Reads one object.
    Get,
    /// Reads many objects.
    List,
    /// Receives changes as they happen.
    Watch,
    /// `POST`.
    Create,
    /// `PUT`.
    Update,
    /// `PATCH`, including server-side apply.
    Patch,
    /// Deletes one object.
    Delete,
    /// Deletes many objects.
    DeleteCollection,
    /// Reads about the API itself: discovery, version, health.
    About,
}

impl Verb {
    /// Whether a request of this verb can change something.
    pub const fn is_write(self) -> bool {
        matches!(self, Verb::Create | Verb::Update | Verb::Patch | Verb::Delete | Verb::DeleteCollection)
    }

    /// The verb as it is written in RBAC rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verb::Get | Verb::About => "get",
            Verb::List => "list",
            Verb::Watch => "watch",
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
            Verb::DeleteCollection => "deletecollection",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One request that reached the embedded API.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// What the request does.
    pub verb: Verb,
    /// Path and query as sent.
    pub uri: String,
    /// The resource, as in `leases`. Empty if the request is not about objects.
    pub resource: &'static str,
    /// The namespace of the path.
    pub namespace: Option<String>,
    /// The object's name: from the path; for a `POST`, from its body; for a list or a watch, from the field selector
    /// `metadata.name=`.
    pub name: Option<String>,
    /// Who sent the request: the name given to [`client_as`](super::EmbeddedApi::client_as), otherwise the `Impersonate-User`
    /// header, otherwise the bearer token, otherwise `system:anonymous`.
    pub caller: String,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The body if it is JSON, otherwise null.
    pub body: Value,
}

impl RecordedRequest {
    /// The holder in the body of this request. `Some("")` is a release.
    pub fn holder(&self) -> Option<&str> {
        self.body.get("spec")?.get("holderIdentity")?.as_str()
    }
}
