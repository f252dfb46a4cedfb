//! The process of a real API server, and its way to etcd.

use crate::cluster::Real;
use crate::proxy::{Link, Proxy};

impl Real {
    /// Calls the program that controls the server, and returns what it prints.
    pub(crate) async fn control(&self, action: &str) -> String {
        let program = self.control.as_ref().expect("this test may not stop and start the server");
        let mut command = tokio::process::Command::new(program);
        command.envs(self.etcd_through.get().map(|port| ("LEASE_TEST_ETCD_THROUGH", port.to_string())));
        let end = command.arg(action).stderr(std::process::Stdio::inherit()).output().await;
        let end = end.unwrap_or_else(|error| panic!("`{} {action}`: {error}", program.display()));
        assert!(end.status.success(), "`{} {action}`: {}", program.display(), end.status);
        String::from_utf8_lossy(&end.stdout).trim().to_owned()
    }

    /// A proxy that the server uses between itself and etcd from its next start on.
    ///
    /// # Panics
    ///
    /// If the test may not start the server, or has called this before.
    pub fn store(&self) -> Proxy {
        let program = self.control.as_ref().expect("this test may not start the server");
        let config = std::fs::read_to_string(program.with_file_name("config")).expect("the server has no config");
        let port = config.lines().find_map(|line| line.strip_prefix("ETCD_PORT=")).expect("a config without ETCD_PORT");
        let proxy = Proxy::start(&format!("127.0.0.1:{port}"), Link::PASS).expect("no port for a proxy");
        self.etcd_through.set(proxy.addr().port()).expect("there is such a proxy already");
        proxy
    }

    /// The process of the server.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub async fn pid(&self) -> u32 {
        self.control("pid").await.parse().expect("a process id")
    }
}
