//! Makes connections.

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

/// How long to wait for one address before the next one is tried at the same time.
const NEXT_ADDRESS: Duration = Duration::from_millis(300);
/// How long to wait for a connection before another is tried at the same time: the first packets may have been lost.
const ANOTHER: Duration = Duration::from_secs(3);
/// How many are tried at the same time.
const TRIES: usize = 3;
/// The longest time for one. An overloaded server needs seconds for a handshake, and starting again would cost it another.
const LONGEST: Duration = Duration::from_secs(15);

/// A connection.
pub(super) enum Dialed {
    /// The server speaks HTTP/2 on it.
    Http2(TlsStream<TcpStream>),
    /// The server speaks HTTP/1.1 only.
    Http1(TlsStream<TcpStream>),
}

/// Makes connections to one API server.
pub(super) struct Dialer {
    host: String,
    port: u16,
    name: ServerName<'static>,
    tls: ClientConfig,
}

impl Dialer {
    pub(super) fn new(config: &Config) -> kube::Result<Dialer> {
        let host = config.cluster_url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = config.tls_server_name.clone().unwrap_or_else(|| host.clone());
        let name = ServerName::try_from(name).map_err(|error| kube::Error::Service(Box::new(error)))?;
        let tls = config.rustls_client_config()?;
        let port = config.cluster_url.port_u16().unwrap_or(443);
        Ok(Dialer { host, port, name, tls })
    }

    /// Makes a connection on which one of these protocols is used.
    pub(super) async fn dial(&self, protocols: &[&[u8]]) -> io::Result<Dialed> {
        let mut tls = self.tls.clone();
        tls.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let tls = TlsConnector::from(Arc::new(tls));
        let bounded = || async {
            let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {LONGEST:?}"));
            tokio::time::timeout(LONGEST, self.once(&tls)).await.map_err(late).flatten()
        };
        // After a failure, there is no other try here: the caller knows when to try again.
        first((0..TRIES).map(|_| bounded()), ANOTHER, false).await
    }

    async fn once(&self, tls: &TlsConnector) -> io::Result<Dialed> {
        let addresses: Vec<SocketAddr> = lookup_host((self.host.as_str(), self.port)).await?.collect();
        let tcp = first(addresses.into_iter().map(TcpStream::connect), NEXT_ADDRESS, true).await?;
        tcp.set_nodelay(true)?;
        let stream = tls.connect(self.name.clone(), tcp).await?;
        match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Ok(Dialed::Http2(stream)),
            _ => Ok(Dialed::Http1(stream)),
        }
    }
}

/// Starts the first of `tries`, and starts the next one whenever `pause` has passed, without ending those that still run. With
/// `after_failure`, also when one has failed. The first success counts. The error is that of the last failure.
async fn first<T, F: Future<Output = io::Result<T>>>(
    mut tries: impl Iterator<Item = F>,
    pause: Duration,
    after_failure: bool,
) -> io::Result<T> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name of the API server has no address");
    let mut begun = FuturesUnordered::from_iter(tries.next());
    let mut wait = pin!(tokio::time::sleep(pause));
    while !begun.is_empty() {
        let is_next = tokio::select! {
            biased;
            Some(ended) = begun.next() => match ended {
                Ok(made) => return Ok(made),
                Err(error) => {
                    last = error;
                    after_failure
                }
            },
            () = &mut wait => true,
        };
        if is_next {
            begun.extend(tries.next());
            wait.set(tokio::time::sleep(pause));
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn takes(millis: u64, ends: io::Result<u64>) -> io::Result<u64> {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        ends
    }

    fn refused() -> io::Result<u64> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_answers_nothing_does_not_keep_the_next_waiting() {
        let tries = [takes(9_000, Ok(1)), takes(10, Ok(2))];
        assert_eq!(first(tries.into_iter(), NEXT_ADDRESS, true).await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_slow_still_counts() {
        let tries = [takes(400, Ok(1)), takes(9_000, Ok(2))];
        assert_eq!(first(tries.into_iter(), NEXT_ADDRESS, true).await.unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_address_follows_one_that_refuses_and_no_other_try_does() {
        let tries = || [takes(1, refused()), takes(1, Ok(2))].into_iter();
        assert_eq!(first(tries(), ANOTHER, true).await.unwrap(), 2);
        assert_eq!(first(tries(), ANOTHER, false).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(
            first([takes(1, refused())].into_iter().skip(1), ANOTHER, true).await.unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }
}
