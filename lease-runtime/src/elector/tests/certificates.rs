//! Certificates in files that are renewed while the process runs, with a server that speaks TLS.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use k8s_openapi::api::coordination::v1::Lease;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::super::connect::{self, ClusterAccess};
use super::super::log_thread::LogThread;
use super::*;
use crate::embedded::Server;

/// A clock that a test advances.
#[derive(Debug)]
struct Manual(AtomicU64);

impl Clock for Manual {
    fn now(&self) -> Moment {
        Moment::from_nanos(self.0.load(Ordering::Relaxed))
    }

    fn wall(&self) -> WallTime {
        WallTime(1_700_000_000_000_000)
    }
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

struct Issued {
    certificate: String,
    key: String,
}

impl Authority {
    fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    fn issue(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Issued { certificate, key: key.serialize_pem() }
    }

    fn server(&self) -> Issued {
        self.issue("127.0.0.1", |_| {})
    }
}

/// A TLS server in front of an API, as a kube-apiserver has it.
struct Front {
    address: SocketAddr,
    acts: watch::Sender<Arc<ServerConfig>>,
    /// The client certificate of each connection that was made.
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    opened: Arc<AtomicUsize>,
}

/// `clients`: the authority that must have issued the certificates of clients.
fn acts(own: &Issued, clients: &Authority) -> Arc<ServerConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(der(&clients.pem)).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
    let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
    let config = ServerConfig::builder().with_client_cert_verifier(verifier);
    Arc::new(config.with_single_cert(vec![der(&own.certificate)], key).unwrap())
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

impl Front {
    async fn start(api: &Server, first: Arc<ServerConfig>) -> Front {
        let upstream = api.addr();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (acts, mut config) = watch::channel(first);
        let (seen, opened) = (Arc::<Mutex<Vec<Vec<u8>>>>::default(), Arc::<AtomicUsize>::default());
        let (notes, counts) = (Arc::clone(&seen), Arc::clone(&opened));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counts.fetch_add(1, Ordering::Relaxed);
                let (notes, mut config) = (Arc::clone(&notes), config.clone());
                let acceptor = TlsAcceptor::from(Arc::clone(&config.borrow_and_update()));
                tokio::spawn(async move {
                    let mut stream = match acceptor.accept(stream).into_fallible().await {
                        Ok(stream) => stream,
                        Err((_, mut stream)) => {
                            // If it were closed at once, the connection would be reset, and the client might not read the reason.
                            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                            return;
                        }
                    };
                    let client = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
                    notes.lock().unwrap().push(client);
                    let mut api = TcpStream::connect(upstream).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut stream, &mut api) => {}
                        // The server restarts.
                        _ = config.changed() => {}
                    }
                });
            }
            let _ = config.changed().await;
        });
        Front { address, acts, seen, opened }
    }

    /// Restarts with other certificates, and closes all connections.
    fn restart(&self, acts: Arc<ServerConfig>) {
        self.acts.send_replace(acts);
    }
}

/// A client whose certificates are in files.
struct Renewal {
    folder: PathBuf,
    front: Front,
    clock: Arc<Manual>,
    client: kube::Client,
    _api: Server,
}

impl Drop for Renewal {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Renewal {
    async fn new(name: &str, trusted: &Authority, client: &Issued, first: Arc<ServerConfig>) -> Renewal {
        let folder = std::env::temp_dir().join(format!("lease-runtime-tls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let api = EmbeddedApi::new().serve(([127, 0, 0, 1], 0)).await.unwrap();
        let front = Front::start(&api, first).await;
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             clusters: [{{ name: c, cluster: {{ server: 'https://{}', certificate-authority: ca }} }}]\n\
             contexts: [{{ name: c, context: {{ cluster: c, user: u }} }}]\n\
             users: [{{ name: u, user: {{ client-certificate: crt, client-key: key }} }}]\n",
            front.address
        );
        std::fs::write(folder.join("kubeconfig"), text).unwrap();
        std::fs::write(folder.join("ca"), &trusted.pem).unwrap();
        std::fs::write(folder.join("crt"), &client.certificate).unwrap();
        std::fs::write(folder.join("key"), &client.key).unwrap();
        let clock = Arc::new(Manual(AtomicU64::new(1_000_000_000_000)));
        let connection = Connection::from_kubeconfig(&folder.join("kubeconfig"), None).await.unwrap();
        let Connection::Config(cluster) = connection else { panic!("a client") };
        let (client, _) = connect::client(ClusterAccess::on(cluster, Arc::clone(&clock) as Arc<dyn Clock>)).unwrap();
        Renewal { folder, front, clock, client, _api: api }
    }

    fn write(&self, file: &str, content: &str) {
        std::fs::write(self.folder.join(file), content).unwrap();
    }

    fn pass(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds * 1_000_000_000, Ordering::Relaxed);
    }

    async fn ask(&self) -> Result<(), ElectorError> {
        let api: kube::Api<Lease> = kube::Api::namespaced(self.client.clone(), NAMESPACE);
        match api.get_opt("nothing").await {
            Ok(_) => Ok(()),
            Err(error) => {
                let problem = classify::watch(&error, &LeaseId::new(NAMESPACE, LEASE)).0;
                Err(problem)
            }
        }
    }

    async fn refused(&self) -> String {
        let Err(error) = self.ask().await else { panic!("it was served") };
        assert!(matches!(error, ElectorError::Certificate { .. }), "{error:?}");
        error.to_string()
    }
}

#[tokio::test]
async fn certificates_that_are_renewed_on_disk_are_used() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let (first, second) = (old.issue("client", |_| {}), old.issue("client", |_| {}));
    let world = Renewal::new("renewed", &old, &first, acts(&old.server(), &old)).await;
    world.ask().await.unwrap();
    // Half of a renewal: the key does not match. The old certificate stays in use.
    world.write("crt", &second.certificate);
    world.pass(1);
    world.ask().await.unwrap();
    assert_eq!(*world.front.seen.lock().unwrap(), [der(&first.certificate).to_vec()]);
    // The whole renewal: the server sees the new certificate, although the old connection is still open.
    world.write("key", &second.key);
    world.pass(1);
    world.ask().await.unwrap();
    assert_eq!(world.front.seen.lock().unwrap().last().unwrap(), &der(&second.certificate).to_vec());
    world.ask().await.unwrap();
    assert_eq!(world.front.opened.load(Ordering::Relaxed), 2);
    // The authority is replaced, with an overlap.
    world.write("ca", &format!("{}{}", old.pem, new.pem));
    world.pass(1);
    world.ask().await.unwrap();
    world.front.restart(acts(&new.server(), &old));
    // If the server closes a connection, only the next request on it may notice.
    while world.front.opened.load(Ordering::Relaxed) < 4 {
        let _ = world.ask().await;
    }
    world.ask().await.unwrap();
}

/// This thread stands for the elector's, which no log line may block.
#[tokio::test]
async fn log_lines_about_certificates_are_written_by_another_thread() {
    let trusted = Authority::new("trusted");
    let (first, second) = (trusted.issue("client", |_| {}), trusted.issue("client", |_| {}));
    let world = Renewal::new("said", &trusted, &first, acts(&trusted.server(), &trusted)).await;
    world.ask().await.unwrap();
    let log_thread = LogThread::start().unwrap();
    log_thread.log_for_this_thread();
    let lines = log::Lines::default();
    let _capture = lines.capture();
    for (file, content) in [("crt", &second.certificate), ("key", &second.key)] {
        world.write(file, content);
        world.pass(1);
        world.ask().await.unwrap();
    }
    assert_eq!(world.front.seen.lock().unwrap().last().unwrap(), &der(&second.certificate).to_vec());
    assert_eq!(lines.matching(&["certificates"]), 0, "{lines:?}");
}

#[tokio::test]
async fn a_certificate_that_is_not_accepted_is_tried_rarely_until_it_changes() {
    let (trusted, other) = (Authority::new("trusted"), Authority::new("other"));
    let client = trusted.issue("client", |_| {});
    let world = Renewal::new("refused", &trusted, &client, acts(&other.server(), &trusted)).await;
    let text = world.refused().await;
    assert!(text.contains("UnknownIssuer") && text.contains("certificate-authority"), "{text}");
    // Ten minutes of ten leases, with two requests a second each.
    for _ in 0..600 {
        for _ in 0..20 {
            world.refused().await;
        }
        world.pass(1);
    }
    let opened = world.front.opened.load(Ordering::Relaxed);
    assert!((8..=18).contains(&opened), "{opened}");
    // A changed certificate is tried at once.
    world.write("ca", &format!("{}{}", trusted.pem, other.pem));
    world.pass(1);
    world.ask().await.unwrap();
}

#[tokio::test]
async fn a_problem_of_a_certificate_is_reported_with_a_remedy() {
    let (trusted, other) = (Authority::new("trusted"), Authority::new("other"));
    let client = trusted.issue("client", |_| {});
    let expired = trusted.issue("127.0.0.1", |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    });
    let early = trusted.issue("127.0.0.1", |params| params.not_before = rcgen::date_time_ymd(4000, 1, 1));
    let misnamed = trusted.issue("api.example.com", |_| {});
    for (name, acts, hints) in [
        ("expired", acts(&expired, &trusted), ["xpired", "renew the API server's certificate"]),
        ("early", acts(&early, &trusted), ["alid", "clock"]),
        ("misnamed", acts(&misnamed, &trusted), ["alid for name", "tls-server-name"]),
        ("client", acts(&trusted.server(), &other), ["alert", "renew the client certificate"]),
    ] {
        let world = Renewal::new(name, &trusted, &client, acts).await;
        let text = world.refused().await;
        assert!(hints.iter().all(|hint| text.contains(hint)), "{name}: {text}");
    }
}
