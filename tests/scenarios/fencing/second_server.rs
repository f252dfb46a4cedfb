//! A second kube-apiserver on the etcd of the first one.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use kube::config::{KubeConfigOptions, Kubeconfig};
use lease_tests::cluster::{Caller, Kind};
use lease_tests::log::until;
use lease_tests::world::World;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, Command};

/// It ends with this value.
pub(super) struct SecondServer<'a> {
    world: &'a World,
    child: Child,
    port: u16,
}

impl SecondServer<'_> {
    /// Starts it, and waits until it is ready. `None` if the first one was not built here.
    pub(super) async fn start(world: &World) -> Option<SecondServer<'_>> {
        let Kind::Real(real) = &world.cluster.kind else { return None };
        let folder = real.control.as_ref()?.parent()?;
        let config = std::fs::read_to_string(folder.join("config")).expect("the server has settings");
        let setting = |key: &str| config.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let (program, etcd) = (setting("BINARY")?, setting("ETCD_PORT").expect("a port of etcd"));
        let data = world.dir.join("second-server");
        share_keys(&folder.join("data"), &data);
        let [port, own_etcd, own_peer] = free_ports();
        let log = std::fs::File::create(world.dir.join("second-server.log")).expect("a log");
        let also = log.try_clone().expect("a log");
        // It starts an etcd of its own, too, which nobody uses.
        let child = Command::new(program)
            .args(["--data", data.to_str().expect("a path in UTF-8")])
            .args(["--port", &port.to_string(), "--etcd-through", etcd])
            .args(["--etcd-port", &own_etcd.to_string(), "--etcd-peer-port", &own_peer.to_string()])
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(also)
            .kill_on_drop(true)
            .spawn()
            .expect("the second server starts");
        let server = SecondServer { world, child, port };
        let admin = server.client(Caller::Admin("a")).await;
        until("the second server to be ready", async || {
            let ready = http::Request::get("/readyz").body(Vec::new()).expect("a valid request");
            admin.request_text(ready).await.ok()
        })
        .await;
        Some(server)
    }

    /// A client of this server.
    pub(super) async fn client(&self, caller: Caller<'_>) -> kube::Client {
        let kubeconfig = self.world.cluster.kubeconfig(None, caller, &self.world.cluster.namespace);
        let mut kubeconfig: Value = serde_json::from_str(&kubeconfig).expect("JSON");
        kubeconfig["clusters"][0]["cluster"]["server"] = format!("https://127.0.0.1:{}", self.port).into();
        let kubeconfig = Kubeconfig::from_yaml(&kubeconfig.to_string()).expect("the kubeconfig cannot be read");
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        let mut config = config.expect("the kubeconfig cannot be used");
        // What is counted are requests and not attempts.
        config.default_retry = false;
        kube::Client::try_from(config).expect("no client")
    }

    /// Stops all its threads where they are.
    pub(super) fn stop(&self) {
        self.signal(Signal::STOP);
    }

    pub(super) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        kill_process(id.expect("the second server runs"), signal).expect("a signal cannot be sent");
    }
}

/// Copies what both servers need: certificate, tokens, and the key of service accounts.
fn share_keys(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.join("pki")).expect("a folder for the second server");
    let files = ["service-account.key", "tokens.csv", "kubeconfig.yaml", "pki/apiserver.crt", "pki/apiserver.key"];
    for file in files.map(PathBuf::from) {
        std::fs::copy(from.join(&file), to.join(&file)).expect("the first server has this file");
    }
}

/// Ports that were free a moment ago.
fn free_ports() -> [u16; 3] {
    let held = [(); 3].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("a free port"));
    held.map(|listener| listener.local_addr().expect("it has an address").port())
}
