//! Finds the cluster that the environment names, and reads its kubeconfig.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::proxy;
use crate::elector::error::ElectorError;

/// What the environment names.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Found {
    /// It may name several files, which are merged.
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

/// An environment variable comes before the pod: a pod of a CI system has a service account as well, and the variable was set on
/// purpose.
pub(super) fn choose(env: impl Fn(&str) -> Option<OsString>, home: Option<&Path>) -> Found {
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
            looked: format!("KUBECONFIG is not set, this is not a pod, and there is no {}", path.display()),
        },
        None => {
            Found::Nothing { looked: "KUBECONFIG is not set, this is not a pod, and there is no home directory".into() }
        }
    }
}

/// Used as the proxy while kube reads a kubeconfig. Without a proxy, kube takes one from the environment for every host,
/// whatever `NO_PROXY` says.
const NO_PLACE: &str = "http://proxy.invalid";

/// The configuration of a context, or of the current one, with the proxy that the kubeconfig or the environment names for it.
/// `place` names the kubeconfig, as in "`/home/me/.kube/config`".
pub(super) async fn configure(
    kubeconfig: Result<Kubeconfig, KubeconfigError>,
    context: Option<&str>,
    place: &str,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Config, ElectorError> {
    let unusable = |error| ElectorError::kubeconfig(place.to_owned(), error);
    let mut kubeconfig = kubeconfig.map_err(unusable)?;
    let of_cluster = cluster(&kubeconfig, context).cloned();
    for cluster in kubeconfig.clusters.iter_mut().flat_map(|named| &mut named.cluster) {
        cluster.proxy_url = Some(NO_PLACE.to_owned());
    }
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(unusable)?;
    let cluster = of_cluster.unwrap_or_default();
    let named = cluster.proxy_url.filter(|url| !url.is_empty());
    if let Some(known) = config.auth_info.exec.as_mut().and_then(|exec| exec.cluster.as_mut()) {
        known.proxy_url.clone_from(&named);
    }
    if cluster.certificate_authority_data.is_none() {
        config.root_cert_file = cluster.certificate_authority.map(PathBuf::from);
    }
    config.proxy_url = match named {
        Some(url) => Some(proxy::parsed(&url, "`proxy-url` of the kubeconfig")?.uri),
        None => {
            config.proxy_url = None;
            proxy::proxy_for(&config, env)?.map(|proxy| proxy.uri)
        }
    };
    Ok(config)
}

/// The cluster of a context.
fn cluster<'a>(kubeconfig: &'a Kubeconfig, context: Option<&str>) -> Option<&'a kube::config::Cluster> {
    let name = context.or(kubeconfig.current_context.as_deref())?;
    let context = kubeconfig.contexts.iter().find(|named| named.name == name)?.context.as_ref()?;
    kubeconfig.clusters.iter().find(|named| named.name == context.cluster)?.cluster.as_ref()
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
        // Outside of a pod, POD_NAMESPACE says nothing about a cluster.
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

    const KUBECONFIG: &str = "
        apiVersion: v1
        kind: Config
        current-context: a
        clusters:
          - { name: c, cluster: { server: 'https://api.example.com:6443' } }
          - { name: d, cluster: { server: 'https://api.example.com', proxy-url: 'http://u:s3cret@near:1' } }
        users: [{ name: u, user: { exec: { command: x, provideClusterInfo: true } } }]
        contexts:
          - { name: a, context: { cluster: c, user: u } }
          - { name: b, context: { cluster: d, user: u } }
    ";

    async fn configured(context: &str, vars: &[(&str, &str)]) -> (Option<String>, Option<String>) {
        let env = |name: &str| vars.iter().find(|(have, _)| *have == name).map(|(_, value)| (*value).to_owned());
        let config = configure(Kubeconfig::from_yaml(KUBECONFIG), Some(context), "`k`", env).await.unwrap();
        let of_plugin = config.auth_info.exec.unwrap().cluster.unwrap().proxy_url;
        (config.proxy_url.map(|url| url.to_string()), of_plugin)
    }

    #[tokio::test]
    async fn a_kubeconfigs_own_proxy_wins_and_no_proxy_is_honoured() {
        let far = ("HTTPS_PROXY", "http://far:2");
        assert_eq!(configured("a", &[]).await, (None, None));
        assert_eq!(configured("a", &[far]).await, (Some("http://far:2/".to_owned()), None));
        assert_eq!(configured("a", &[far, ("NO_PROXY", "example.com")]).await, (None, None));
        let near = "http://u:s3cret@near:1".to_owned();
        assert_eq!(configured("b", &[far, ("NO_PROXY", "*")]).await, (Some(near.clone() + "/"), Some(near)));
    }

    #[tokio::test]
    async fn a_proxy_that_is_none_is_said_without_its_password() {
        let text = KUBECONFIG.replace("http://u:s3cret@near:1", "gopher://u:s3cret@near:1");
        let error = configure(Kubeconfig::from_yaml(&text), Some("b"), "`k`", |_| None).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("proxy-url") && !text.contains("s3cret"), "{text}");
    }
}
