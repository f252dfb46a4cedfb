//! The connection of a candidate to its API server.

mod cluster;
mod credentials;
mod environment;
mod exec;
#[cfg(test)]
mod fuzz;
mod keeper;
mod layer;
mod plain;
mod provider;
mod proxy;
mod secrets;
#[cfg(feature = "http2")]
mod tls;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use kube::config::{Config, Kubeconfig};

pub(crate) use self::cluster::ClusterAccess;
use self::environment::{Found, choose, configure};
use self::layer::Renewing;
#[cfg(feature = "http2")]
pub(super) use self::tls::certificate_error;
use super::alone::LocalLeases;
use super::error::ElectorError;
use super::multiplexed::Multiplexed;
use crate::clock::Clock;

/// The address of an API server, and the credentials for it.
#[derive(Clone)]
pub(crate) enum Connection {
    /// Elections run on a thread of their own, with a client that is built there. So tasks of the process that block their own
    /// runtime do not delay renewals.
    Config(ClusterAccess),
    /// Elections run as tasks of the current tokio runtime, with this client, which must have been built on it. For tests in
    /// virtual time. The client's own retries cannot be turned off, so each request also has a deadline.
    Client(kube::Client),
    /// There is no cluster: the Leases of this process.
    Alone(LocalLeases),
}

/// The longest time for connecting: a third of the default renew deadline. Every request also has the attempt timeout of its own
/// lease. This limit is for what a client does in the background.
const CONNECT: Duration = Duration::from_millis(3_300);

impl Connection {
    /// The cluster that the environment names: the kubeconfig in `KUBECONFIG` if that is set, or the cluster of this pod, or
    /// `~/.kube/config`. In a pod, `POD_NAMESPACE` overrides the namespace of the service account.
    pub(crate) async fn from_env() -> Result<Connection, ElectorError> {
        let home = std::env::home_dir();
        Ok(Connection::from_config(found(choose(|name| std::env::var_os(name), home.as_deref()), None).await?))
    }

    /// The cluster of a kubeconfig file: that of its current context, or of the named one.
    pub(crate) async fn from_kubeconfig(path: &Path, context: Option<&str>) -> Result<Connection, ElectorError> {
        Ok(Connection::from_config(of_file(path, context).await?))
    }

    /// The cluster of a configuration that the caller has made.
    pub(crate) fn from_config(config: Config) -> Connection {
        Connection::Config(ClusterAccess::from(config))
    }

    /// No cluster, but the Leases of this process. With a clock of a test, elections run on the current runtime, in its time, and
    /// have Leases of their own.
    pub(crate) fn alone(clock: &dyn Clock) -> Connection {
        match clock.is_system() {
            true => Connection::Alone(LocalLeases::of_process()),
            false => Connection::Client(LocalLeases::default().client()),
        }
    }

    /// The namespace for leases that name none: that of the service account or of the context, or `default`.
    pub(crate) fn namespace(&self) -> &str {
        let namespace = match self {
            Connection::Config(cluster) => cluster.config().default_namespace.trim(),
            Connection::Client(client) => client.default_namespace().trim(),
            Connection::Alone(_) => "",
        };
        if namespace.is_empty() { "default" } else { namespace }
    }

    /// Waits for the first credentials, if they have to be fetched. Cancel safe: if the connection is dropped as well, the fetch is
    /// cancelled.
    ///
    /// # Errors
    ///
    /// If they cannot be fetched.
    pub(crate) async fn ready(&self) -> Result<(), ElectorError> {
        match self {
            Connection::Config(cluster) => cluster.credentials()?.ready().await,
            Connection::Client(_) | Connection::Alone(_) => Ok(()),
        }
    }

    /// A client for the current runtime.
    ///
    /// # Errors
    ///
    /// If the connection cannot be set up.
    pub(crate) async fn client(&self) -> Result<kube::Client, ElectorError> {
        self.ready().await?;
        match self {
            Connection::Client(ready) => Ok(ready.clone()),
            Connection::Alone(leases) => Ok(leases.client()),
            Connection::Config(cluster) => client(cluster.clone()).map(|(client, _)| client),
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

async fn of_file(path: &Path, context: Option<&str>) -> Result<Config, ElectorError> {
    configure(Kubeconfig::read_from(path), context, &format!("`{}`", path.display()), variable).await
}

/// The configuration of what the environment names.
async fn found(found: Found, context: Option<&str>) -> Result<Config, ElectorError> {
    match found {
        Found::Variable { paths } => {
            let place = format!("`{paths}`, named by KUBECONFIG,");
            configure(Kubeconfig::read(), context, &place, variable).await
        }
        Found::Pod { namespace } => {
            let mut config = Config::incluster_env().map_err(|e| ElectorError::InPod { cause: Box::new(e) })?;
            config.proxy_url = proxy::proxy_for(&config, variable)?.map(|proxy| proxy.uri);
            if let Some(namespace) = namespace {
                config.default_namespace = namespace;
            }
            Ok(config)
        }
        Found::Home(path) => of_file(&path, context).await,
        Found::Nothing { looked } => Err(ElectorError::NoCluster { looked }),
    }
}

/// The cluster that a program of the command line is to use: that of this kubeconfig and this context, or what kubectl would take. A
/// kubeconfig comes before the service account of a pod. Proxies and errors are those of a candidate.
///
/// # Errors
///
/// If there is no cluster, or its configuration cannot be used.
pub async fn cluster_config(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Config, ElectorError> {
    if let Some(path) = kubeconfig {
        return of_file(path, context).await;
    }
    let home = std::env::home_dir();
    let has_file = home.as_ref().is_some_and(|home| home.join(".kube").join("config").is_file());
    // A context is one of a kubeconfig.
    let no_pod = has_file || context.is_some();
    let env = |name: &str| std::env::var_os(name).filter(|_| !(no_pod && name == "KUBERNETES_SERVICE_HOST"));
    found(choose(env, home.as_deref()), context).await
}

/// A client for the current runtime, with the credentials, certificates and errors of a candidate.
///
/// # Errors
///
/// If the connection cannot be set up.
pub async fn cluster_client(config: Config) -> Result<kube::Client, ElectorError> {
    Connection::from_config(config).client().await
}

/// A client for elections, and whether its connections are checked. Call it on the runtime that runs the client.
pub(super) fn client(cluster: impl Into<ClusterAccess>) -> Result<(kube::Client, Multiplexed), ElectorError> {
    let cluster = cluster.into();
    let mut config = cluster.config().clone();
    // The election decides when to try again. kube would retry for minutes, and deliver an answer long after the election has
    // stopped waiting for it.
    config.default_retry = false;
    config.connect_timeout = Some(config.connect_timeout.map_or(CONNECT, |timeout| timeout.min(CONNECT)));
    // It would also end a quiet watch. Requests have deadlines of their own, and a watch limits its silence.
    config.read_timeout = None;
    let multiplexed = Multiplexed::default();
    let renewing = choosing(|| Renewing::new(&cluster, &config, &multiplexed))?;
    Ok((kube::Client::new(renewing, config.default_namespace), multiplexed))
}

/// rustls panics if several crypto providers are compiled in and none was chosen.
fn choosing<T>(build: impl FnOnce() -> Result<T, ElectorError>) -> Result<T, ElectorError> {
    catch_unwind(AssertUnwindSafe(build)).unwrap_or_else(|_| {
        Err(ElectorError::Client {
            reason: "rustls cannot choose between several crypto providers".to_owned(),
            remedy: "call `rustls::crypto::ring::default_provider().install_default()`, or that of the provider you want, \
                     at the start of `main`",
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_kubeconfig_that_cannot_be_used_is_named() {
        let dir = std::env::temp_dir().join(format!("lease-runtime-kubeconfig-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join("config");
        for (text, context, hint) in [
            (None, None, "No such file"),
            (Some("{ not yaml"), None, "parse"),
            (Some("users:\n- user:\n    token: secret\n  }"), None, "parse"),
            (Some("apiVersion: v1\nkind: Config\n"), None, "current context"),
            (Some("apiVersion: v1\nkind: Config\n"), Some("prod"), "prod"),
        ] {
            let _ = std::fs::remove_file(&file);
            if let Some(text) = text {
                std::fs::write(&file, text).unwrap();
            }
            let Err(error) = Connection::from_kubeconfig(&file, context).await else { panic!("{text:?} was taken") };
            let text = error.to_string();
            assert!(text.contains(&file.display().to_string()) && text.contains(hint), "{hint}: {text}");
            // The error must not quote the lines around the mistake, which may contain credentials.
            assert!(!text.contains('\n') && !text.contains("secret"), "{text}");
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[tokio::test]
    async fn the_namespace_is_the_contexts() {
        let yaml = "
            apiVersion: v1
            kind: Config
            current-context: a
            clusters: [{ name: c, cluster: { server: 'http://127.0.0.1:1' } }]
            users: [{ name: u, user: {} }]
            contexts:
              - { name: a, context: { cluster: c, user: u, namespace: jobs } }
              - { name: b, context: { cluster: c, user: u } }
        ";
        let file = std::env::temp_dir().join(format!("lease-runtime-context-{}", std::process::id()));
        std::fs::write(&file, yaml).unwrap();
        let current = Connection::from_kubeconfig(&file, None).await.unwrap();
        let named = Connection::from_kubeconfig(&file, Some("b")).await.unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!((current.namespace(), named.namespace()), ("jobs", "default"));
    }

    #[tokio::test]
    async fn a_namespace_from_a_mounted_file_is_trimmed() {
        let mut config = Config::new("http://127.0.0.1:1".parse().unwrap());
        config.default_namespace = " jobs\n".into();
        assert_eq!(Connection::from_config(config).namespace(), "jobs");
    }
}
