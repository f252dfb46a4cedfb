//! The errors of elections. Each says what to do about it.

use std::time::Duration;

use kube::config::KubeconfigError;

use super::rbac::Denial;
use super::text::chain;
use crate::spec::SpecError;

/// What went wrong between an elector and its API server.
///
/// An error of building a [`Candidate`](crate::Candidate) is returned. Later errors are in the [`LeaseStatus`](super::LeaseStatus)
/// and in the log, and the election continues to try: while a cluster is upgraded, it answers with most of these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ElectorError {
    /// The environment names no cluster.
    #[error(
        "no Kubernetes cluster was found ({looked}): run in a pod with a service account, set KUBECONFIG, or start a \
         local cluster (`kind create cluster`); a program that wants none can use lease-runtime's feature `embedded`"
    )]
    NoCluster {
        /// The places that were searched.
        looked: String,
    },

    /// A kubeconfig cannot be used.
    #[error("the kubeconfig {place} cannot be used ({reason}): correct it, or name another file or context")]
    Kubeconfig {
        /// The file, or the variable that named it.
        place: String,
        /// What is wrong with it, and where. It does not quote the file, which may contain credentials.
        reason: String,
    },

    /// The files that Kubernetes mounts into a pod cannot be used.
    #[error(
        "this looks like a pod, but its service account cannot be used ({cause}): leave `automountServiceAccountToken` \
         on, or set KUBECONFIG"
    )]
    InPod {
        /// What is wrong with them.
        cause: Box<kube::config::InClusterError>,
    },

    /// The connection cannot be set up from its configuration: TLS, certificates, credentials.
    #[error("no connection to the API server can be set up from its configuration ({reason}): {remedy}")]
    Client {
        /// What is missing or wrong.
        reason: String,
        /// What to do about it.
        remedy: &'static str,
    },

    /// The elector's thread could not be started.
    #[error("the elector's thread could not be started ({cause}): raise the limit of threads of this process")]
    Thread {
        /// The error of the operating system.
        cause: std::io::Error,
    },

    /// A kube client was given outside of a tokio runtime.
    #[error(
        "a kube client only works inside the tokio runtime it was built on: build the candidate inside that runtime"
    )]
    NoRuntime,

    /// Credentials cannot be fetched: by a credential plugin (`exec`) or an `auth-provider` of the kubeconfig.
    #[error("the credential plugin `{command}` {reason}: {remedy}")]
    Plugin {
        /// The program, or the provider. Never its arguments or its environment, which may be secret.
        command: String,
        /// How it ended, and its last output, without known secrets.
        reason: String,
        /// What to do about it.
        remedy: String,
    },

    /// A certificate is not accepted: the API server's by this process, or the other way round.
    #[error("no connection to the API server, because of a certificate ({reason}): {remedy}")]
    Certificate {
        /// What is wrong with it.
        reason: String,
        /// What to do about it.
        remedy: &'static str,
    },

    /// The proxy that the kubeconfig or the environment names cannot be used.
    #[error("no connection to the API server, because of its proxy ({reason}): {remedy}")]
    Proxy {
        /// Where it is named, or what is missing. Never its user and password.
        reason: String,
        /// What to do about it.
        remedy: String,
    },

    /// The API server refuses a request: its access rules do not allow it.
    #[error("{0}")]
    Forbidden(Box<Denial>),

    /// The API server does not know this process.
    #[error(
        "the API server does not accept this process's credentials ({message}): renew the token or the client \
         certificate; {}",
        RENEWED
    )]
    Unauthorized {
        /// The message of the server.
        message: String,
    },

    /// A lease that is only observed has a name, or a namespace, that no Lease can have. Nothing is asked about it.
    #[error("there is no such lease: {cause}")]
    Name {
        /// The rule that it breaks.
        cause: SpecError,
    },

    /// The namespace of the lease does not exist, or is being deleted.
    #[error("there is no namespace `{namespace}` to keep a lease in ({message}): create it, or name another namespace")]
    NamespaceMissing {
        /// The namespace.
        namespace: String,
        /// The message of the server.
        message: String,
    },

    /// The API server cannot be reached, or does not answer in time.
    #[error("the API server cannot be reached ({reason}): check its address, the network and network policies")]
    Unreachable {
        /// What happened to the request.
        reason: String,
    },

    /// The API server answers, but cannot do its work at the moment.
    #[error(
        "the API server cannot serve the request at the moment ({code}, {message}): nothing to do, it is tried again"
    )]
    Unavailable {
        /// The HTTP status.
        code: u16,
        /// The message of the server.
        message: String,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },

    /// The API server takes long to answer. The request is still waited for.
    #[error(
        "the API server is slow: it has not answered a request to {verb} the lease for {after:.1?}, which is waited for as long \
         as the lease allows: look at the load of the API server and of etcd, and at admission webhooks that time out"
    )]
    Slow {
        /// The verb of the request in access rules.
        verb: &'static str,
        /// How long the answer has been missing at least.
        after: Duration,
    },

    /// The API server refuses a request for another reason: validation, admission, quota.
    #[error("the API server rejects the request ({code}, {message}): {}", remedy_of_rejection(message))]
    Rejected {
        /// The HTTP status.
        code: u16,
        /// The message of the server.
        message: String,
    },

    /// The API server stores another Lease than was written, so this process cannot lead by it.
    #[error(
        "the API server stores the lease differently from what was written ({fields}): look for a mutating webhook or an admission \
         policy that changes leases, and let it leave the fields of the election alone"
    )]
    Altered {
        /// Which fields, with what is stored and what was sent.
        fields: String,
    },

    /// An answer is not a Lease.
    #[error(
        "the answer cannot be read as a Lease ({reason}): check what stands between this process and the API server"
    )]
    Unreadable {
        /// What is wrong with it.
        reason: String,
    },

    /// The API server's revisions went backwards. Fencing tokens would too, so this process does not lead again.
    #[error(
        "the API server's revisions went back from {highest} to {shown}, as after restoring a backup, and fencing tokens \
         would go back with them: let every target forget the tokens it has seen, then restart this process"
    )]
    WentBackwards {
        /// The highest revision that was seen.
        highest: u64,
        /// The lower one that came after it.
        shown: u64,
    },

    /// The program has closed the file whose lock says that this process lives. Others may take it for dead, so it does not lead again.
    #[error(
        "the file of this process in the state directory was closed by other code of this process, so that others may take the process \
         for dead, and it does not lead any more: find what closes files that are not its own (`close_range`, a daemon that closes \
         all files), then restart the process"
    )]
    LockLost,

    /// The election has ended and will not continue. This is a bug in lease-runtime.
    #[error("the election has ended ({reason}): restart the process, and report it to lease-runtime")]
    Ended {
        /// How it ended.
        reason: String,
    },
}

impl ElectorError {
    /// Whether trying again cannot help until somebody changes something: a permission, a name, a setting.
    pub(super) fn needs_somebody(&self) -> bool {
        !matches!(
            self,
            ElectorError::Unreachable { .. }
                | ElectorError::Unavailable { .. }
                | ElectorError::Slow { .. }
                | ElectorError::Unreadable { .. }
                // The plugin is run again, and often only its own service is away.
                | ElectorError::Plugin { .. }
        )
    }

    /// A name for the kind of problem. In the log, two errors of one kind are the same problem.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            ElectorError::NoCluster { .. } => "no_cluster",
            ElectorError::Kubeconfig { .. } => "kubeconfig",
            ElectorError::InPod { .. } => "in_pod",
            ElectorError::Client { .. } => "client",
            ElectorError::Thread { .. } => "thread",
            ElectorError::NoRuntime => "no_runtime",
            ElectorError::Plugin { .. } => "plugin",
            ElectorError::Certificate { .. } => "certificate",
            ElectorError::Proxy { .. } => "proxy",
            ElectorError::Forbidden(_) => "forbidden",
            ElectorError::Unauthorized { .. } => "unauthorized",
            ElectorError::Name { .. } => "name",
            ElectorError::NamespaceMissing { .. } => "namespace_missing",
            ElectorError::Unreachable { .. } => "unreachable",
            ElectorError::Unavailable { .. } => "unavailable",
            ElectorError::Slow { .. } => "slow",
            ElectorError::Altered { .. } => "altered",
            ElectorError::Rejected { .. } => "rejected",
            ElectorError::Unreadable { .. } => "unreadable",
            ElectorError::WentBackwards { .. } => "went_backwards",
            ElectorError::LockLost => "lock_lost",
            ElectorError::Ended { .. } => "ended",
        }
    }

    /// A copy of the error, for another election that meets the same problem.
    pub(super) fn again(&self) -> ElectorError {
        match self {
            ElectorError::Plugin { command, reason, remedy } => {
                ElectorError::Plugin { command: command.clone(), reason: reason.clone(), remedy: remedy.clone() }
            }
            ElectorError::Certificate { reason, remedy } => {
                ElectorError::Certificate { reason: reason.clone(), remedy }
            }
            ElectorError::Client { reason, remedy } => ElectorError::Client { reason: reason.clone(), remedy },
            ElectorError::Proxy { reason, remedy } => {
                ElectorError::Proxy { reason: reason.clone(), remedy: remedy.clone() }
            }
            other => ElectorError::Client { reason: other.to_string(), remedy: "see what it says" },
        }
    }

    /// `place` names the kubeconfig, as in "`/home/me/.kube/config`".
    pub(super) fn kubeconfig(place: String, source: KubeconfigError) -> ElectorError {
        let reason = match &source {
            // The message of a parser quotes the text, which may contain credentials.
            KubeconfigError::Parse(error) => match error.location() {
                Some(at) => format!("it cannot be parsed, at line {} or near it", at.line()),
                None => "it cannot be parsed".to_owned(),
            },
            other => chain(other),
        };
        ElectorError::Kubeconfig { place, reason }
    }
}

/// What to do about a rejection by a rule or webhook.
fn remedy_of_rejection(message: &str) -> &'static str {
    if message.to_ascii_lowercase().contains("label") {
        "if a policy of the cluster demands a label, give it with `Candidate::builder().lease_label(key, value)`"
    } else {
        "see which rule or webhook of the cluster says so"
    }
}

/// What can be renewed without a restart.
const RENEWED: &str = if cfg!(feature = "http2") {
    "files that it stands in are read again by themselves"
} else {
    "a token file is read again by itself, and new certificates take a restart, as lease-runtime's feature `rustls-ring` is off"
};
