use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use kube::Api;
use kube::config::Config;
use serde_json::{Value, json};

use super::*;
use crate::clock::SystemClock;
use crate::elector::connect;
use crate::elector::server_time::ServerTime;
use lease_protocol::election::Version;

fn id() -> LeaseId {
    LeaseId::new("jobs", "ledger")
}

/// The meaning of a request that was answered with this error status.
fn refused(request_kind: RequestKind, status: Value) -> (Answer, Option<ElectorError>) {
    let status: Status = serde_json::from_value(status).unwrap();
    ended(request_kind, Err(kube::Error::Api(status.boxed())))
}

fn ended(request_kind: RequestKind, result: Result<Lease, kube::Error>) -> (Answer, Option<ElectorError>) {
    answer(request_kind, RequestOutcome::Ended(Box::new(result)), &mut RecentStates::new(id(), Arc::default()), &id())
}

/// The page of a proxy, as kube reads it.
fn page(code: u16) -> Value {
    json!({ "message": "<html>sorry</html>", "reason": "Failed to parse error data", "code": code })
}

const EACH: [RequestKind; 3] = [RequestKind::Get, RequestKind::Create, RequestKind::Replace];
const WRITES: [RequestKind; 2] = [RequestKind::Create, RequestKind::Replace];

fn kind(problem: &Option<ElectorError>) -> Option<&'static str> {
    problem.as_ref().map(ElectorError::kind)
}

#[test]
fn only_an_answer_of_kubernetes_makes_a_lease_missing() {
    let own = json!({
        "code": 404, "reason": "NotFound", "message": "leases.coordination.k8s.io \"ledger\" not found",
        "details": { "name": "ledger", "group": "coordination.k8s.io", "kind": "leases" },
    });
    let missing = Answer::Shown(Observation::Missing { revision: None });
    assert!(matches!(refused(RequestKind::Get, own), (answer, None) if answer == missing));
    // A wrong address, a proxy that lost its backend, a cluster without Leases: none of these ends a term.
    for not_it in [page(404), json!({ "code": 404, "reason": "NotFound", "message": "the server could not find it" })] {
        let (answer, problem) = refused(RequestKind::Get, not_it);
        assert_eq!((answer, kind(&problem)), (REFUSED, Some("rejected")));
    }
}

#[test]
fn a_missing_namespace_differs_from_a_missing_lease() {
    let status = json!({
        "code": 404, "reason": "NotFound", "message": "namespaces \"jobs\" not found",
        "details": { "name": "jobs", "kind": "namespaces" },
    });
    for request_kind in EACH {
        let (answer, problem) = refused(request_kind, status.clone());
        assert_eq!((answer, kind(&problem)), (REFUSED, Some("namespace_missing")), "{request_kind:?}");
    }
    let ending = json!({
        "code": 403, "reason": "Forbidden", "message": "unable to create new content in namespace jobs",
        "details": { "causes": [{ "reason": "NamespaceTerminating", "message": "namespace jobs is being terminated" }] },
    });
    assert_eq!(kind(&refused(RequestKind::Create, ending).1), Some("namespace_missing"));
}

#[test]
fn a_write_that_lost_the_race_is_a_conflict_and_no_problem() {
    for request_kind in WRITES {
        for status in [json!({ "code": 409, "reason": "Conflict" }), page(409)] {
            assert!(matches!(refused(request_kind, status), (Answer::Conflict, None)), "{request_kind:?}");
        }
    }
    // A write that names a uid, and an object that does not exist.
    assert!(matches!(refused(RequestKind::Replace, page(404)), (Answer::Conflict, None)));
    // A create of an object that exists.
    let exists = json!({
        "code": 422, "reason": "Invalid",
        "details": { "causes": [{ "field": "metadata.resourceVersion", "message": "must be specified for an update" }] },
    });
    assert!(matches!(refused(RequestKind::Create, exists), (Answer::Conflict, None)));
}

#[test]
fn an_invalid_write_is_not_a_conflict() {
    let invalid = json!({
        "code": 422, "reason": "Invalid", "message": "Lease is invalid",
        "details": { "causes": [{ "field": "spec.leaseDurationSeconds", "message": "must be greater than 0" }] },
    });
    // As a webhook may word it.
    let message = "admission webhook \"owners\" denied the request: no owner is named";
    let denied = json!({ "code": 422, "message": message });
    let clash = json!({ "code": 409, "reason": "Conflict", "message": message });
    for request_kind in WRITES {
        for status in [&invalid, &denied, &clash] {
            let (answer, problem) = refused(request_kind, status.clone());
            assert_eq!((answer, kind(&problem)), (REFUSED, Some("rejected")), "{request_kind:?}");
        }
    }
}

#[test]
fn a_refusal_that_asks_to_wait_says_how_long() {
    for code in [429, 503] {
        let status = json!({ "code": code, "reason": "ServiceUnavailable", "details": { "retryAfterSeconds": 7 } });
        for request_kind in EACH {
            let (answer, problem) = refused(request_kind, status.clone());
            let want = Answer::Refused { retry_after: Some(Duration::from_secs(7)), unreached: false };
            assert_eq!((answer, kind(&problem)), (want, Some("unavailable")), "{request_kind:?} {code}");
        }
    }
}

#[test]
fn a_write_that_a_server_failed_at_may_have_been_done() {
    let pages = [500, 502, 503, 504, 599].map(page);
    let own = [json!({ "code": 500, "reason": "InternalError" }), json!({ "code": 504, "reason": "Timeout" })];
    // No status at all: kube's result for a JSON body that is not a status.
    for status in pages.into_iter().chain(own).chain([json!({}), page(408)]) {
        for request_kind in WRITES {
            assert_eq!(refused(request_kind, status.clone()).0, Answer::Unknown, "{request_kind:?} {status}");
        }
    }
    for request_kind in WRITES {
        let timed_out = RequestOutcome::TimedOut(Duration::from_secs(3), None);
        let (answer, problem) = answer(request_kind, timed_out, &mut RecentStates::new(id(), Arc::default()), &id());
        assert_eq!((answer, kind(&problem)), (Answer::Unknown, Some("unreachable")));
    }
}

#[test]
fn denials_name_the_verb_that_was_needed() {
    for (request_kind, verb) in
        [(RequestKind::Get, "get"), (RequestKind::Create, "create"), (RequestKind::Replace, "update")]
    {
        let (answer, problem) = refused(request_kind, json!({ "code": 403 }));
        assert_eq!(answer, REFUSED);
        let Some(ElectorError::Forbidden(denial)) = problem else { panic!("{problem:?}") };
        assert_eq!(denial.verb, verb);
    }
    let (problem, _) = watch(&kube::Error::Api(Status::default().with_code(403).boxed()), &id());
    assert!(matches!(problem, ElectorError::Forbidden(denial) if denial.verb == "watch"));
    // For a 403 of a proxy, a Role would not help.
    assert_eq!(kind(&refused(RequestKind::Get, page(403)).1), Some("rejected"));
    assert_eq!(kind(&refused(RequestKind::Get, page(401)).1), Some("unauthorized"));
}

#[test]
fn an_answer_that_is_not_a_lease_proves_nothing() {
    for request_kind in EACH {
        let (answer, problem) = ended(request_kind, Ok(Lease::default()));
        assert_eq!((answer, kind(&problem)), (Answer::Unknown, Some("unreadable")), "{request_kind:?}");
    }
    let object = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": { "name": "ledger", "uid": "u", "resourceVersion": "9" }, "spec": { "holderIdentity": null },
    });
    let lease: Lease = serde_json::from_value(object).unwrap();
    let version = Version { uid: "u".into(), revision: 9 };
    assert!(
        matches!(ended(RequestKind::Get, Ok(lease.clone())), (Answer::Shown(Observation::Present(v)), None) if v.version == version)
    );
    assert!(matches!(ended(RequestKind::Replace, Ok(lease)), (Answer::Committed(v), None) if v.version == version));
}

/// Runs a write against a server that treats its one connection like this, and returns what the election makes of it.
async fn over_tcp(scheme: &str, serve: impl FnOnce(TcpStream) + Send + 'static) -> (Answer, Option<ElectorError>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || serve(listener.accept().unwrap().0));
    let result = put(&format!("{scheme}://{address}")).await;
    server.join().unwrap();
    ended(RequestKind::Replace, result)
}

async fn put(url: &str) -> Result<Lease, kube::Error> {
    let (client, _) = connect::client(Config::new(url.parse().unwrap())).unwrap();
    // As elections build it.
    let client = ServerTime::new(Arc::new(SystemClock)).listen(client);
    let api: Api<Lease> = Api::namespaced(client, "jobs");
    api.replace("ledger", &Default::default(), &Lease::default()).await
}

fn read_some(stream: &mut TcpStream) {
    assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
}

#[tokio::test]
async fn a_request_without_a_listener_was_never_sent() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (answer, problem) = ended(RequestKind::Replace, put(&format!("http://{closed}")).await);
    assert_eq!(answer, Answer::Refused { retry_after: None, unreached: true }, "{problem:?}");
    assert!(problem.unwrap().to_string().contains("onnection refused"));
}

#[cfg(feature = "http2")]
#[tokio::test]
async fn a_request_that_stopped_at_the_handshake_was_never_sent() {
    let (answer, problem) = over_tcp("https", |mut stream| {
        read_some(&mut stream);
        stream.write_all(b"I speak no TLS\n").unwrap();
    })
    .await;
    assert_eq!(answer, Answer::Refused { retry_after: None, unreached: true }, "{problem:?}");
}

#[tokio::test]
async fn a_request_that_was_sent_and_not_answered_may_have_been_done() {
    type Serve = fn(TcpStream);
    let ways: [(&str, Serve); 5] = [
        ("unreachable", |mut stream| read_some(&mut stream)),
        ("unreachable", |mut stream| {
            read_some(&mut stream);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{\"apiVersion\":").unwrap();
        }),
        ("unreadable", |mut stream| {
            read_some(&mut stream);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").unwrap();
        }),
        ("unreadable", |mut stream| {
            read_some(&mut stream);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n\xff\xfe").unwrap();
        }),
        ("unreachable", |mut stream| {
            read_some(&mut stream);
            stream.write_all(b"garbage\r\n\r\n").unwrap();
        }),
    ];
    for (n, (want, serve)) in ways.into_iter().enumerate() {
        let (answer, problem) = over_tcp("http", serve).await;
        assert_eq!((answer, kind(&problem)), (Answer::Unknown, Some(want)), "way {n}: {problem:?}");
    }
}

#[tokio::test]
async fn a_client_for_elections_asks_once() {
    let (answer, _) = over_tcp("http", |mut stream| {
        read_some(&mut stream);
        stream.write_all(b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbusy").unwrap();
        // The listener is gone with this connection. A second try would be refused, and give another answer.
    })
    .await;
    assert_eq!(answer, Answer::Unknown);
}
