//! A TCP proxy with faults: it simulates the network between one replica and the API server.
//!
//! It forwards bytes without parsing them, so TLS passes through. It can refuse connections, hold back, delay or slow down the
//! bytes in either direction, and cut connections, whole or half. Bytes that it holds back are not lost, as in a network that sends them again: when the
//! link passes bytes again, late requests arrive.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use lease_runtime::clock::Moment;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::log::now;

/// What happens to bytes in one direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// They pass.
    Pass,
    /// They are held back until the link passes bytes again.
    Stall,
    /// They are delayed.
    Delay(Duration),
    /// Few of them pass at a time, as to a receiver that reads slowly.
    Trickle {
        /// How many pass at a time.
        bytes: usize,
        /// The time between them.
        every: Duration,
    },
}

/// The state of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// Whether connections are accepted. If not, new ones are refused and existing ones are reset.
    pub open: bool,
    /// From the replica to the API server.
    pub up: Flow,
    /// From the API server to the replica.
    pub down: Flow,
}

impl Link {
    /// No faults.
    pub const PASS: Link = Link { open: true, up: Flow::Pass, down: Flow::Pass };
    /// Connections are refused.
    pub const REFUSE: Link = Link { open: false, ..Link::PASS };
    /// Connections are accepted, and no bytes pass.
    pub const BLACK_HOLE: Link = Link { up: Flow::Stall, down: Flow::Stall, ..Link::PASS };
    /// Requests arrive and take effect, answers do not.
    pub const NO_ANSWERS: Link = Link { down: Flow::Stall, ..Link::PASS };
    /// Requests do not arrive. Bytes from the API server do.
    pub const NO_REQUESTS: Link = Link { up: Flow::Stall, ..Link::PASS };

    /// Answers are delayed by this much.
    pub const fn slow(delay: Duration) -> Link {
        Link { down: Flow::Delay(delay), ..Link::PASS }
    }
}

/// A link between one replica and the API server.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Host and port.
    upstream: String,
    link: watch::Sender<Link>,
    /// The open connections.
    connections: Mutex<CancellationToken>,
    /// Those on which the API server can still say something.
    whole: Mutex<CancellationToken>,
    end: CancellationToken,
    last_up: AtomicU64,
    last_down: AtomicU64,
    /// How many chunks the replica has sent.
    sent: AtomicU64,
    /// How many chunks the replica has received.
    delivered: watch::Sender<u64>,
}

impl Proxy {
    /// A link to `upstream`, a host and a port. It ends when this is dropped.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub fn start(upstream: &str, link: Link) -> io::Result<Proxy> {
        // This socket keeps the port bound and never listens: connections are refused, and no other program gets the port.
        let reserve = bind(([127, 0, 0, 1], 0).into())?;
        let addr = reserve.local_addr()?;
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            link: watch::Sender::new(link),
            connections: Mutex::default(),
            whole: Mutex::default(),
            end: CancellationToken::new(),
            last_up: AtomicU64::new(0),
            last_down: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            delivered: watch::Sender::new(0),
        });
        // Listens here and not in the task, because the replica may connect as soon as this function returns.
        let listener = if link.open { Some(bind(addr)?.listen(64)?) } else { None };
        let end = shared.end.clone();
        tokio::spawn(end.run_until_cancelled_owned(serve(shared.clone(), reserve, addr, listener)));
        Ok(Proxy { addr, shared })
    }

    /// The address to which the replica connects.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Changes the state of the link. Returns a time after which the new state applies to all bytes.
    pub fn set(&self, link: Link) -> Moment {
        self.shared.link.send_replace(link);
        if !link.open {
            self.cut();
        }
        now()
    }

    /// Resets all connections and drops the bytes that were held back. The state of the link applies to new connections.
    pub fn cut(&self) {
        renew(&self.shared.connections);
    }

    /// Ends all connections on one side: the replica sees the end of what the API server says, and can still send.
    pub fn half_close(&self) {
        renew(&self.shared.whole);
    }

    /// When the replica last sent bytes. Every request that has been answered was sent before that.
    pub fn last_up(&self) -> Moment {
        Moment::from_nanos(self.shared.last_up.load(Ordering::SeqCst))
    }

    /// When the replica last received bytes.
    pub fn last_down(&self) -> Moment {
        Moment::from_nanos(self.shared.last_down.load(Ordering::SeqCst))
    }

    /// How many chunks of bytes the replica has sent: at least one for each request that it did not send together with another.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }

    /// Waits until the replica receives bytes.
    pub async fn delivery(&self) {
        let mut delivered = self.shared.delivered.subscribe();
        delivered.borrow_and_update();
        // `shared` owns the sender, so this cannot fail.
        let _ = delivered.changed().await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.end.cancel();
        self.cut();
    }
}

/// Cancels what has this token, and gives what comes later another one.
fn renew(token: &Mutex<CancellationToken>) {
    let mut current = token.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *current).cancel();
}

fn bind(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(addr)?;
    Ok(socket)
}

async fn serve(shared: Arc<Shared>, reserve: TcpSocket, addr: SocketAddr, mut first: Option<TcpListener>) {
    let mut link = shared.link.subscribe();
    loop {
        if !link.borrow_and_update().open {
            first = None;
            if link.changed().await.is_err() {
                break;
            }
            continue;
        }
        let listener = first.take().map_or_else(|| bind(addr).and_then(|socket| socket.listen(64)), Ok);
        let listener = match listener {
            Ok(listener) => listener,
            Err(error) => panic!("the proxy cannot listen on its port: {error}"),
        };
        let closed = async { link.wait_for(|link| !link.open).await.is_err() };
        tokio::select! {
            biased;
            over = closed => if over { break },
            () = accept(&shared, &listener) => {}
        }
    }
    drop(reserve);
}

async fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let cut = shared.connections.lock().unwrap_or_else(PoisonError::into_inner).child_token();
        // If the link was closed meanwhile, the other connections were cut before this one existed.
        if shared.link.borrow().open {
            tokio::spawn(converse(shared.clone(), client, cut));
        }
    }
}

/// One connection.
async fn converse(shared: Arc<Shared>, mut client: TcpStream, cut: CancellationToken) {
    let mut link = shared.link.subscribe();
    let connect = async {
        // If bytes do not arrive, neither does a connection attempt.
        pass(&mut link, Way::Up, now()).await;
        TcpStream::connect(&shared.upstream).await
    };
    let Some(Ok(mut server)) = unless_cut(&cut, connect).await else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let talk = async {
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        tokio::join!(pump(&shared, Way::Up, from_client, to_server), pump(&shared, Way::Down, from_server, to_client),);
    };
    if unless_cut(&cut, talk).await.is_none() {
        // Closing sends a reset instead of a regular end.
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

/// Checks the cut first: bytes that are held back must not pass when the link is repaired right after the cut.
async fn unless_cut<T>(cut: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = cut.cancelled() => None,
        done = work => Some(done),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

impl Way {
    fn of(self, link: &Link) -> Flow {
        if self == Way::Up { link.up } else { link.down }
    }
}

async fn pump(shared: &Shared, way: Way, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) {
    let (held, mut release) = mpsc::unbounded_channel::<(Moment, Bytes)>();
    let mut link = shared.link.subscribe();
    let whole = shared.whole.lock().unwrap_or_else(PoisonError::into_inner).child_token();
    let read = async move {
        let mut buffer = BytesMut::with_capacity(16 << 10);
        while from.read_buf(&mut buffer).await.is_ok_and(|count| count > 0) {
            let at = now();
            if way == Way::Up {
                shared.last_up.store(at.as_nanos(), Ordering::SeqCst);
                shared.sent.fetch_add(1, Ordering::SeqCst);
            }
            if held.send((at, buffer.split().freeze())).is_err() {
                break;
            }
            buffer.reserve(16 << 10);
        }
        // Tells the writer that this side has closed.
        drop(held);
    };
    let write = async move {
        while let Some(Some((at, bytes))) = unless_ended(way, &whole, release.recv()).await {
            let written = unless_ended(way, &whole, deliver(&mut link, way, at, bytes, &mut to)).await;
            if written.is_none_or(|written| written.is_err()) {
                break;
            }
            if way == Way::Down {
                shared.last_down.store(now().as_nanos(), Ordering::SeqCst);
                shared.delivered.send_modify(|count| *count += 1);
            }
        }
        // The end of a direction is delayed like its bytes.
        let _ = unless_ended(way, &whole, pass(&mut link, way, now())).await;
        let _ = to.shutdown().await;
    };
    tokio::join!(read, write);
}

/// Like [`unless_cut`], for the direction that a half-closed connection ends.
async fn unless_ended<T>(way: Way, whole: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    if way == Way::Down { unless_cut(whole, work).await } else { Some(work.await) }
}

/// Writes the bytes that arrived at `at`, as the link lets them pass.
async fn deliver(
    link: &mut watch::Receiver<Link>,
    way: Way,
    at: Moment,
    mut bytes: Bytes,
    to: &mut WriteHalf<'_>,
) -> io::Result<()> {
    while !bytes.is_empty() {
        pass(link, way, at).await;
        let flow = way.of(&link.borrow());
        let count = match flow {
            Flow::Trickle { bytes: count, every } => {
                tokio::time::sleep(every).await;
                count.clamp(1, bytes.len())
            }
            _ => bytes.len(),
        };
        to.write_all(&bytes.split_to(count)).await?;
    }
    Ok(())
}

/// Waits until the bytes that arrived at `at` may pass.
async fn pass(link: &mut watch::Receiver<Link>, way: Way, at: Moment) {
    loop {
        let flow = way.of(&link.borrow_and_update());
        let wait = match flow {
            Flow::Pass | Flow::Trickle { .. } => return,
            Flow::Stall => Duration::MAX,
            Flow::Delay(delay) => (at + delay).after(now()),
        };
        if wait.is_zero() {
            return;
        }
        tokio::select! {
            biased;
            changed = link.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(wait) => {}
        }
    }
}
