//! How a candidate reaches its API server.

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{Config, KubeConfigOptions, Kubeconfig};

use super::error::{ElectorError, chain};
use super::multiplexed::Multiplexed;

/// Where the API server is and who we are to it.
#[derive(Clone)]
pub(crate) enum Connection {
    /// Elections run on a thread of their own, with a client built there. What the tasks of the process do to their own
    /// runtime then cannot keep a lease from being renewed.
    Config(Box<Config>),
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
            Found::Variable { paths } => match Config::from_kubeconfig(&KubeConfigOptions::default()).await {
                Ok(config) => Ok(Connection::from_config(config)),
                Err(error) => Err(ElectorError::kubeconfig(format!("`{paths}`, named by KUBECONFIG,"), error)),
            },
            Found::Pod { namespace } => {
                let mut config = Config::incluster_env().map_err(|e| ElectorError::InPod { source: Box::new(e) })?;
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
        let path = path.to_owned();
        let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
        let config = match Kubeconfig::read_from(&path) {
            Ok(kubeconfig) => Config::from_custom_kubeconfig(kubeconfig, &options).await,
            Err(error) => Err(error),
        };
        match config {
            Ok(config) => Ok(Connection::from_config(config)),
            Err(error) => Err(ElectorError::kubeconfig(format!("`{}`", path.display()), error)),
        }
    }

    /// The cluster of a configuration made by the caller.
    pub(crate) fn from_config(config: Config) -> Connection {
        Connection::Config(Box::new(config))
    }

    /// The namespace for leases that name none: the service account's, or the context's, or `default`.
    pub(crate) fn namespace(&self) -> &str {
        let namespace = match self {
            Connection::Config(config) => config.default_namespace.trim(),
            Connection::Client(client) => client.default_namespace().trim(),
        };
        if namespace.is_empty() { "default" } else { namespace }
    }

    /// A client for the current runtime.
    ///
    /// # Errors
    ///
    /// If the connection cannot be set up.
    pub(crate) async fn client(&self) -> Result<kube::Client, ElectorError> {
        match self {
            Connection::Client(ready) => Ok(ready.clone()),
            Connection::Config(config) => {
                let config = Config::clone(config);
                // Not on this thread, which would be blocked while credentials are fetched.
                let built = tokio::task::spawn_blocking(move || client(config).map(|(client, _)| client)).await;
                let lost = |error| ElectorError::Ended { reason: format!("its client could not be built: {error}") };
                built.unwrap_or_else(|error| Err(lost(error)))
            }
        }
    }
}

/// A client for elections, and whether its connections are watched over. Has to be called on the runtime that runs it.
///
/// Blocks while an exec plugin of a kubeconfig fetches its first credentials.
pub(super) fn client(mut config: Config) -> Result<(kube::Client, Multiplexed), ElectorError> {
    // The election decides when to try again. kube would by itself, for minutes, and deliver an answer long after the
    // election has stopped waiting for it.
    config.default_retry = false;
    config.connect_timeout = Some(config.connect_timeout.map_or(CONNECT, |timeout| timeout.min(CONNECT)));
    // It would cut a quiet watch as well; requests have deadlines of their own, and so has the silence of a watch.
    config.read_timeout = None;
    // rustls panics if several crypto providers are compiled in and none was chosen.
    match catch_unwind(AssertUnwindSafe(|| build(config))) {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error @ kube::Error::TlsRequired)) => Err(ElectorError::Client {
            reason: chain(&error),
            remedy: "turn on lease-runtime's feature `rustls-ring`, or one of kube's TLS features",
        }),
        Ok(Err(error)) => Err(ElectorError::Client {
            reason: chain(&error),
            remedy: "check the certificates, keys and credential plugins it names",
        }),
        Err(_) => Err(ElectorError::Client {
            reason: "rustls cannot choose between several crypto providers".to_owned(),
            remedy: "call `rustls::crypto::ring::default_provider().install_default()`, or that of the provider you want, \
                     at the start of `main`",
        }),
    }
}

/// HTTP/2 where the server speaks it, which only TLS can tell. Through a proxy, HTTP/1.1 by kube's own client.
#[cfg(feature = "http2")]
fn build(config: Config) -> kube::Result<(kube::Client, Multiplexed)> {
    let is_https = config.cluster_url.scheme() == Some(&http::uri::Scheme::HTTPS);
    if is_https && config.proxy_url.is_none() {
        return super::transport::client(&config);
    }
    Ok((kube::Client::try_from(config)?, Multiplexed::default()))
}

#[cfg(not(feature = "http2"))]
fn build(config: Config) -> kube::Result<(kube::Client, Multiplexed)> {
    Ok((kube::Client::try_from(config)?, Multiplexed::default()))
}

/// What the environment names.
#[derive(PartialEq, Eq, Debug)]
enum Found {
    /// It may name several, which are merged.
    Variable {
        paths: String,
    },
    Pod {
        namespace: Option<String>,
    },
    Home(PathBuf),
    Nothing {
        looked: String,
    },
}

/// A variable that somebody has set says more than the place we happen to run in: a pod of a CI system has a service
/// account as well.
fn choose(env: impl Fn(&str) -> Option<OsString>, home: Option<&Path>) -> Found {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    if let Some(paths) = set("KUBECONFIG") {
        return Found::Variable { paths: paths.display().to_string() };
    }
    if set("KUBERNETES_SERVICE_HOST").is_some() {
        let namespace = set("POD_NAMESPACE").and_then(|name| name.into_string().ok());
        return Found::Pod { namespace };
    }
    let place = home.map(|home| home.join(".kube").join("config"));
    match place {
        Some(path) if path.is_file() => Found::Home(path),
        Some(path) => Found::Nothing {
            looked: format!("KUBECONFIG is not set, this is no pod, and there is no {}", path.display()),
        },
        None => {
            Found::Nothing { looked: "KUBECONFIG is not set, this is no pod, and there is no home directory".into() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(vars: &[(&str, &str)], home: Option<&Path>) -> Found {
        choose(|name| vars.iter().find(|(have, _)| *have == name).map(|(_, value)| value.into()), home)
    }

    #[test]
    fn a_variable_beats_the_pod_beats_the_home() {
        let home = std::env::temp_dir().join(format!("lease-runtime-home-{}", std::process::id()));
        std::fs::create_dir_all(home.join(".kube")).unwrap();
        std::fs::write(home.join(".kube/config"), "").unwrap();
        let pod = ("KUBERNETES_SERVICE_HOST", "10.0.0.1");
        assert_eq!(chosen(&[pod, ("KUBECONFIG", "/k")], Some(&home)), Found::Variable { paths: "/k".to_owned() });
        assert_eq!(chosen(&[pod, ("KUBECONFIG", "")], Some(&home)), Found::Pod { namespace: None });
        let namespace = Some("jobs".to_owned());
        assert_eq!(chosen(&[pod, ("POD_NAMESPACE", "jobs")], None), Found::Pod { namespace });
        // Not in a pod, POD_NAMESPACE says nothing about a cluster.
        assert_eq!(chosen(&[("POD_NAMESPACE", "jobs")], Some(&home)), Found::Home(home.join(".kube/config")));
        std::fs::remove_dir_all(&home).unwrap();
    }

    #[test]
    fn no_cluster_says_how_to_get_one() {
        let Found::Nothing { looked } = chosen(&[], Some(Path::new("/nonexistent"))) else { panic!("found something") };
        let text = ElectorError::NoCluster { looked }.to_string();
        for hint in ["/nonexistent/.kube/config", "KUBECONFIG", "kind create cluster", "embedded"] {
            assert!(text.contains(hint), "{hint}: {text}");
        }
    }

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
