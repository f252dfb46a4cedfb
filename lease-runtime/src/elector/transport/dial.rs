//! Making a connection.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use kube::Config;
use kube::client::ConfigExt;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

/// How long to wait for one address before the next one is tried beside it.
const NEXT_ADDRESS: Duration = Duration::from_millis(300);
/// How long to wait for a connection before another is tried beside it: the first packets may have been lost.
const ANOTHER: Duration = Duration::from_secs(3);
/// How many are tried beside each other.
const TRIES: usize = 3;
/// How long one may take. A starved server needs seconds for a handshake, and starting over would cost it another.
const LONGEST: Duration = Duration::from_secs(15);

/// A connection.
pub(super) enum Dialed {
    /// The server speaks HTTP/2 on it.
    Http2(TlsStream<TcpStream>),
    /// The server speaks HTTP/1.1 only.
    Http1,
}

/// Makes connections to one API server.
pub(super) struct Dialer {
    host: String,
    port: u16,
    name: ServerName<'static>,
    tls: Arc<ClientConfig>,
}

impl Dialer {
    pub(super) fn new(config: &Config) -> kube::Result<Dialer> {
        let host = config.cluster_url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = config.tls_server_name.clone().unwrap_or_else(|| host.clone());
        let name = ServerName::try_from(name).map_err(|error| kube::Error::Service(Box::new(error)))?;
        let mut tls = config.rustls_client_config()?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let port = config.cluster_url.port_u16().unwrap_or(443);
        Ok(Dialer { host, port, name, tls: Arc::new(tls) })
    }

    /// Makes a connection. The first try that succeeds counts; the error is that of the last one that failed.
    pub(super) async fn dial(&self) -> io::Result<Dialed> {
        let bounded = || async {
            let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {LONGEST:?}"));
            tokio::time::timeout(LONGEST, self.once()).await.map_err(late).flatten()
        };
        first((0..TRIES).map(|_| bounded()), ANOTHER).await
    }

    async fn once(&self) -> io::Result<Dialed> {
        let addresses: Vec<SocketAddr> = lookup_host((self.host.as_str(), self.port)).await?.collect();
        let tcp = first(addresses.into_iter().map(TcpStream::connect), NEXT_ADDRESS).await?;
        tcp.set_nodelay(true)?;
        let tls = TlsConnector::from(Arc::clone(&self.tls)).connect(self.name.clone(), tcp).await?;
        match tls.get_ref().1.alpn_protocol() {
            Some(b"h2") => Ok(Dialed::Http2(tls)),
            _ => Ok(Dialed::Http1),
        }
    }
}

/// Begins with the first of `tries`, and begins the next beside it whenever `pause` has passed or one has failed. Whichever
/// succeeds first counts.
async fn first<T, F: Future<Output = io::Result<T>>>(tries: impl Iterator<Item = F>, pause: Duration) -> io::Result<T> {
    let mut tries = tries.fuse();
    let mut begun = FuturesUnordered::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name of the API server has no address");
    begun.extend(tries.next());
    loop {
        let mut wait = pin!(tokio::time::sleep(pause));
        let mut more = true;
        while more && !begun.is_empty() {
            tokio::select! {
                biased;
                Some(ended) = begun.next() => match ended {
                    Ok(made) => return Ok(made),
                    Err(error) => (last, more) = (error, false),
                },
                () = &mut wait, if more => more = false,
            }
        }
        match tries.next() {
            // One that was refused at once is not knocked at again at once: the caller knows when.
            Some(next) if !begun.is_empty() || last.kind() != io::ErrorKind::ConnectionRefused => begun.push(next),
            _ if begun.is_empty() => return Err(last),
            _ => {
                while let Some(ended) = begun.next().await {
                    match ended {
                        Ok(made) => return Ok(made),
                        Err(error) => last = error,
                    }
                }
            }
        }
    }
}
