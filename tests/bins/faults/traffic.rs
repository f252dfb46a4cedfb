//! Traffic to the leader, and Events of Kubernetes: what some of the candidates write beside the Lease.

use std::path::Path;
use std::pin::pin;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Config};
use lease_tests::cluster::{Caller, Cluster};
use lease_tests::log::Pen;
use tokio::task::JoinSet;

use crate::candidate::{self, Settings};
use crate::error::Result;

const TOKEN: &str = "lease-runtime.dev/fencing-token";

/// The objects, and a watch on them.
pub(crate) struct Traffic {
    client: Client,
    namespace: String,
    lease: &'static str,
    /// Ends with this value.
    _watch: JoinSet<()>,
}

/// What the candidates have left behind.
#[derive(Clone, Default, Debug)]
pub(crate) struct Left {
    /// Events of Kubernetes.
    pub(crate) events: usize,
    pub(crate) violations: Vec<String>,
}

impl Traffic {
    /// With a Service of the name of the lease. From now on, each change of its slice is an event of the run.
    pub(crate) async fn start(cluster: &Cluster, lease: &'static str, events: &Path) -> Result<Traffic> {
        let namespace = cluster.namespace.clone();
        let kubeconfig = Kubeconfig::from_yaml(&cluster.kubeconfig(None, Caller::Admin("test"), &namespace))?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        let client = Client::try_from(config)?;
        cluster.create_service(lease).await;
        let (slices, pen) = (Api::namespaced(client.clone(), &namespace), Pen::open(events, "test")?);
        let mut watch = JoinSet::new();
        watch.spawn(follow(slices, format!("metadata.name={lease}-leader"), pen));
        Ok(Traffic { client, namespace, lease, _watch: watch })
    }

    /// A pod of this name, as its candidate sees it.
    pub(crate) async fn pod(&self, cluster: &Cluster, name: &str, index: u8) -> candidate::Pod {
        let uid = cluster.create_pod(self.lease, name).await;
        candidate::Pod { namespace: self.namespace.clone(), uid, ip: format!("10.0.0.{}", index + 1) }
    }

    /// Looks when all candidates have shut down in order.
    pub(crate) async fn left<'a>(&self, candidates: impl Iterator<Item = &'a Settings> + Clone) -> Result<Left> {
        let mut left = Left::default();
        let label = format!("leader.lease-runtime.dev/{}=true", self.lease);
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        for pod in pods.list(&ListParams::default().labels(&label)).await? {
            let name = pod.metadata.name.unwrap_or_default();
            left.violations.push(format!("the pod {name} has the label of the leader, and its process has shut down"));
        }
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let silent: Vec<String> = candidates.filter(|it| it.pod.is_none()).map(|it| format!("{}_", it.name)).collect();
        for event in events.list(&ListParams::default()).await? {
            left.events += 1;
            let by = event.reporting_instance.unwrap_or_default();
            if silent.iter().any(|name| by.starts_with(name)) {
                left.violations
                    .push(format!("{by} has written an Event although LEASE_EVENTS is off: {:?}", event.note));
            }
        }
        if left.events == 0 {
            left.violations.push("nothing was checked: there are no Events of Kubernetes".to_owned());
        }
        Ok(left)
    }
}

/// Writes down each state of the slice. A watch that breaks goes on where it was.
async fn follow(slices: Api<EndpointSlice>, name: String, pen: Pen) {
    let watched = watcher(slices, watcher::Config::default().fields(&name)).default_backoff();
    let mut states = pin!(watched.applied_objects());
    while let Some(state) = states.next().await {
        // The next attempt follows.
        let Ok(slice) = state else { continue };
        let token = slice.metadata.annotations.as_ref().and_then(|annotations| annotations.get(TOKEN)?.parse().ok());
        let endpoint = slice.endpoints.as_ref().and_then(|endpoints| endpoints.first());
        let pod = endpoint.and_then(|endpoint| endpoint.target_ref.as_ref()?.name.clone());
        pen.write("slice", token.unwrap_or_default(), &pod.unwrap_or_else(|| "-".to_owned()));
    }
}
