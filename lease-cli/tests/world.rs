//! An API server, and the program in its environment.

use std::path::PathBuf;
use std::process::{Output, Stdio};

use lease_runtime::embedded::{EmbeddedApi, Server};
use serde_json::{Value, json};
use tokio::process::Command;

/// An API server, and a kubeconfig for it in a folder of its own.
pub(crate) struct World {
    pub(crate) api: EmbeddedApi,
    pub(crate) dir: PathBuf,
    _server: Server,
}

impl World {
    pub(crate) async fn new(name: &str) -> World {
        let api = EmbeddedApi::new();
        let server = api.serve(([127, 0, 0, 1], 0)).await.unwrap();
        let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("config"), server.kubeconfig_as("operator", "jobs")).unwrap();
        for namespace in ["jobs", "shop"] {
            api.create_namespace(namespace);
        }
        World { api, dir, _server: server }
    }

    /// A Lease as client-go writes it.
    pub(crate) fn lease(&self, namespace: &str, name: &str, holder: &str, annotations: &Value) {
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "namespace": namespace, "name": name, "annotations": annotations },
            "spec": {
                "holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 3,
                "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:10:00.000000Z",
            },
        });
        self.api.put_lease(namespace, name, &lease);
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().await.unwrap()
    }

    /// The program with these arguments, in the environment of this world.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-lease_runtime"));
        command.args(arguments).env_clear().env("HOME", &self.dir).env("KUBECONFIG", self.dir.join("config"));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(&self.dir);
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    pub(crate) async fn prints(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && said.is_empty(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The one line that a command prints when it fails.
    pub(crate) async fn fails(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "{arguments:?}");
        assert!(said.starts_with("error: ") && said.lines().count() == 1, "{arguments:?}: {said}");
        said
    }

    pub(crate) fn annotation(&self, name: &str) -> Option<String> {
        let lease = self.api.lease_json("jobs", "billing").unwrap();
        lease["metadata"]["annotations"][name].as_str().map(str::to_owned)
    }
}
