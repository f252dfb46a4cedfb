//! How a candidate reaches its API server.

mod cluster;
mod credentials;
mod environment;
mod exec;
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
use super::error::ElectorError;
use super::multiplexed::Multiplexed;

/// Where the API server is and who we are to it.
#[derive(Clone)]
pub(crate) enum Connection {
    /// Elections run on a thread of their own, with a client built there. What the tasks of the process do to their own
    /// runtime then cannot keep a lease from being renewed.
    Config(ClusterAccess),
    /// Elections run as tasks of the current tokio runtime, with this client, which must have been built on it. For tests
    /// in virtual time. A client's own retries cannot be switched off, so each request is bounded by a deadline as well.
    Client(kube::Client),
}

/// The most that connecting may take: a third of the default renew deadline. Every request is bounded by the attempt
/// timeout of its own lease besides; this bound is for what goes on in the background of a client.
const CONNECT: Duration = Duration::from_millis(3_300);

impl Connection {
    /// The cluster that the environment names: the kubeconfig in `KUBECONFIG` if that is set, or the one this pod runs in,
    /// or `~/.kube/config`. In a pod, `POD_NAMESPACE` overrides the service account's namespace.
    pub(crate) async fn from_env() -> Result<Connection, ElectorError> {
        let home = std::env::home_dir();
        match choose(|name| std::env::var_os(name), home.as_deref()) {
            Found::Variable { paths } => {
                let place = format!("`{paths}`, named by KUBECONFIG,");
                Ok(Connection::from_config(configure(Kubeconfig::read(), None, &place, variable).await?))
            }
            Found::Pod { namespace } => {
                let mut config = Config::incluster_env().map_err(|e| ElectorError::InPod { cause: Box::new(e) })?;
                config.proxy_url = proxy::proxy_for(&config, variable)?.map(|proxy| proxy.uri);
                if let Some(namespace) = namespace {
                    config.default_namespace = namespace;
                }
                Ok(Connection::from_config(config))
            }
            Found::Home(path) => Connection::from_kubeconfig(&path, None).await,
            Found::Nothing { looked } => Err(ElectorError::NoCluster { looked }),
        }
    }

    /// The cluster of a kubeconfig file: its current context, or the one that is named.
    pub(crate) async fn from_kubeconfig(path: &Path, context: Option<&str>) -> Result<Connection, ElectorError> {
        let place = format!("`{}`", path.display());
        Ok(Connection::from_config(configure(Kubeconfig::read_from(path), context, &place, variable).await?))
    }

    /// The cluster of a configuration made by the caller.
    pub(crate) fn from_config(config: Config) -> Connection {
        Connection::Config(ClusterAccess::from(config))
    }

    /// The namespace for leases that name none: the service account's, or the context's, or `default`.
    pub(crate) fn namespace(&self) -> &str {
        let namespace = match self {
            Connection::Config(cluster) => cluster.config().default_namespace.trim(),
            Connection::Client(client) => client.default_namespace().trim(),
        };
        if namespace.is_empty() { "default" } else { namespace }
    }

    /// Waits for the first credentials, where they have to be fetched. Cancel safe: the fetch is called off if the connection
    /// is dropped as well.
    ///
    /// # Errors
    ///
    /// If they cannot be fetched.
    pub(crate) async fn ready(&self) -> Result<(), ElectorError> {
        match self {
            Connection::Config(cluster) => cluster.credentials()?.ready().await,
            Connection::Client(_) => Ok(()),
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
            Connection::Config(cluster) => client(cluster.clone()).map(|(client, _)| client),
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A client for elections, and whether its connections are watched over. Has to be called on the runtime that runs it.
pub(super) fn client(cluster: impl Into<ClusterAccess>) -> Result<(kube::Client, Multiplexed), ElectorError> {
    let cluster = cluster.into();
    let mut config = cluster.config().clone();
    // The election decides when to try again. kube would by itself, for minutes, and deliver an answer long after the
    // election has stopped waiting for it.
    config.default_retry = false;
    config.connect_timeout = Some(config.connect_timeout.map_or(CONNECT, |timeout| timeout.min(CONNECT)));
    // It would cut a quiet watch as well; requests have deadlines of their own, and so has the silence of a watch.
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
            // Not a picture of the lines around the mistake, which may hold credentials.
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
