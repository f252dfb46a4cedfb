//! The embedded API over TCP: plain HTTP/1.1 on a port of this machine.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::service::ApiService;

/// How long [`Server::stop`] waits for requests in flight before it closes their connections.
const GRACE: Duration = Duration::from_secs(5);

/// A running server of an embedded API. Dropping it stops the server like [`kill`](Server::kill).
///
/// It runs on the tokio runtime on which it was started, and needs real time: while a socket is idle, a runtime with paused
/// time jumps to the next timeout.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    /// Ends the listener and the watches, and each connection after its current request.
    stopping: CancellationToken,
    connections: Arc<Mutex<CancellationToken>>,
    tasks: TaskTracker,
}

impl Server {
    pub(crate) async fn start(mut service: ApiService, addr: SocketAddr) -> io::Result<Server> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let stopping = service.stop.child_token();
        service.stop = stopping.clone();
        let connections = Arc::new(Mutex::new(CancellationToken::new()));
        let tasks = TaskTracker::new();
        tasks.spawn(accept(listener, service, connections.clone(), tasks.clone()));
        Ok(Server { addr, stopping, connections, tasks })
    }

    /// The address on which it listens. If port 0 was given, this contains the port that the system chose.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://` and the address.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// A kubeconfig for this server, as text, with the namespace `default`.
    pub fn kubeconfig(&self) -> String {
        self.kubeconfig_as("admin", "default")
    }

    /// A kubeconfig whose requests have the caller `caller`, so that fault rules and the log can distinguish them.
    pub fn kubeconfig_as(&self, caller: &str, namespace: &str) -> String {
        // A JSON string is a YAML string.
        let (url, caller, namespace) = (Value::from(self.url()), Value::from(caller), Value::from(namespace));
        format!(
            "apiVersion: v1\n\
             kind: Config\n\
             clusters:\n\
             - name: embedded\n  \
               cluster:\n    \
                 server: {url}\n\
             users:\n\
             - name: {caller}\n  \
               user:\n    \
                 token: {caller}\n\
             contexts:\n\
             - name: embedded\n  \
               context:\n    \
                 cluster: embedded\n    \
                 user: {caller}\n    \
                 namespace: {namespace}\n\
             current-context: embedded\n"
        )
    }

    /// Closes all connections at once, also during a request, and continues to listen.
    pub fn close_connections(&self) {
        let mut current = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *current).cancel();
    }

    /// Stops listening, ends watches, lets requests in flight finish (for at most five seconds), then closes.
    ///
    /// The objects stay with the [`EmbeddedApi`](super::EmbeddedApi), which can be served again at the same address.
    pub async fn stop(self) {
        self.stopping.cancel();
        self.tasks.close();
        // When `self` is dropped, the connections that are still open are closed.
        let _ = tokio::time::timeout(GRACE, self.tasks.wait()).await;
        self.kill().await;
    }

    /// Stops at once: closes the port and all connections. Returns when they are closed.
    pub async fn kill(self) {
        let tasks = self.tasks.clone();
        drop(self);
        tasks.wait().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.cancel();
        self.tasks.close();
        self.close_connections();
    }
}

async fn accept(
    listener: TcpListener,
    service: ApiService,
    connections: Arc<Mutex<CancellationToken>>,
    tasks: TaskTracker,
) {
    let stopping = service.stop.clone();
    while let Some(accepted) = stopping.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((socket, _)) => {
                // The child is made under the lock. Otherwise `close_connections` could miss this connection.
                let cut = connections.lock().unwrap_or_else(PoisonError::into_inner).child_token();
                drop(tasks.spawn(serve_connection(socket, service.clone(), cut)));
            }
            // Most likely there are no file descriptors left. Wait until some are closed.
            Err(error) => {
                tracing::warn!(error = %error, "embedded api cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve_connection(socket: TcpStream, service: ApiService, cut: CancellationToken) {
    let _ = socket.set_nodelay(true);
    let stopping = service.stop.clone();
    let connection = hyper::server::conn::http1::Builder::new()
        // The API sets the `Date` header itself, from its own clock.
        .auto_date_header(false)
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection);
    let serve = async {
        // An error means that the peer disconnected or that a fault closed the connection.
        if stopping.run_until_cancelled(connection.as_mut()).await.is_none() {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    };
    cut.run_until_cancelled(serve).await;
}
