//! Slow servers and dead connections, and how they are told apart: over real connections, in real time.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::*;

/// Longer than any test takes that ends at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server behind a link that can drop all bytes.
struct Front {
    client: Client,
    pool: Arc<Pool>,
    multiplexed: Multiplexed,
    link: Arc<Link>,
    /// How many requests the server has received on HTTP/2.
    received: watch::Receiver<usize>,
}

struct Link {
    opened: AtomicUsize,
    /// Connections with a number below this one are dead.
    dead_below: watch::Sender<usize>,
}

impl Front {
    async fn new(protocols: &[&str]) -> Front {
        Front::allowing(100, protocols).await
    }

    /// A server that allows so many streams on a connection.
    async fn allowing(streams: u32, protocols: &[&str]) -> Front {
        let (server, received) = serve(streams, protocols).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let link = Arc::new(Link { opened: AtomicUsize::new(0), dead_below: watch::Sender::new(0) });
        let shared = Arc::clone(&link);
        drop(tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let number = shared.opened.fetch_add(1, Ordering::Relaxed);
                let far = TcpStream::connect(server).await.unwrap();
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                drop(tokio::spawn(pass(near_in, far_out, number, shared.dead_below.subscribe())));
                drop(tokio::spawn(pass(far_in, near_out, number, shared.dead_below.subscribe())));
            }
        }));
        let mut config = Config::new(format!("https://{address}").parse().unwrap());
        config.accept_invalid_certs = true;
        let multiplexed = Multiplexed::default();
        let pool = pool(&config, &multiplexed).unwrap();
        let client = over(Arc::clone(&pool), &config).unwrap();
        Front { client, pool, multiplexed, link, received }
    }

    async fn ask(&self, path: &str) -> kube::Result<StatusCode> {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = tokio::time::timeout(PATIENCE, self.client.send(request)).await.expect("no answer at all")?;
        let status = answer.status();
        answer.into_body().collect().await?;
        Ok(status)
    }

    fn opened(&self) -> usize {
        self.link.opened.load(Ordering::Relaxed)
    }
}

/// Forwards bytes, unless the connection is dead.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    number: usize,
    mut dead_below: watch::Receiver<usize>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read) = from.read(&mut buffer).await
        && read > 0
    {
        dead_below.wait_for(|below| number >= *below).await.unwrap();
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// Answers at once, except for `/slow`, which takes four seconds, `/watch`, whose answer does not end, and `/never`. `/refused` is
/// refused if it is the first request, `/long` has an answer of eight megabytes, and `/last` ends the connection.
async fn serve(streams: u32, protocols: &[&str]) -> (SocketAddr, watch::Receiver<usize>) {
    let (counter, received) = watch::channel(0);
    let counter = Arc::new(counter);
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let mut tls = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![own.cert.into()], key).unwrap();
    tls.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let (tls, listener) = (TlsAcceptor::from(Arc::new(tls)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = listener.local_addr().unwrap();
    drop(tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (tls, counter) = (tls.clone(), Arc::clone(&counter));
            drop(tokio::spawn(async move {
                let Ok(mut stream) = tls.accept(tcp).await else { return };
                if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
                    let mut head = [0; 1024];
                    while stream.read(&mut head).await.is_ok_and(|read| read > 0) {
                        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                    }
                    return;
                }
                let mut connection =
                    h2::server::Builder::new().max_concurrent_streams(streams).handshake(stream).await.unwrap();
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    counter.send_modify(|received| *received += 1);
                    let is_first = *counter.borrow() == 1;
                    if request.uri().path() == "/last" {
                        return;
                    }
                    drop(tokio::spawn(async move {
                        if request.uri().path() == "/refused" && is_first {
                            return respond.send_reset(h2::Reason::REFUSED_STREAM);
                        }
                        if request.uri().path() == "/never" {
                            return std::future::poll_fn(|cx| respond.poll_reset(cx).map(drop)).await;
                        }
                        if request.uri().path() == "/slow" {
                            tokio::time::sleep(Duration::from_secs(4)).await;
                        }
                        let mut body = respond.send_response(Response::new(()), false).unwrap();
                        if request.uri().path() == "/watch" {
                            return std::future::pending().await;
                        }
                        let length = if request.uri().path() == "/long" { 8 << 20 } else { 2 };
                        let _ = body.send_data(Bytes::from(vec![b' '; length]), true);
                    }));
                }
            }));
        }
    }));
    (address, received)
}

#[tokio::test]
async fn all_requests_share_a_connection_and_a_slow_one_is_waited_for() {
    let front = Front::new(&["h2", "http/1.1"]).await;
    let (slow, quick) = tokio::join!(front.ask("/slow"), async {
        for _ in 0..20 {
            assert_eq!(front.ask("/").await.unwrap(), StatusCode::OK);
        }
    });
    let () = quick;
    assert_eq!(slow.unwrap(), StatusCode::OK);
    // Nothing else shows that the connection is alive, so a PING does.
    assert_eq!(front.ask("/slow").await.unwrap(), StatusCode::OK);
    assert_eq!((front.opened(), front.multiplexed.is_on()), (1, true));
}

#[tokio::test]
async fn a_connection_without_an_answer_to_a_ping_is_dead_if_another_can_be_made() {
    let front = Front::new(&["h2"]).await;
    front.ask("/").await.unwrap();
    front.link.dead_below.send_replace(1);
    let error = front.ask("/").await.unwrap_err();
    assert!(crate::elector::text::chain(&error).contains("answered no PING"), "{error:?}");
    front.ask("/").await.unwrap();
    assert_eq!(front.opened(), 2);
}

#[tokio::test]
async fn nothing_is_given_up_while_no_other_connection_can_be_made() {
    let front = Front::new(&["h2"]).await;
    front.ask("/").await.unwrap();
    front.link.dead_below.send_replace(usize::MAX);
    let back = async {
        // Until the server has been tried again and could not be reached.
        while front.opened() < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        front.link.dead_below.send_replace(0);
    };
    let (answer, ()) = tokio::join!(front.ask("/"), back);
    assert_eq!(answer.unwrap(), StatusCode::OK);
}

#[tokio::test]
async fn a_server_of_http1_is_spoken_to_on_the_connection_that_shows_it() {
    let front = Front::new(&["http/1.1"]).await;
    for _ in 0..3 {
        assert_eq!(front.ask("/").await.unwrap(), StatusCode::OK);
    }
    assert_eq!((front.opened(), front.multiplexed.is_on()), (1, false));
}

#[tokio::test]
async fn a_request_that_is_dropped_occupies_nothing() {
    // There is one stream, so each request needs the stream of the one before it.
    let front = Front::allowing(1, &["h2"]).await;
    let mut received = front.received.clone();
    for number in 1..=3 {
        tokio::select! {
            _ = front.ask("/never") => panic!("an answer"),
            arrived = received.wait_for(|received| *received >= number) => drop(arrived.unwrap()),
        }
    }
    assert_eq!(front.ask("/").await.unwrap(), StatusCode::OK);
    assert_eq!(front.opened(), 1);
}

#[tokio::test]
async fn a_watch_on_the_only_stream_of_a_connection_does_not_block_requests() {
    let front = Front::allowing(1, &["h2"]).await;
    let request = Request::get("/watch").body(Body::empty()).unwrap();
    let watch = front.client.send(request).await.unwrap();
    for _ in 0..3 {
        assert_eq!(front.ask("/").await.unwrap(), StatusCode::OK);
    }
    assert_eq!(front.opened(), 2);
    drop(watch);
}

#[tokio::test]
async fn an_answer_may_be_longer_than_the_windows_of_its_stream_and_its_connection() {
    let front = Front::new(&["h2"]).await;
    for _ in 0..2 {
        assert_eq!(front.ask("/long").await.unwrap(), StatusCode::OK);
    }
    assert_eq!(front.opened(), 1);
}

#[tokio::test]
async fn a_stream_that_the_server_refuses_is_sent_again() {
    let front = Front::new(&["h2"]).await;
    assert_eq!(front.ask("/refused").await.unwrap(), StatusCode::OK);
    assert_eq!((*front.received.borrow(), front.opened()), (2, 1));
}

#[tokio::test]
async fn a_request_that_chose_a_connection_just_before_it_ended_is_sent_on_another() {
    let front = Front::new(&["h2"]).await;
    front.ask("/").await.unwrap();
    let connections = || front.pool.state().connections.clone();
    let [ended] = &connections()[..] else { panic!("one connection") };
    front.ask("/last").await.unwrap_err();
    let forgotten = async {
        while !connections().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), forgotten).await.expect("a connection that has ended is forgotten");
    // As if the request had chosen it before.
    front.pool.keep(pool::DialOutcome::Http2(Arc::clone(ended)));
    assert_eq!(front.ask("/").await.unwrap(), StatusCode::OK);
    assert_eq!((front.opened(), connections().len()), (2, 1));
}
