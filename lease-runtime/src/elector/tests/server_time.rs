//! What an elector knows about the time of its API server, and that learning it costs its requests nothing.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::{Request, Response, header};
use k8s_openapi::api::coordination::v1::Lease;
use kube::client::Body;
use kube::{Api, Client};
use tower_service::Service;

use super::*;
use crate::clock::SystemClock;
use crate::elector::multiplexed::Multiplexed;
use crate::elector::process_memory::ProcessMemory;
use crate::elector::text::chain;
use crate::elector::thread::Host;
use crate::embedded::{ApiService, Fault};
use crate::observer::ObserverPort;

/// One election, and the server's time that its elector knows.
struct Watched {
    time: Arc<ServerTime>,
    election: ElectionHandle,
    clock: Arc<dyn Clock>,
}

impl Watched {
    fn new(client: Client, clock: &Arc<dyn Clock>) -> Watched {
        let (heartbeat, time) = (Heartbeat::new(Arc::clone(clock)), ServerTime::new(Arc::clone(clock)));
        let (elections, handed_in) = mpsc::unbounded_channel();
        let (kube_events, event_writer) = KubeEvents::open(Arc::clone(clock));
        let host = Host {
            handed_in,
            kube_events,
            event_writer,
            heartbeat: Arc::clone(&heartbeat),
            server_time: Arc::clone(&time),
            process_memory: ProcessMemory::default(),
            observer: ObserverPort::default(),
        };
        drop(tokio::spawn(host.run(client, Multiplexed::default())));
        let lease = LeaseId::new(NAMESPACE, LEASE);
        let (port, election) = ElectionPort::new(lease, Timing::default(), "a".into(), Arc::clone(clock), heartbeat);
        assert!(elections.send(HandedIn::Election(Box::new(port))).is_ok(), "the elector has ended");
        Watched { time, election, clock: Arc::clone(clock) }
    }

    /// How far the known time of the server is behind `wall`.
    fn behind(&self, wall: WallTime) -> Option<Duration> {
        let micros = wall.0 - self.time.at(self.clock.now())?.0;
        Some(Duration::from_micros(u64::try_from(micros).expect("ahead of the server")))
    }
}

/// The clock of the server is an hour ahead of ours.
#[tokio::test(start_paused = true)]
async fn the_servers_time_is_known_from_the_start_and_follows_its_clock() {
    let ours = TokioClock::starting_at(WallTime(1_700_000_000_000_000));
    let theirs = TokioClock::starting_at(WallTime(1_700_003_600_123_456));
    let api = EmbeddedApi::with(Settings::default().clock(theirs).seed(7));
    let clock: Arc<dyn Clock> = Arc::new(ours);
    let mut a = Watched::new(api.client_as("a", NAMESPACE), &clock);
    assert_eq!(a.behind(theirs.wall()), None);
    let term = a.election.terms.recv().await.unwrap();
    assert_eq!(a.behind(theirs.wall()), Some(Duration::from_micros(123_456)));
    for _ in 0..3_600 {
        millis(1_370).await;
        let behind = a.behind(theirs.wall()).unwrap();
        assert!(behind < Duration::from_secs(1), "{behind:?}");
    }
    // Refusals contain the time as well.
    api.inject(RequestMatcher::any(), Fault::status(503));
    let time = a.time.at(Moment::ZERO);
    secs(7).await;
    assert_ne!(a.time.at(Moment::ZERO), time);
    // An answer that takes long has the time at which it left, not the time of its request.
    api.clear_faults();
    let slow = api.inject(RequestMatcher::any(), Fault::none().slow_answer(Duration::from_secs(2)));
    slow.hit(1).await;
    for _ in 0..100 {
        millis(100).await;
        assert!(a.behind(theirs.wall()).unwrap() < Duration::from_secs(1));
    }
    // No answer comes: our own clock counts on.
    api.clear_faults();
    api.inject(RequestMatcher::any(), Fault::hang());
    let time = a.time.at(Moment::ZERO);
    secs(3_600).await;
    assert_eq!(a.time.at(Moment::ZERO), time);
    assert!(a.behind(theirs.wall()).unwrap() < Duration::from_secs(1));
    assert!(term.0.stop_reason().is_some());
}

/// An API behind something that removes the date from the answers.
struct Undated {
    api: ApiService,
    dated: Arc<AtomicBool>,
}

impl Service<Request<Body>> for Undated {
    type Response = Response<crate::embedded::Body>;
    type Error = crate::embedded::Dropped;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (answer, dated) = (self.api.call(request), Arc::clone(&self.dated));
        Box::pin(async move {
            let mut answer = answer.await?;
            if !dated.load(Ordering::Relaxed) {
                answer.headers_mut().remove(header::DATE);
            }
            Ok(answer)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn answers_without_a_date_leave_what_was_known() {
    let world = World::new();
    let dated = Arc::new(AtomicBool::new(false));
    let service = Undated { api: world.api.service(), dated: Arc::clone(&dated) };
    let mut a = Watched::new(Client::new(service, NAMESPACE), &world.clock);
    let term = a.election.terms.recv().await.unwrap();
    secs(60).await;
    assert_eq!(a.time.at(world.clock.now()), None);
    dated.store(true, Ordering::Relaxed);
    secs(10).await;
    dated.store(false, Ordering::Relaxed);
    let time = a.time.at(Moment::ZERO);
    assert!(time.is_some());
    secs(60).await;
    assert_eq!(a.time.at(Moment::ZERO), time);
    assert!(a.behind(world.clock.wall()).unwrap() < Duration::from_secs(1));
    assert!(term.0.stop_reason().is_none());
}

/// Over TCP, through a client that was built for elections, in real time.
#[tokio::test]
async fn the_servers_time_comes_over_tcp() {
    let api = EmbeddedApi::new();
    let server = api.serve(([127, 0, 0, 1], 0)).await.unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (client, _) = connect::client(kube::Config::new(server.url().parse().unwrap())).unwrap();
    let mut a = Watched::new(client, &clock);
    assert!(a.election.terms.recv().await.is_some());
    // On a busy machine, an answer may wait a while before it is read.
    assert!(a.behind(clock.wall()).unwrap() < Duration::from_secs(10));
}

fn listening(client: Client) -> Client {
    ServerTime::new(Arc::new(SystemClock)).listen(client)
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_is_given_up_behind_the_listener_too() {
    let world = World::new();
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let client = listening(world.api.client_as("a", NAMESPACE));
    assert_eq!(client.default_namespace(), NAMESPACE);
    let leases: Api<Lease> = Api::default_namespaced(client);
    world.api.inject(RequestMatcher::any(), Fault::none().delayed(Duration::from_secs(5)));
    let (options, lease) = (Default::default(), Lease::default());
    let request = leases.replace(LEASE, &options, &lease);
    assert!(tokio::time::timeout(Duration::from_secs(2), request).await.is_err());
    let entries = world.api.requests().entries();
    assert_eq!(entries.len(), 1);
    assert!(entries[0].ended.is_some_and(|ended| ended == world.clock.now()), "{entries:?}");
    secs(60).await;
    assert!(world.api.lease(NAMESPACE, LEASE).is_none(), "it has taken effect");
    // With the last client, the worker between them ends.
    drop(leases);
    until("the end of the workers", || tasks() == before).await;
}

/// A server that fails before it gets the request.
struct Fails(fn() -> Box<dyn std::error::Error + Send + Sync>);

impl Service<Request<Body>> for Fails {
    type Response = Response<Body>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = std::future::Ready<Result<Response<Body>, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        std::future::ready(Err((self.0)()))
    }
}

/// A problem of a request is recognised by its error, and reported with the text of that error.
#[tokio::test]
async fn errors_pass_the_listener_as_they_are() {
    let causes: [fn() -> Box<dyn std::error::Error + Send + Sync>; 4] = [
        || kube::client::AuthError::AuthExec("no such plugin".to_owned()).into(),
        || std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into(),
        || kube::Error::Auth(kube::client::AuthError::AuthExec("no such plugin".to_owned())).into(),
        || "something".into(),
    ];
    let lease = LeaseId::new(NAMESPACE, LEASE);
    let api = EmbeddedApi::new();
    let mut clients: Vec<Client> = causes.into_iter().map(|cause| Client::new(Fails(cause), NAMESPACE)).collect();
    // A connection that breaks in the middle of its answer.
    api.inject(RequestMatcher::any(), Fault::half_a_body());
    clients.push(api.client(NAMESPACE));
    for client in clients {
        let ask = async |client: Client| {
            let error = Api::<Lease>::default_namespaced(client).get(LEASE).await.unwrap_err();
            let problem = classify::watch(&error, &lease).0;
            (chain(&error), format!("{problem:?}"), format!("{error:?}"))
        };
        assert_eq!(ask(listening(client.clone())).await, ask(client).await);
    }
}
