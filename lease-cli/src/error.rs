//! Why a command failed.

use std::io;
use std::time::Duration;

use lease_protocol::election::shown;
use lease_protocol::handover::STEP_DOWN;
use lease_runtime::{ElectorError, LeaseAdminError, LeaseId, TickAdminError};

/// The verbs of a command that operates a Lease.
const OPERATES: &str = "`get` and `update`";

/// Why a command failed. Texts of the cluster are escaped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("there is no cluster ({}): name a kubeconfig by --kubeconfig or KUBECONFIG", shown(.looked))]
    NoCluster { looked: String },

    /// There is no connection to the cluster. The text contains no secret.
    #[error("{cause}")]
    Connection { cause: ElectorError },

    /// A proxy that this program cannot use. Its address may contain a password.
    #[error(
        "the API server is to be reached through a proxy, and this program was built without `{feature}`: install it anew by `cargo \
         install --path lease-cli --features {feature}`, or name the host of the cluster in NO_PROXY"
    )]
    Proxy { feature: &'static str },

    #[error(
        "there is no lease `{}` in namespace `{}`: `list` shows those that exist, and -n names another namespace",
        shown(.lease), shown(.namespace)
    )]
    LeaseMissing { namespace: String, lease: String },

    #[error("a lease is named by its name or by `namespace/name`, not by `{}`", shown(.text))]
    LeaseName { text: String },

    #[error("`{}` is no name of a service account: name one of the namespace, without `:` and `/`", shown(.text))]
    ServiceAccount { text: String },

    #[error("`list` shows all leases of a namespace: for one of them, use `describe {}`", shown(.lease))]
    ListedByName { lease: String },

    #[error("`-A` is for `list` and `timers`: name the namespace by -n")]
    AllNamespaces,

    /// `needs` is every verb of the command, so that nobody has to ask twice.
    #[error("the API server refuses this, {}: ask for {needs} on leases in {place}", shown(.message))]
    Forbidden { needs: &'static str, place: String, message: String },

    #[error("the API server does not accept the credentials: log in again, or choose another context")]
    Unauthorized,

    #[error("the leases cannot be read ({}): {remedy}", shown(.reason))]
    Request { reason: String, remedy: &'static str },

    #[error("lease `{lease}` has no record of a task `{}`, {}", shown(.task), other_tasks(.known))]
    UnknownTask { task: String, lease: String, known: Vec<String> },

    #[error(transparent)]
    Admin(TickAdminError),

    #[error(transparent)]
    Leadership(LeaseAdminError),

    #[error("lease `{}` has not changed hands within {waited:?}: {}", shown(.lease), not_yet(.lease, .holder, *.free))]
    NotHandedOver { lease: String, holder: String, waited: Duration, free: bool },

    #[error(
        "lease `{}` was released, and `{}` has taken it again, because no other candidate did: check that another replica runs",
        shown(.lease), shown(.holder)
    )]
    TakenAgain { lease: String, holder: String },

    #[error(
        "lease `{}` is now held by `{}`, and not by `{}`, which did not take it in time: check that it runs, and the spelling",
        shown(.lease), shown(.holder), shown(.to)
    )]
    TakenByAnother { lease: String, holder: String, to: String },

    #[cfg(unix)]
    #[error(transparent)]
    Candidate(#[from] lease_runtime::Error),

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

fn not_yet(lease: &str, holder: &str, free: bool) -> String {
    if free {
        return format!(
            "`{}` has released it, and no candidate takes it: check that another replica runs",
            shown(holder)
        );
    }
    format!(
        "`{}` still holds it: its tasks may be using their grace, or it is of a version that does not know such requests. To \
         take the request back: `kubectl annotate lease {} {STEP_DOWN}-`",
        shown(holder),
        shown(lease)
    )
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

impl From<ElectorError> for CliError {
    fn from(error: ElectorError) -> CliError {
        match error {
            // Its own text is about programs that elect.
            ElectorError::NoCluster { looked } => CliError::NoCluster { looked },
            cause => CliError::Connection { cause },
        }
    }
}

/// A missing permission of an operator. The library's own text is a Role of many lines, for a program.
fn denied(lease: &LeaseId, cause: &ElectorError) -> Option<CliError> {
    let ElectorError::Forbidden(denial) = cause else { return None };
    let place = format!("namespace `{}`", shown(lease.namespace()));
    Some(CliError::Forbidden { needs: OPERATES, place, message: denial.message.clone() })
}

impl CliError {
    /// The same refusal, for a command that reads first and then writes.
    pub(crate) fn of_operation(self) -> CliError {
        match self {
            CliError::Forbidden { place, message, .. } => CliError::Forbidden { needs: OPERATES, place, message },
            other => other,
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
            TickAdminError::Request { lease, cause } => {
                denied(&lease, &cause).unwrap_or(CliError::Admin(TickAdminError::Request { lease, cause }))
            }
            other => CliError::Admin(other),
        }
    }
}

impl From<LeaseAdminError> for CliError {
    fn from(error: LeaseAdminError) -> CliError {
        match error {
            LeaseAdminError::LeaseMissing { lease, .. } => {
                CliError::LeaseMissing { namespace: lease.namespace().to_owned(), lease: lease.name().to_owned() }
            }
            LeaseAdminError::Request { lease, cause } => {
                denied(&lease, &cause).unwrap_or(CliError::Leadership(LeaseAdminError::Request { lease, cause }))
            }
            other => CliError::Leadership(other),
        }
    }
}
