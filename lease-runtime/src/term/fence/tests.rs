//! What is sent, and what the answers mean. The tests of the policies on a real API server are scenarios.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::BodyExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::client::Body;
use lease_protocol::election::{Deadlines, FencingToken, Grant};
use serde_json::Value;

use super::*;
use crate::clock::{Clock, Moment, TokioClock, WallTime};
use crate::lease::LeaseId;
use crate::term::{DrainToken, TermState};

/// A server that answers with these, the last one again and again, and remembers the requests.
#[derive(Clone, Default)]
struct Server {
    answers: Arc<Mutex<VecDeque<(u16, Value)>>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn with(answers: &[(u16, Value)]) -> (Server, Api<ConfigMap>) {
        let server = Server { answers: Arc::new(Mutex::new(answers.iter().cloned().collect())), ..Server::default() };
        let api = Api::namespaced(kube::Client::new(server.clone(), "shop"), "shop");
        (server, api)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl tower_service::Service<Request<Body>> for Server {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let server = self.clone();
        let answer = async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let line = format!("{} {} {}", parts.method, parts.uri, String::from_utf8_lossy(&body));
            server.requests.lock().unwrap().push(line.trim_end().to_owned());
            let mut answers = server.answers.lock().unwrap();
            let (code, body) = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }.unwrap();
            Ok(Response::builder().status(code).body(Body::from(body.to_string().into_bytes())).unwrap())
        };
        answer.boxed()
    }
}

/// A term with the token 260, and what keeps it.
fn term(clock: Arc<dyn Clock>, ends_at: Moment) -> (Term, DrainToken) {
    let deadlines = Deadlines { cancel_at: ends_at, drop_at: ends_at, hard_stop: ends_at };
    let grant = Grant { token: FencingToken::new(260), transitions: 0, deadlines };
    let (state, alive) = TermState::begin(LeaseId::new("shop", "orders"), "orders-a_uid_1".into(), &grant, clock);
    (Term::new(state), alive)
}

fn on_time() -> (Term, DrainToken) {
    term(Arc::new(TokioClock::starting_at(WallTime(0))), Moment::FAR)
}

fn prices(stamp: Option<&str>) -> (u16, Value) {
    let annotations = stamp.map(|stamp| json!({ "fence.lease-runtime.dev/orders": stamp, "other": "x" }));
    let metadata = json!({ "name": "prices", "annotations": annotations });
    (200, json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata }))
}

fn refusal(message: &str) -> (u16, Value) {
    (403, json!({ "kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden", "message": message }))
}

fn of_policy() -> (u16, Value) {
    refusal("configmaps \"prices\" is forbidden: ValidatingAdmissionPolicy 'shop.orders.holder' denied request: no")
}

#[test]
fn a_stamp_replaces_an_earlier_one_and_nothing_else() {
    let (term, _alive) = on_time_without_tokio();
    let mut metadata = ObjectMeta::default();
    term.stamp(&mut metadata);
    let key = "fence.lease-runtime.dev/orders".to_owned();
    assert_eq!(metadata.annotations, Some(BTreeMap::from([(key.clone(), "260".to_owned())])));
    let others = BTreeMap::from([(key.clone(), "105".to_owned()), ("other".to_owned(), "x".to_owned())]);
    metadata.annotations = Some(others.clone());
    term.stamp(&mut metadata);
    let mut wanted = others;
    wanted.insert(key, "260".to_owned());
    assert_eq!(metadata.annotations, Some(wanted));
}

fn on_time_without_tokio() -> (Term, DrainToken) {
    term(crate::term::testing::HandClock::new(), Moment::FAR)
}

#[tokio::test(start_paused = true)]
async fn a_touch_writes_the_annotation_alone_and_returns_the_object() {
    let (term, _alive) = on_time();
    let (server, api) = Server::with(&[prices(Some("260"))]);
    let touched = term.touch(&api, "prices").await.unwrap();
    assert_eq!(touched.metadata.name.as_deref(), Some("prices"));
    let patch = r#"{"metadata":{"annotations":{"fence.lease-runtime.dev/orders":"260"}}}"#;
    assert_eq!(server.requests(), [format!("PATCH /api/v1/namespaces/shop/configmaps/prices? {patch}")]);
}

#[tokio::test(start_paused = true)]
async fn verifying_changes_nothing() {
    let (term, _alive) = on_time();
    let (server, api) = Server::with(&[prices(Some("260"))]);
    term.verify_fence(&api, "prices").await.unwrap();
    assert!(server.requests()[0].contains("/prices?&dryRun=All "), "{:?}", server.requests());
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_learns_of_the_leader_late_does_no_harm() {
    let (term, _alive) = on_time();
    let (server, api) =
        Server::with(&[of_policy(), prices(Some("105")), of_policy(), prices(None), prices(Some("260"))]);
    term.touch(&api, "prices").await.unwrap();
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_refuses_its_own_leader_for_a_second_is_reported() {
    let (term, _alive) = on_time();
    let begun = term.now();
    let (server, api) = Server::with(&[]);
    // The refusal and the look at the object, again and again.
    let round = [of_policy(), prices(Some("105"))];
    server.answers.lock().unwrap().extend(round.into_iter().cycle().take(200));
    let error = term.verify_fence(&api, "prices").await.unwrap_err();
    assert_eq!(term.now().since(begun), PATIENCE);
    let FenceError::Refused { lease, identity, object, message } = &error else { panic!("{error}") };
    assert_eq!(
        (lease.to_string().as_str(), identity.as_str(), object.as_str()),
        ("shop/orders", "orders-a_uid_1", "prices")
    );
    assert!(message.contains("'shop.orders.holder' denied"), "{message}");
    for words in ["refuses what the leader of lease `shop/orders` writes to `prices`", "POD_UID", "keep-lease-params"] {
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_later_leader_is_reported_at_once() {
    let (term, _alive) = on_time();
    let (server, api) = Server::with(&[of_policy(), prices(Some("261"))]);
    let error = term.touch(&api, "prices").await.unwrap_err();
    let FenceError::Stale { stale, .. } = &error else { panic!("{error}") };
    assert_eq!((stale.sent.get(), stale.highest.get()), (260, 261));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_by_access_rules_is_not_tried_again() {
    let (term, _alive) = on_time();
    let (server, api) = Server::with(&[refusal("User \"x\" cannot patch resource \"configmaps\"")]);
    let error = term.touch(&api, "prices").await.unwrap_err();
    assert!(matches!(error, FenceError::Request { .. }), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_after_the_end_of_the_term() {
    let clock = TokioClock::starting_at(WallTime(0));
    let (ended, _alive) = term(Arc::new(clock), clock.now());
    let (server, api) = Server::with(&[prices(None)]);
    let error = ended.touch(&api, "prices").await.unwrap_err();
    assert!(matches!(error, FenceError::Lost(_)), "{error}");
    assert_eq!(server.requests(), [""; 0]);

    // The term ends while a policy refuses it.
    let (ending, _alive) = term(Arc::new(clock), clock.now() + PAUSE + PAUSE / 2);
    let (server, api) = Server::with(&[of_policy(), prices(None), of_policy(), prices(None), prices(None)]);
    let error = ending.touch(&api, "prices").await.unwrap_err();
    assert!(matches!(error, FenceError::Lost(_)), "{error}");
    assert_eq!(server.requests().len(), 4);
}
