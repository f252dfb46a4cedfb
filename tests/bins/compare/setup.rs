//! The environment of all items: the cluster, the rights of the candidates, the folder, the observer.

use std::net::IpAddr;
use std::path::PathBuf;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{Api, PostParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig, NamedCluster};
use kube::{Client, Resource};
use lease_tests::program::CANDIDATE;
use lease_tests::proxy::{Link, Proxy};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::cli::Kind;
use crate::error::{Context, Result};
use crate::folder::Folder;
use crate::observer::Observer;

/// The namespace whose requests are in the test server's audit log.
pub(crate) const NAMESPACE: &str = "audited";
/// The group that has the candidates' rights. Each candidate is a user in this group.
const GROUP: &str = "lease-compare";

pub(crate) struct Setup {
    pub(crate) folder: Folder,
    pub(crate) observer: Observer,
    /// Different from those of all other measurements on this cluster.
    pub(crate) run: String,
    pub(crate) audit: Option<PathBuf>,
    /// With the rights of the kubeconfig's own user.
    pub(crate) client: Client,
    contender: Option<PathBuf>,
    kubeconfig: Kubeconfig,
    /// Host and port of the API server.
    server: String,
}

impl Setup {
    pub(crate) async fn new(kinds: &[Kind]) -> Result<Setup> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let Some(path) = variable("LEASE_TEST_KUBECONFIG") else {
            return Err("there is no API server: run this with tests/kube-apiserver/run, see its README".into());
        };
        let contender = variable("LEASE_TEST_CONTENDER");
        if contender.is_none() && kinds.contains(&Kind::ClientGo) {
            return Err(
                "LEASE_TEST_CONTENDER is not set: run this with tests/kube-apiserver/run, or --only ours".into()
            );
        }
        let kubeconfig = Kubeconfig::read_from(path)?;
        let config = Config::from_custom_kubeconfig(kubeconfig.clone(), &KubeConfigOptions::default()).await?;
        let url = &config.cluster_url;
        let port = url.port_u16().unwrap_or(443);
        let server = format!("{}:{port}", url.host().unwrap_or_default());
        let client = Client::try_from(config)?;
        grant(&client).await?;
        let setup = Setup {
            folder: Folder::new()?,
            observer: Observer::start(Api::<Lease>::namespaced(client.clone(), NAMESPACE)).await?,
            run: format!("{:06x}", fastrand::u32(..0x100_0000)),
            audit: variable("LEASE_TEST_AUDIT"),
            client,
            contender,
            kubeconfig,
            server,
        };
        Ok(setup)
    }

    /// The program of a candidate, and its first argument if it needs one.
    pub(crate) fn program(&self, kind: Kind) -> Result<(PathBuf, Option<&'static str>)> {
        Ok(match kind {
            Kind::Ours => (std::env::current_exe()?, Some(CANDIDATE)),
            Kind::ClientGo => (self.contender.clone().ok_or("LEASE_TEST_CONTENDER is not set")?, None),
        })
    }

    /// A link to the API server that can be broken.
    pub(crate) fn link(&self) -> Result<Proxy> {
        Ok(Proxy::start(&self.server, Link::PASS)?)
    }

    /// Writes a kubeconfig for `user`, through `link` if there is one.
    pub(crate) fn kubeconfig(&self, user: &str, link: Option<&Proxy>) -> Result<PathBuf> {
        let mut kubeconfig = self.kubeconfig.clone();
        for user_entry in &mut kubeconfig.auth_infos {
            let info = user_entry.auth_info.get_or_insert_default();
            // With impersonation, the audit log contains the user of each request.
            info.impersonate = Some(user.to_owned());
            info.impersonate_groups = Some(vec![GROUP.to_owned()]);
        }
        if let Some(link) = link {
            kubeconfig.clusters.iter_mut().for_each(|cluster| reroute(cluster, link));
        }
        let path = self.folder.path().join(format!("{user}.kubeconfig"));
        // All JSON is YAML.
        std::fs::write(&path, serde_json::to_vec(&kubeconfig)?)
            .context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

fn reroute(cluster: &mut NamedCluster, link: &Proxy) {
    let Some(cluster) = &mut cluster.cluster else { return };
    let host = cluster.server.as_deref().and_then(|server| server.parse::<http::Uri>().ok()?.host().map(str::to_owned));
    // The certificate names the server and not the proxy.
    if let Some(host) = host.filter(|host| host.parse::<IpAddr>().is_err()) {
        cluster.tls_server_name.get_or_insert(host);
    }
    cluster.server = Some(format!("https://{}", link.addr()));
}

/// Creates the namespace and the Role that the candidates need.
async fn grant(client: &Client) -> Result<()> {
    let name = json!({ "name": GROUP });
    let rule = json!({
        "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update", "watch"],
    });
    let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": GROUP });
    let subject = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": GROUP });
    create::<Namespace>(Api::all(client.clone()), json!({ "metadata": { "name": NAMESPACE } })).await?;
    let roles = Api::<Role>::namespaced(client.clone(), NAMESPACE);
    create(roles, json!({ "metadata": name, "rules": [rule] })).await?;
    let bindings = Api::<RoleBinding>::namespaced(client.clone(), NAMESPACE);
    create(bindings, json!({ "metadata": name, "roleRef": role, "subjects": [subject] })).await
}

/// Creates an object, unless it exists.
async fn create<K>(api: Api<K>, object: serde_json::Value) -> Result<()>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + Serialize + DeserializeOwned,
{
    match api.create(&PostParams::default(), &serde_json::from_value(object)?).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        Err(error) => Err(error).context(|| format!("cannot create a {}", K::kind(&()))),
    }
}
