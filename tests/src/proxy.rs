//! A TCP proxy that can be told to misbehave: the network between one replica and the API server.
//!
//! It forwards bytes and knows nothing of what they mean, so TLS passes through. It can refuse connections, swallow what
//! flows in either direction, delay it, and cut connections. What it swallows it keeps, as a network does that will send it
//! again: once it lets things pass again, late requests arrive.

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
    /// They vanish, for as long as this is so.
    Stall,
    /// They come later.
    Delay(Duration),
}

/// The state of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// Whether connections are accepted. If not, they are refused and those there are are reset.
    pub open: bool,
    /// From the replica to the API server.
    pub up: Flow,
    /// From the API server to the replica.
    pub down: Flow,
}

impl Link {
    /// All is well.
    pub const PASS: Link = Link { open: true, up: Flow::Pass, down: Flow::Pass };
    /// Nobody listens.
    pub const REFUSE: Link = Link { open: false, ..Link::PASS };
    /// Connections are accepted and nothing ever comes of them.
    pub const BLACK_HOLE: Link = Link { up: Flow::Stall, down: Flow::Stall, ..Link::PASS };
    /// Requests arrive and take effect, answers do not.
    pub const NO_ANSWERS: Link = Link { down: Flow::Stall, ..Link::PASS };
    /// Requests do not arrive; what the API server has to say does.
    pub const NO_REQUESTS: Link = Link { up: Flow::Stall, ..Link::PASS };

    /// Answers come so much later.
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
    /// The connections there are.
    connections: Mutex<CancellationToken>,
    end: CancellationToken,
    last_up: AtomicU64,
    last_down: AtomicU64,
    /// How many chunks have been handed to the replica.
    delivered: watch::Sender<u64>,
}

impl Proxy {
    /// A link to `upstream`, a host and a port. It ends when this is dropped.
    ///
    /// # Errors
    ///
    /// If no port can be had.
    pub fn start(upstream: &str, link: Link) -> io::Result<Proxy> {
        // Bound for good but never listening: connections to it are refused, and nobody else gets the port meanwhile.
        let reserve = bind(([127, 0, 0, 1], 0).into())?;
        let addr = reserve.local_addr()?;
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            link: watch::Sender::new(link),
            connections: Mutex::default(),
            end: CancellationToken::new(),
            last_up: AtomicU64::new(0),
            last_down: AtomicU64::new(0),
            delivered: watch::Sender::new(0),
        });
        // Here and not in the task: whoever is told the address may connect at once.
        let listener = if link.open { Some(bind(addr)?.listen(64)?) } else { None };
        let end = shared.end.clone();
        tokio::spawn(end.run_until_cancelled_owned(serve(shared.clone(), reserve, addr, listener)));
        Ok(Proxy { addr, shared })
    }

    /// Where the replica connects to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Changes the state of the link. Returns a moment after which it is in force: no byte that is sent later passes under
    /// the old one.
    pub fn set(&self, link: Link) -> Moment {
        self.shared.link.send_replace(link);
        if !link.open {
            self.cut();
        }
        now()
    }

    /// Resets all connections, and forgets what was under way. New ones are made as the link allows.
    pub fn cut(&self) {
        let mut current = self.shared.connections.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *current).cancel();
    }

    /// When the replica last sent something: every request that was answered by now was sent before.
    pub fn last_up(&self) -> Moment {
        Moment::from_nanos(self.shared.last_up.load(Ordering::SeqCst))
    }

    /// When the replica was last handed something.
    pub fn last_down(&self) -> Moment {
        Moment::from_nanos(self.shared.last_down.load(Ordering::SeqCst))
    }

    /// Returns when the replica is next handed something.
    pub async fn delivery(&self) {
        let mut delivered = self.shared.delivered.subscribe();
        delivered.borrow_and_update();
        // The sender is in `shared`.
        let _ = delivered.changed().await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.end.cancel();
        self.cut();
    }
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
            Err(error) => panic!("the proxy's own port cannot be listened on: {error}"),
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
        // Whoever closed the link meanwhile has cut the connections before this one.
        if shared.link.borrow().open {
            tokio::spawn(converse(shared.clone(), client, cut));
        }
    }
}

/// One connection.
async fn converse(shared: Arc<Shared>, mut client: TcpStream, cut: CancellationToken) {
    let mut link = shared.link.subscribe();
    let connect = async {
        // A connection attempt does not arrive where bytes do not.
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
        // Closing sends a reset, instead of an orderly end.
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

/// Looks for the cut first: what is held must not slip out when the link is mended right after it.
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

async fn pump(shared: &Shared, way: Way, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) {
    let (held, mut release) = mpsc::unbounded_channel::<(Moment, Bytes)>();
    let mut link = shared.link.subscribe();
    let read = async move {
        let mut buffer = BytesMut::with_capacity(16 << 10);
        while from.read_buf(&mut buffer).await.is_ok_and(|count| count > 0) {
            let at = now();
            if way == Way::Up {
                shared.last_up.store(at.as_nanos(), Ordering::SeqCst);
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
        while let Some((at, bytes)) = release.recv().await {
            pass(&mut link, way, at).await;
            if to.write_all(&bytes).await.is_err() {
                break;
            }
            if way == Way::Down {
                shared.last_down.store(now().as_nanos(), Ordering::SeqCst);
                shared.delivered.send_modify(|count| *count += 1);
            }
        }
        // The news that a side has closed takes the same way as its bytes.
        pass(&mut link, way, now()).await;
        let _ = to.shutdown().await;
    };
    tokio::join!(read, write);
}

/// Returns when what came at `at` may pass.
async fn pass(link: &mut watch::Receiver<Link>, way: Way, at: Moment) {
    loop {
        let flow = {
            let link = link.borrow_and_update();
            if way == Way::Up { link.up } else { link.down }
        };
        let wait = match flow {
            Flow::Pass => return,
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
