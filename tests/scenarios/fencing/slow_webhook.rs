//! A validating webhook that holds one write back until the test lets it go. API servers call webhooks after the policies.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::FutureExt;
use lease_tests::world::World;
use rcgen::generate_simple_self_signed;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// The balance of a ledger that is held back.
pub(super) const HELD_BACK: u32 = 4711;

/// It ends with this value.
pub(super) struct SlowWebhook {
    address: SocketAddr,
    certificate: String,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

struct State {
    arrived: Notify,
    open: watch::Sender<bool>,
}

impl SlowWebhook {
    pub(super) async fn start() -> SlowWebhook {
        let own = generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("the versions of TLS").with_no_client_auth();
        let config = config.with_single_cert(vec![own.cert.der().clone()], key).expect("key and certificate fit");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let state = Arc::new(State { arrived: Notify::new(), open: watch::Sender::new(false) });
        let serving = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, acceptor.clone(), Arc::clone(&serving)));
            }
        });
        SlowWebhook { address, certificate: own.cert.pem(), state, accepting }
    }

    /// The configuration that makes API servers call it for each update of a ledger.
    pub(super) fn configuration(&self, world: &World, group: &str) -> Value {
        let namespace = &world.cluster.namespace;
        let bundle = k8s_openapi::ByteString(self.certificate.clone().into_bytes());
        json!({
            "metadata": { "name": namespace },
            "webhooks": [{
                "name": "slow.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "timeoutSeconds": 30, "failurePolicy": "Fail",
                "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace } },
                "clientConfig": { "url": format!("https://{}/", self.address), "caBundle": bundle },
                "rules": [{
                    "apiGroups": [group], "apiVersions": ["*"], "operations": ["UPDATE"], "resources": ["ledgers"],
                }],
            }],
        })
    }

    /// Waits until a write is held back.
    pub(super) async fn has_one(&self) {
        self.state.arrived.notified().await;
    }

    /// Lets it go, or holds the next one back and forgets those before.
    pub(super) fn open(&self, open: bool) {
        if !open {
            let _ = self.has_one().now_or_never();
        }
        self.state.open.send_replace(open);
    }
}

impl Drop for SlowWebhook {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Answers the requests of one connection, until the API server closes it.
async fn serve(stream: TcpStream, acceptor: TlsAcceptor, state: Arc<State>) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let mut stream = BufStream::new(stream);
    while let Some(review) = read(&mut stream).await {
        let balance = |which: &str| review["request"][which]["spec"]["balance"] == HELD_BACK;
        if balance("object") && !balance("oldObject") {
            state.arrived.notify_one();
            // An error means that the scenario is over.
            let _ = state.open.subscribe().wait_for(|open| *open).await;
        }
        let answer = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "response": { "uid": review["request"]["uid"], "allowed": true },
        });
        let answer = answer.to_string();
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", answer.len());
        if stream.write_all(format!("{head}{answer}").as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

/// The next review. `None` at the end of the connection.
async fn read(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    serde_json::from_slice(&body).ok()
}
