//! The cluster: its configuration, and reading Leases.

use std::time::Duration;

use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::discovery::Scope;
use kube::{Api, Client, Config};
use tokio::time::timeout;

use crate::args::Place;
use crate::error::CliError;
use crate::lease::LeaseView;

/// The time limit of one request.
const REQUEST: Duration = Duration::from_secs(10);
/// How many Leases one answer contains at most.
const PAGE: u32 = 500;

/// A cluster, and the namespace of leases that name none.
pub(crate) struct Cluster {
    pub(crate) client: Client,
    pub(crate) namespace: String,
}

impl Cluster {
    pub(crate) async fn connect(place: &Place) -> Result<Cluster, CliError> {
        let mut config = config(place).await?;
        // Each request has a time limit of its own.
        config.connect_timeout = Some(REQUEST);
        let namespace = place.namespace.clone().unwrap_or_else(|| config.default_namespace.trim().to_owned());
        let client = Client::try_from(config).map_err(|error| CliError::Kubeconfig { reason: error.to_string() })?;
        Ok(Cluster { client, namespace })
    }

    /// The Leases of the namespace or of all namespaces, sorted by namespace and name.
    pub(crate) async fn leases(&self, everywhere: bool) -> Result<Vec<LeaseView>, CliError> {
        let api = if everywhere { self.api() } else { self.api().constrain(&self.namespace) };
        let refused = Refused { verb: "list", namespace: (!everywhere).then_some(&*self.namespace), lease: None };
        let (mut leases, mut page) = (Vec::new(), ListParams::default().limit(PAGE));
        loop {
            let list = bounded(api.list(&page), refused).await?;
            leases.extend(list.items.iter().map(LeaseView::read));
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => break,
            }
        }
        leases.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        Ok(leases)
    }

    /// One Lease, named by its name or by `namespace/name`.
    pub(crate) async fn lease(&self, text: &str) -> Result<LeaseView, CliError> {
        let (namespace, name) = text.split_once('/').unwrap_or((&self.namespace, text));
        // A name becomes a part of the path of the request.
        if lease_runtime::spec::check_namespace(namespace).is_err()
            || lease_runtime::spec::check_lease_name(name).is_err()
        {
            return Err(CliError::LeaseName { text: text.to_owned() });
        }
        let refused = Refused { verb: "get", namespace: Some(namespace), lease: Some(name) };
        let object = bounded(self.api().constrain(namespace).get(name), refused).await?;
        Ok(LeaseView::read(&object))
    }

    /// Not of a type that knows the fields: a program may write times that no type can read.
    fn api(&self) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("coordination.k8s.io", "v1", "Lease");
        Api::dynamic(self.client.clone(), &ApiResource::from_gvk_with_plural(&kind, "leases"), &Scope::Namespaced)
    }
}

/// The configuration of the cluster that the arguments or the environment name.
pub(crate) async fn config(place: &Place) -> Result<Config, CliError> {
    let options = KubeConfigOptions { context: place.context.clone(), ..KubeConfigOptions::default() };
    let unusable = |error: &KubeconfigError| CliError::Kubeconfig { reason: reason(error) };
    let kubeconfig = match &place.kubeconfig {
        Some(path) => Kubeconfig::read_from(path).map_err(|error| unusable(&error))?,
        None if place.context.is_some() => Kubeconfig::read().map_err(|error| unusable(&error))?,
        None if std::env::var_os("KUBECONFIG").is_some_and(|paths| !paths.is_empty()) => {
            Kubeconfig::read().map_err(|error| unusable(&error))?
        }
        None => {
            let inferred = Config::infer().await;
            return inferred.map_err(|_| CliError::NoCluster {
                reason: "this is no pod, and ~/.kube/config cannot be used".to_owned(),
            });
        }
    };
    Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| unusable(&error))
}

/// What is wrong with a kubeconfig. A parser quotes the lines around a mistake, which may contain credentials.
fn reason(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(_) => "it is not valid YAML of a kubeconfig".to_owned(),
        other => other.to_string(),
    }
}

/// What to say if a request is refused.
#[derive(Clone, Copy)]
struct Refused<'a> {
    verb: &'static str,
    namespace: Option<&'a str>,
    lease: Option<&'a str>,
}

impl Refused<'_> {
    fn error(self, error: kube::Error) -> CliError {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        match error {
            kube::Error::Api(status) if status.code == 404 && self.lease.is_some() => {
                CliError::LeaseMissing { namespace: text(self.namespace), lease: text(self.lease) }
            }
            kube::Error::Api(status) if status.code == 403 => CliError::Forbidden {
                verb: self.verb,
                place: self.namespace.map_or("all namespaces".to_owned(), |name| format!("namespace `{name}`")),
                message: status.message.clone(),
            },
            kube::Error::Api(status) if status.code == 401 => CliError::Unauthorized,
            other => CliError::Request { reason: chain(&other) },
        }
    }
}

async fn bounded<T>(
    request: impl Future<Output = Result<T, kube::Error>>,
    refused: Refused<'_>,
) -> Result<T, CliError> {
    match timeout(REQUEST, request).await {
        Ok(answer) => answer.map_err(|error| refused.error(error)),
        Err(_) => Err(CliError::Request { reason: format!("no answer within {REQUEST:?}") }),
    }
}

/// An error and its causes on one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}
