//! What keeps this process from asking after the pod of a holder, and what to do about it.

use std::time::Duration;

use crate::elector::classify::words;
use crate::elector::rbac::{Denial, RoleRule, RoleText, Subject};
use crate::elector::text::chain;

/// Why a pod could not be read. The lease of its process is waited for.
#[derive(Debug, thiserror::Error)]
pub(super) enum PodProblem {
    #[error("{0}")]
    Forbidden(Box<Denial>),
    #[error(
        "there is no pod `{name}` in namespace `{namespace}`: nothing to do if it was deleted. If the pods are in another namespace \
         than the lease, put the lease into theirs"
    )]
    Missing { namespace: String, name: String },
    #[error("no answer for {after:?}: look at the load of the API server")]
    NoAnswer { after: Duration },
    #[error(
        "the API server cannot be reached, or its answer is no pod ({reason}): nothing to do if other requests succeed"
    )]
    Unclear { reason: String },
    #[error("the API server refuses the request ({code}, {message}): see which rule of the cluster says so")]
    Refused { code: u16, message: String },
}

impl PodProblem {
    pub(super) fn of(error: &kube::Error, namespace: &str, name: &str) -> PodProblem {
        let kube::Error::Api(status) = error else { return PodProblem::Unclear { reason: chain(error) } };
        let refused = || PodProblem::Refused { code: status.code, message: words(status) };
        match status.code {
            // The page of a proxy has no reason.
            404 if status.reason == "NotFound" => {
                PodProblem::Missing { namespace: namespace.to_owned(), name: name.to_owned() }
            }
            403 => Denial::of(status, "get", "pods", (namespace, name), |user| role(namespace, user))
                .map_or_else(refused, |denial| PodProblem::Forbidden(Box::new(denial))),
            _ => refused(),
        }
    }

    /// A name for the kind of problem. Each kind is logged once.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            PodProblem::Forbidden(_) => "forbidden",
            PodProblem::Missing { .. } => "missing",
            PodProblem::NoAnswer { .. } => "no_answer",
            PodProblem::Unclear { .. } => "unclear",
            PodProblem::Refused { .. } => "refused",
        }
    }
}

/// A Role that allows to ask after holders, and its binding.
fn role(namespace: &str, user: Option<&str>) -> String {
    let subject = Subject::of_user(user, namespace);
    RoleText { namespace, name: "lease-death-reports", rules: vec![RoleRule::death_reports()], subject }.to_string()
}
