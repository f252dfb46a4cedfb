//! Runs samples of docs/around.md as the page shows them: servers that only the leader serves, and a pool of connections.

mod hyper;
#[cfg(unix)]
mod pool;
#[cfg(unix)]
mod postgres;
mod tonic;
mod web;

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lease_runtime::embedded::{EmbeddedApi, Fault};
use lease_runtime::{Candidate, LeaderTask};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

/// The orders of the samples. A test decides how long a payment takes.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    /// A payment needs one permit, and uses it up.
    may_end: Arc<Semaphore>,
    paid: Arc<Mutex<Vec<(u64, String)>>>,
    /// Each payment has a clone of the inner one from its beginning until it has ended or was dropped.
    under_way: Arc<Arc<()>>,
}

impl Orders {
    pub(crate) async fn pay(&self, order: u64, token: impl std::fmt::Display) {
        let _under_way = Arc::<()>::clone(&self.under_way);
        self.may_end.acquire().await.unwrap().forget();
        self.paid.lock().unwrap().push((order, token.to_string()));
    }

    fn under_way(&self) -> usize {
        Arc::<()>::strong_count(&self.under_way) - 1
    }
}

/// What was so when a release arrived at the API.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Release {
    port_open: bool,
    payments_under_way: usize,
}

/// A candidate with one server.
struct World {
    api: EmbeddedApi,
    lease: &'static str,
    candidate: Candidate,
    address: SocketAddr,
    /// Reserves the port. It does not listen, so another socket of this address may.
    _port: tokio::net::TcpSocket,
    orders: Orders,
    releases: Arc<Mutex<Vec<Release>>>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), lease_runtime::Error>>,
}

impl World {
    async fn start<E: std::fmt::Debug + Send + 'static>(
        lease: &'static str,
        task: impl FnOnce(Orders, SocketAddr) -> LeaderTask<Result<(), E>>,
    ) -> World {
        let port = tokio::net::TcpSocket::new_v4().unwrap();
        port.set_reuseaddr(true).unwrap();
        port.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = port.local_addr().unwrap();
        let orders = Orders { may_end: Arc::new(Semaphore::new(0)), paid: Arc::default(), under_way: Arc::default() };
        let api = EmbeddedApi::new();
        api.create_namespace("shop");
        let releases = Arc::<Mutex<Vec<Release>>>::default();
        let (seen, watched) = (Arc::clone(&releases), orders.clone());
        let _ = api.inject_with(move |request| -> Option<Fault> {
            if request.name.as_deref() == Some(lease) && request.holder() == Some("") {
                let payments_under_way = watched.under_way();
                seen.lock().unwrap().push(Release { port_open: is_open(address), payments_under_way });
            }
            None
        });
        let client = api.client_as("recipes", "shop");
        let candidate = Candidate::builder().client(client).namespace("shop").build().await.unwrap();
        candidate.add(task(orders.clone(), address));
        let (stop, stopped) = oneshot::channel::<()>();
        let run = candidate.clone();
        let running = tokio::spawn(async move {
            run.run_until(async move {
                let _ = stopped.await;
            })
            .await
        });
        let world = World { api, lease, candidate, address, _port: port, orders, releases, stop, running };
        world.until("an open port", |world| is_open(world.address)).await;
        world
    }

    /// Waits for what comes without a sign.
    async fn until(&self, what: &str, is_so: impl Fn(&World) -> bool) {
        let waiting = async {
            while !is_so(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap_or_else(|_| panic!("no end: {what}"));
    }

    async fn payment_is_under_way(&self) {
        self.until("a payment under way", |world| world.orders.under_way() == 1).await;
    }

    /// Lets this many payments end.
    fn let_end(&self, payments: usize) {
        self.orders.may_end.add_permits(payments);
    }

    /// The orders that were paid.
    fn paid(&self) -> Vec<u64> {
        self.orders.paid.lock().unwrap().iter().map(|(order, _)| *order).collect()
    }

    fn is_held(&self) -> bool {
        let lease = self.api.lease("shop", self.lease).and_then(|lease| lease.spec);
        lease.and_then(|spec| spec.holder_identity).is_some_and(|holder| !holder.is_empty())
    }

    /// Gives the lease up while a payment is under way, and returns when the port is closed.
    async fn step_down(&self) {
        assert!(self.candidate.step_down(self.lease), "it does not lead");
        self.until("a closed port", |world| !is_open(world.address)).await;
        assert!(self.releases.lock().unwrap().is_empty() && self.is_held(), "released while a payment is under way");
    }

    /// Waits for the release. Then the port was closed, and nothing was under way.
    async fn released(&self) {
        self.until("a release", |world| !world.releases.lock().unwrap().is_empty()).await;
        let first = self.releases.lock().unwrap()[0];
        assert_eq!(first, Release { port_open: false, payments_under_way: 0 });
    }

    async fn end(self) {
        let World { candidate, stop, running, .. } = self;
        drop(candidate);
        stop.send(()).unwrap();
        running.await.unwrap().unwrap();
    }
}

fn is_open(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

/// Sends a request of HTTP/1.1, and returns the first line of the answer. `None` if the connection ends before one.
async fn post(address: SocketAddr, path: &str) -> Option<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut connection = tokio::net::TcpStream::connect(address).await.ok()?;
    let request = format!("POST {path} HTTP/1.1\r\nHost: leader\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.ok()?;
    String::from_utf8_lossy(&answer).lines().next().map(str::to_owned)
}
