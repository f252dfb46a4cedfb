//! Arbitrary answers to the requests of an election: status, headers and body.

use std::sync::Arc;

use lease_fuzz::Target;
use lease_protocol::election::{Answer, Observation, Record, Request, RequestId, Timing};
use lease_protocol::ticks::Edits;
use serde_json::{Value, json};

use super::scripted::Scripted;
use crate::clock::{Clock, Moment, TokioClock, WallTime};
use crate::elector::inflight::InFlight;
use crate::elector::multiplexed::Multiplexed;
use crate::elector::recent_states::RecentStates;
use crate::elector::requests::{Reply, Requests, SendContext};
use crate::elector::server_time::ServerTime;
use crate::elector::wire::tests::{id, object};

/// No problem is told in more bytes, whatever the answer contains.
const LONGEST: usize = 4_000;

/// Sends a request and receives this answer. Also returns the server's time.
async fn sent(answer: Scripted, write: bool) -> (Reply, Option<WallTime>) {
    let clock = Arc::new(TokioClock::starting_at(WallTime(1_700_000_000_000_000)));
    let time = ServerTime::new(clock.clone());
    let client = time.listen(answer.client());
    let mut states = RecentStates::new(id(), Arc::default());
    let base = states.read(serde_json::from_value(object(json!({}))).expect("a Lease")).expect("a state").version;
    let mut requests =
        Requests::new(client, states, id(), Timing::default(), Arc::new(InFlight::new(Multiplexed::default())));
    let record = Record { holder: Some("me".to_owned()), duration_seconds: Some(15), ..Record::default() };
    let request = if write { Request::Replace { base, record } } else { Request::Get };
    let context = SendContext { now: clock.now(), answers: 0, holds: true };
    requests.send(Some(RequestId(1)), &request, context, Edits::new());
    let reply = requests.next().await.expect("an answer");
    assert!(requests.is_empty());
    (reply, time.at(Moment::FAR))
}

/// The status that decides: kube takes the one in the body, if the body of an error is a Status.
fn code(answer: &Scripted) -> u16 {
    let status = serde_json::from_slice::<kube::core::Status>(&answer.body);
    match status {
        Ok(status) if answer.status.as_u16() >= 400 => status.code,
        _ => answer.status.as_u16(),
    }
}

/// Whether the body is a state of our Lease, as far as its metadata show.
fn is_a_state(answer: &Scripted) -> bool {
    let body = match serde_json::from_slice::<Value>(&answer.body) {
        Ok(body) => body,
        // This reading has a limit of depth also for fields that kube skips, so it says nothing about such a body.
        Err(error) if error.to_string().starts_with("recursion limit") => return true,
        Err(_) => return false,
    };
    let metadata = &body["metadata"];
    let has_revision =
        metadata["resourceVersion"].as_str().and_then(|text| text.parse::<i64>().ok()).is_some_and(|at| at > 0);
    metadata["name"] == "ledger" && metadata["uid"].as_str().is_some_and(|uid| !uid.is_empty()) && has_revision
}

/// Checks what the answer is taken for, beside a simpler reading of it.
fn check_meaning(answer: &Scripted, reply: &Reply, write: bool) -> &'static str {
    let code = code(answer);
    match &reply.answer {
        Answer::Committed(_) | Answer::Shown(Observation::Present(_)) => {
            assert!(answer.status.as_u16() < 400 && is_a_state(answer), "taken for a Lease: {answer:?}");
            assert_eq!(matches!(reply.answer, Answer::Committed(_)), write);
            "a lease"
        }
        Answer::Shown(Observation::Missing { .. }) => {
            let body = String::from_utf8_lossy(&answer.body);
            assert!(!write && code == 404 && body.contains("leases"), "taken for a missing Lease: {answer:?}");
            "missing"
        }
        Answer::Conflict => {
            assert!(write && matches!(code, 404 | 409 | 422), "taken for a conflict: {answer:?}");
            "a conflict"
        }
        Answer::Refused { .. } => {
            // Anything else leaves open whether a write took effect.
            let proves = (400..500).contains(&code) && code != 408 || code == 503;
            assert!(!write || proves, "taken for a refusal: {answer:?}");
            "a refusal"
        }
        Answer::Unknown => "unknown",
    }
}

fn check(input: &[u8]) -> &'static str {
    let answer = Scripted::read(input);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let mut result = "";
    for write in [false, true] {
        let (reply, time) = runtime.block_on(sent(answer.clone(), write));
        if let Some(Err(problem)) = &reply.served {
            let text = problem.to_string();
            assert!(text.len() <= LONGEST, "a problem is told in {} bytes", text.len());
        }
        let date = answer.headers.get(http::header::DATE).map(http::HeaderValue::as_bytes).unwrap_or_default();
        assert!(time.is_none() || date.ends_with(b"GMT"), "{date:?}");
        result = check_meaning(&answer, &reply, write);
        if result == "missing" {
            break;
        }
    }
    result
}

const ANSWER: Target = Target {
    name: "answer",
    words: super::WORDS,
    check,
    reaches: &["a lease", "missing", "a conflict", "a refusal", "unknown"],
};

#[test]
fn answer() {
    lease_fuzz::run(&ANSWER);
}
