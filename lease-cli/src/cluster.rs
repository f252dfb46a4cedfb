//! The cluster: its configuration, and reading Leases.

use std::time::Duration;

use futures_util::Stream;
use http::Request;
use http::header::{CONTENT_TYPE, DATE};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, WatchEvent, WatchParams};
use kube::client::Body;
use kube::discovery::Scope;
use kube::{Api, Client, Config};
use lease_runtime::{cluster_client, cluster_config};
use serde_json::Value;
use tokio::time::timeout;

use crate::args::Place;
use crate::error::CliError;
use crate::lease::LeaseView;

/// The time limit of one request.
const REQUEST: Duration = Duration::from_secs(10);
/// What to do if the API server does not answer.
const REACH: &str = "check the address in the kubeconfig, and the network";
/// How many Leases one answer contains at most.
const PAGE: u32 = 500;

/// Leases, sorted by namespace and name.
pub(crate) struct ListedLeases {
    pub(crate) leases: Vec<LeaseView>,
    /// The version of the list. A watch continues from it.
    pub(crate) version: String,
}

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
        Ok(Cluster { client: cluster_client(config).await?, namespace })
    }

    /// The Leases of the namespace or of all namespaces, sorted by namespace and name.
    pub(crate) async fn leases(&self, everywhere: bool) -> Result<ListedLeases, CliError> {
        let (objects, version) = self.objects(everywhere).await?;
        let mut leases: Vec<LeaseView> = objects.iter().map(LeaseView::read).collect();
        leases.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        Ok(ListedLeases { leases, version })
    }

    /// The objects of the Leases, and the version of the list.
    pub(crate) async fn objects(&self, everywhere: bool) -> Result<(Vec<DynamicObject>, String), CliError> {
        let api = self.place(everywhere);
        let (mut objects, mut version) = (Vec::new(), String::new());
        let mut page = ListParams::default().limit(PAGE);
        loop {
            let list = bounded(api.list(&page), self.refused("`list`", everywhere)).await?;
            version = list.metadata.resource_version.unwrap_or(version);
            objects.extend(list.items);
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok((objects, version)),
            }
        }
    }

    /// The changes of the Leases after this version, until the watch ends.
    pub(crate) async fn watch(
        &self,
        everywhere: bool,
        version: &str,
    ) -> Result<impl Stream<Item = Result<WatchEvent<DynamicObject>, kube::Error>>, CliError> {
        let (api, refused) = (self.place(everywhere), self.refused("`list` and `watch`", everywhere));
        let parameters = WatchParams::default();
        bounded(api.watch(&parameters, version), refused).await
    }

    fn place(&self, everywhere: bool) -> Api<DynamicObject> {
        if everywhere { self.api() } else { self.api().constrain(&self.namespace) }
    }

    fn refused(&self, needs: &'static str, everywhere: bool) -> Refused<'_> {
        Refused { needs, namespace: (!everywhere).then_some(&*self.namespace), lease: None }
    }

    /// One Lease, named by its name or by `namespace/name`.
    pub(crate) async fn lease(&self, text: &str) -> Result<LeaseView, CliError> {
        Ok(LeaseView::read(&self.object(text).await?))
    }

    /// The object of a Lease, named in the same way.
    pub(crate) async fn object(&self, text: &str) -> Result<DynamicObject, CliError> {
        let (namespace, name) = text.split_once('/').unwrap_or((&self.namespace, text));
        // A name becomes a part of the path of the request.
        if lease_runtime::spec::check_namespace(namespace).is_err()
            || lease_runtime::spec::check_lease_name(name).is_err()
        {
            return Err(CliError::LeaseName { text: text.to_owned() });
        }
        let refused = Refused { needs: "`get`", namespace: Some(namespace), lease: Some(name) };
        bounded(self.api().constrain(namespace).get(name), refused).await
    }

    /// Reads an object of any kind.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, kube::Error> {
        self.request(Request::get(path).body(Vec::new())).await
    }

    /// Asks a question that is an object, such as whether something is allowed.
    pub(crate) async fn post(&self, path: &str, object: &Value) -> Result<Value, kube::Error> {
        let request = Request::post(path).header(CONTENT_TYPE, "application/json");
        self.request(request.body(object.to_string().into_bytes())).await
    }

    /// The head `Date` of an answer.
    pub(crate) async fn date(&self) -> Result<Option<String>, kube::Error> {
        let request = Request::get("/version").body(Body::empty()).map_err(kube::Error::HttpError)?;
        let answer = timeout(REQUEST, self.client.send(request)).await.unwrap_or_else(|_| Err(silent()))?;
        Ok(answer.headers().get(DATE).and_then(|date| date.to_str().ok()).map(str::to_owned))
    }

    async fn request(&self, request: Result<Request<Vec<u8>>, http::Error>) -> Result<Value, kube::Error> {
        let request = request.map_err(kube::Error::HttpError)?;
        timeout(REQUEST, self.client.request(request)).await.unwrap_or_else(|_| Err(silent()))
    }

    /// Not of a type that knows the fields: a program may write times that no type can read.
    fn api(&self) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("coordination.k8s.io", "v1", "Lease");
        Api::dynamic(self.client.clone(), &ApiResource::from_gvk_with_plural(&kind, "leases"), &Scope::Namespaced)
    }
}

/// The configuration of the cluster that the arguments or the environment name.
pub(crate) async fn config(place: &Place) -> Result<Config, CliError> {
    let config = cluster_config(place.kubeconfig.as_deref(), place.context.as_deref()).await?;
    let feature = match config.proxy_url.as_ref().map(|proxy| proxy.scheme_str()) {
        Some(Some("socks5")) if !cfg!(feature = "socks5") => Some("socks5"),
        Some(Some("http" | "https")) if !cfg!(feature = "http-proxy") => Some("http-proxy"),
        _ => None,
    };
    feature.map_or(Ok(config), |feature| Err(CliError::Proxy { feature }))
}

/// What to say if a request is refused.
#[derive(Clone, Copy)]
struct Refused<'a> {
    /// The verbs to ask for.
    needs: &'static str,
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
                needs: self.needs,
                place: self.namespace.map_or("all namespaces".to_owned(), |name| format!("namespace `{name}`")),
                message: status.message.clone(),
            },
            kube::Error::Api(status) if status.code == 401 => CliError::Unauthorized,
            kube::Error::Api(status) => CliError::Request {
                reason: format!("{}, {}", status.code, status.message),
                remedy: "look for what is wrong with the API server",
            },
            other => CliError::Request { reason: chain(&other), remedy: REACH },
        }
    }
}

fn silent() -> kube::Error {
    kube::Error::Service(format!("no answer within {REQUEST:?}").into())
}

async fn bounded<T>(
    request: impl Future<Output = Result<T, kube::Error>>,
    refused: Refused<'_>,
) -> Result<T, CliError> {
    match timeout(REQUEST, request).await {
        Ok(answer) => answer.map_err(|error| refused.error(error)),
        Err(_) => Err(CliError::Request { reason: format!("no answer within {REQUEST:?}"), remedy: REACH }),
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
