//! Why a command failed.

use std::io;

use lease_protocol::election::shown;
use lease_runtime::TickAdminError;

/// Why a command failed. Texts of the cluster are escaped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The kubeconfig cannot be used. Its content may be secret, so it is not quoted.
    #[error("the kubeconfig cannot be used: {}", shown(.reason))]
    Kubeconfig { reason: String },

    #[error("there is no cluster: name a kubeconfig by --kubeconfig or KUBECONFIG ({reason})")]
    NoCluster { reason: String },

    #[error("there is no lease `{}` in namespace `{}`: `list` shows those that exist", shown(.lease), shown(.namespace))]
    LeaseMissing { namespace: String, lease: String },

    #[error("a lease is named by its name or by `namespace/name`, not by `{}`", shown(.text))]
    LeaseName { text: String },

    #[error("`-A` is for `list` and `timers`: name the namespace by -n")]
    AllNamespaces,

    #[error("the API server refuses this, {}: ask for `{verb}` on leases in {place}", shown(.message))]
    Forbidden { verb: &'static str, place: String, message: String },

    #[error("the API server does not accept the credentials: log in again, or choose another context")]
    Unauthorized,

    #[error("the leases cannot be read: {}", shown(.reason))]
    Request { reason: String },

    #[error("lease `{lease}` has no record of a task `{}`, {}", shown(.task), other_tasks(.known))]
    UnknownTask { task: String, lease: String, known: Vec<String> },

    #[error(transparent)]
    Admin(TickAdminError),

    #[cfg(unix)]
    #[error(transparent)]
    Candidate(#[from] lease_runtime::Error),

    #[cfg(unix)]
    #[error("`{text}` is not a time: write it as in 15s or 1m30s")]
    Duration { text: String },

    #[cfg(unix)]
    #[error("the program is missing: write it after `--`")]
    NoCommand,

    #[cfg(unix)]
    #[error("the guard cannot work: {cause}")]
    Guard { cause: io::Error },

    #[error("the output cannot be written: {cause}")]
    Stdout {
        #[from]
        cause: io::Error,
    },
}

fn other_tasks(known: &[String]) -> String {
    let remedy = "for a task that no leader has seen yet, add --unrecorded";
    match known {
        [] => format!("and of no other task: check that its program leads; {remedy}"),
        known => {
            let names: Vec<String> = known.iter().map(|name| format!("`{}`", shown(name))).collect();
            format!("only of {}: check the spelling; {remedy}", names.join(", "))
        }
    }
}

impl From<TickAdminError> for CliError {
    fn from(error: TickAdminError) -> CliError {
        match error {
            // Its own text names a method of the library.
            TickAdminError::UnknownTask { task, lease, known, .. } => {
                CliError::UnknownTask { task, lease: lease.to_string(), known }
            }
            TickAdminError::LeaseMissing { lease, .. } => {
                CliError::LeaseMissing { namespace: lease.namespace().to_owned(), lease: lease.name().to_owned() }
            }
            other => CliError::Admin(other),
        }
    }
}
