//! Parses the path of a request.

use super::query;
use super::resource::{self, Resource};

/// The target of a request.
#[derive(Clone, Debug)]
pub(crate) enum Route {
    /// Objects of one resource, or one of them.
    Objects(Target),
    /// A path that describes the API itself: discovery, version, health.
    About(String),
    /// An unknown path in an existing group.
    Missing,
    /// An unknown path.
    Unknown,
}

/// Objects of one resource: of one namespace or of all, with one name or all.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) resource: &'static Resource,
    /// `None` for all namespaces, and for a resource without namespaces.
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    /// The old `/watch/` prefix, which makes a `GET` a watch.
    pub(crate) watch: bool,
}

pub(crate) fn route(path: &str) -> Route {
    let parts: Vec<String> = path.trim_matches('/').split('/').map(|part| query::decode(part, false)).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (group, rest) = match parts.as_slice() {
        ["api", "v1", rest @ ..] if !rest.is_empty() => ("", rest),
        ["apis", group, "v1", rest @ ..] if !rest.is_empty() => (*group, rest),
        ["", ..] => return Route::About(String::new()),
        ["api" | "apis" | "version" | "healthz" | "livez" | "readyz" | "openapi", ..] => {
            return Route::About(parts.join("/"));
        }
        _ => return Route::Unknown,
    };
    let (watch, rest) = match rest {
        ["watch", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some((*namespace).to_owned()), rest),
        rest => (None, rest),
    };
    let (plural, name) = match rest {
        [plural] => (*plural, None),
        [plural, name] if !name.is_empty() => (*plural, Some((*name).to_owned())),
        _ => return nothing(group),
    };
    let known = resource::ALL.into_iter().find(|resource| resource.group == group && resource.plural == plural);
    match known {
        // A path to one namespaced object must contain its namespace.
        Some(resource) if resource.namespaced == namespace.is_some() || (resource.namespaced && name.is_none()) => {
            Route::Objects(Target { resource, namespace, name, watch })
        }
        _ => nothing(group),
    }
}

fn nothing(group: &str) -> Route {
    if resource::ALL.iter().any(|resource| resource.group == group) { Route::Missing } else { Route::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str) -> Option<(&'static str, Option<String>, Option<String>, bool)> {
        match route(path) {
            Route::Objects(target) => Some((target.resource.kind, target.namespace, target.name, target.watch)),
            _ => None,
        }
    }

    #[test]
    fn paths_lead_to_objects() {
        let some = |text: &str| Some(text.to_owned());
        let leases = "/apis/coordination.k8s.io/v1";
        assert_eq!(target(&format!("{leases}/namespaces/a/leases")), Some(("Lease", some("a"), None, false)));
        assert_eq!(target(&format!("{leases}/namespaces/a/leases/b")), Some(("Lease", some("a"), some("b"), false)));
        assert_eq!(
            target(&format!("{leases}/watch/namespaces/a/leases/b")),
            Some(("Lease", some("a"), some("b"), true))
        );
        assert_eq!(target(&format!("{leases}/leases")), Some(("Lease", None, None, false)));
        assert_eq!(target("/api/v1/namespaces/a"), Some(("Namespace", None, some("a"), false)));
        assert_eq!(target("/api/v1/namespaces"), Some(("Namespace", None, None, false)));
        assert_eq!(target(&format!("{leases}/leases/b")), None);
        assert_eq!(target(&format!("{leases}/namespaces/a/nothing")), None);
        assert_eq!(target(&format!("{leases}/namespaces/a/leases/b/status")), None);
        assert!(matches!(route("/nothing"), Route::Unknown));
        assert!(matches!(route("/version"), Route::About(_)));
    }
}
