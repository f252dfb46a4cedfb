//! A service over HTTP refuses what an earlier leader sends, with the status 412.
//!
//! ```sh
//! cargo run --example fenced_http                          # against the Lease API in this process
//! cargo run --example fenced_http -- --kubeconfig FILE     # against a cluster of your choice
//! cargo test --example fenced_http                         # what the service checks, and where
//! ```
//!
//! The service has its state in memory. Each request has the header `Fencing-Token`. A leader is stopped while a request of it is
//! on its way. The next leader *raises* its token at the service, and writes. The first one continues, and the service refuses
//! its request. The program ends by itself in under a minute. It fails if the service has accepted a request after one with a
//! higher token.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::{post, put};
use hyper_util::rt::TokioIo;
use lease_examples::harness::{Harness, Outcome, WorkLog, overlaps, stop_the_leader, write_until_end};
use lease_runtime::fencing::{HighWater, Stale};
use lease_runtime::{Candidate, FencingToken, Term, leader_only, shutdown_signal};
use tokio::net::{TcpListener, TcpStream};

/// The same name at both ends. Names of headers have no upper case.
const HEADER: &str = "fencing-token";

// ---- the service, in one process: with several, its state and the token are in a database, as in `fenced_postgres`

#[derive(Default)]
struct Service {
    seen: HighWater,
    ledger: Mutex<Vec<(FencingToken, String)>>,
}

impl Service {
    /// Runs the effect if no higher token was seen. The check and the effect are under one lock, so no effect of a later leader
    /// comes between the two.
    fn fenced<T>(
        &self,
        token: FencingToken,
        effect: impl FnOnce(&mut Vec<(FencingToken, String)>) -> T,
    ) -> Result<T, Stale> {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        self.seen.admit(token)?;
        Ok(effect(&mut ledger))
    }
}

/// Status and text of a refusal.
type Refusal = (StatusCode, String);

fn token_of(headers: &HeaderMap) -> Result<FencingToken, Refusal> {
    let token = headers.get(HEADER).and_then(|token| token.to_str().ok()).unwrap_or_default();
    token.parse().map_err(|error| (StatusCode::BAD_REQUEST, format!("the header {HEADER}: {error}")))
}

/// The text is the highest token alone, for a program to read.
fn refused(stale: Stale) -> Refusal {
    (StatusCode::PRECONDITION_FAILED, stale.highest.to_string())
}

/// It takes the lock, too. So when it has answered, no earlier request is between its check and its effect.
async fn put_fence(State(service): State<Arc<Service>>, headers: HeaderMap) -> Result<(), Refusal> {
    service.fenced(token_of(&headers)?, |_| ()).map_err(refused)
}

async fn post_entry(State(service): State<Arc<Service>>, headers: HeaderMap, entry: String) -> Result<(), Refusal> {
    let token = token_of(&headers)?;
    service.fenced(token, |ledger| ledger.push((token, entry))).map_err(refused)
}

fn router(service: Arc<Service>) -> Router {
    Router::new().route("/fence", put(put_fence)).route("/ledger", post(post_entry)).with_state(service)
}

// ---- the leader

#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error("the service has seen token {highest}, and this is {sent}. This term is over: the body should return")]
    Fenced { sent: FencingToken, highest: String },
    #[error("the service answers {0}: {1}")]
    Answer(StatusCode, String),
    #[error("the request to the service: {0}")]
    Http(#[from] hyper::Error),
    #[error("the connection to the service: {0}")]
    Connect(#[from] std::io::Error),
}

/// Sends one request, on a connection of its own.
async fn send(address: SocketAddr, token: FencingToken, method: &str, path: &str, text: &str) -> Result<(), SendError> {
    let socket = TcpStream::connect(address).await?;
    let (mut client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    // It ends with the client. Its errors come out of the request, too.
    tokio::spawn(connection);
    let request =
        Request::builder().method(method).uri(path).header("host", "ledger").header(HEADER, token.to_string());
    let request = request.body(text.to_owned()).expect("constants, digits, and no names from elsewhere");
    let response = client.send_request(request).await?;
    let status = response.status();
    let answer = http_body_util::BodyExt::collect(response.into_body()).await?.to_bytes();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::PRECONDITION_FAILED => Err(SendError::Fenced { sent: token, highest: answer }),
        _ => Err(SendError::Answer(status, answer)),
    }
}

#[leader_only(lease = "fenced-http", lease_duration = "3s")]
async fn bookings(term: Term, service: SocketAddr, log: WorkLog) -> Result<(), SendError> {
    let token = term.fencing_token();
    // Before the term reads what it decides on. When it is answered, no request of an earlier term has an effect any more.
    send(service, token, "PUT", "/fence", "").await?;
    write_until_end(&term, &log, || send(service, token, "POST", "/ledger", "booking")).await
}

// ---- the scenario

const ADDRESS: &str = "LEDGER_ADDRESS";

/// One replica.
async fn replica(log: WorkLog) -> Outcome<()> {
    let service = std::env::var(ADDRESS)?.parse()?;
    let candidate = Candidate::from_env().await?;
    candidate.add(bookings(service, log));
    Ok(candidate.run_until(shutdown_signal()).await?)
}

#[tokio::main]
async fn main() -> Outcome<()> {
    if let Some(log) = WorkLog::of_this_replica()? {
        return replica(log).await;
    }
    let service = Arc::new(Service::default());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let mut harness = Harness::open("fenced-http").await?;
    harness.give(ADDRESS, listener.local_addr()?.to_string());
    tokio::spawn(axum::serve(listener, router(Arc::clone(&service))).into_future());

    let why = stop_the_leader(&mut harness, ["replica-1", "replica-2"]).await?;
    if !why.starts_with("the service has seen token") {
        return Err(format!("the late request has failed for another reason: {why}").into());
    }
    harness.close().await?;

    let backwards = backwards(&service.ledger.lock().unwrap_or_else(PoisonError::into_inner));
    println!("{backwards} requests were accepted after one with a higher token");
    let (terms, overlaps) = overlaps(harness.log()?);
    println!("{terms} terms");
    println!("overlaps: {overlaps}");
    if backwards + overlaps == 0 { Ok(()) } else { Err("the fence has a hole".into()) }
}

/// The entries after one with a higher token.
fn backwards(ledger: &[(FencingToken, String)]) -> usize {
    ledger.windows(2).filter(|pair| pair[1].0 < pair[0].0).count()
}

// ---- the tests

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const OLD: FencingToken = FencingToken::new(105);
    const NEW: FencingToken = FencingToken::new(260);

    async fn serve() -> (SocketAddr, Arc<Service>) {
        let service = Arc::new(Service::default());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, router(Arc::clone(&service))).into_future());
        (address, service)
    }

    #[tokio::test]
    async fn the_answer_is_412_and_the_highest_token() {
        let (address, service) = serve().await;
        send(address, OLD, "POST", "/ledger", "first").await.unwrap();
        send(address, NEW, "PUT", "/fence", "").await.unwrap();
        for (method, path) in [("POST", "/ledger"), ("PUT", "/fence")] {
            let late = send(address, OLD, method, path, "late").await;
            assert!(matches!(&late, Err(SendError::Fenced { sent: OLD, highest }) if highest == "260"), "{late:?}");
        }
        send(address, NEW, "POST", "/ledger", "second").await.unwrap();
        let ledger = service.ledger.lock().unwrap();
        assert_eq!(*ledger, [(OLD, "first".to_owned()), (NEW, "second".to_owned())]);
    }

    /// Without a raise, the service does not know of the next leader before its first write.
    #[tokio::test]
    async fn without_a_raise_a_late_request_is_accepted_beside_the_next_leader() {
        let (address, service) = serve().await;
        send(address, OLD, "POST", "/ledger", "first").await.unwrap();
        let read = service.ledger.lock().unwrap().len();
        send(address, OLD, "POST", "/ledger", "late").await.unwrap();
        assert!(service.ledger.lock().unwrap().len() > read, "what the next leader has read is still so");
    }

    /// An old request that has passed the check has its effect before a raise can be answered.
    #[test]
    fn a_raise_waits_for_an_effect_whose_check_has_passed() {
        let service = Service::default();
        let is_locked = service.fenced(OLD, |_| service.ledger.try_lock().is_err()).unwrap();
        assert!(is_locked, "a raise takes this lock");
    }

    /// A mutant of the service: the check is not under the lock. The old request is stopped in between.
    #[test]
    fn a_check_before_the_lock_is_no_fence() {
        let service = Service::default();
        service.seen.admit(OLD).unwrap();
        service.fenced(NEW, |ledger| ledger.push((NEW, "first".to_owned()))).unwrap();
        let mut ledger = service.ledger.lock().unwrap();
        ledger.push((OLD, "late".to_owned()));
        assert_eq!(backwards(&ledger), 1);
    }

    #[test]
    fn a_request_without_a_token_is_refused() {
        for (header, expected) in [("", "is empty"), ("+105", "the digits"), ("0", "not positive")] {
            let mut headers = HeaderMap::new();
            if !header.is_empty() {
                headers.insert(HEADER, HeaderValue::from_static(header));
            }
            let (status, text) = token_of(&headers).unwrap_err();
            assert_eq!(status, StatusCode::BAD_REQUEST);
            assert!(text.starts_with("the header fencing-token: ") && text.contains(expected), "{text}");
        }
    }
}
