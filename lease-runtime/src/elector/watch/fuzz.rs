//! Arbitrary bytes as a watch.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::ApiResource;
use lease_fuzz::Target;

use super::by_name::ByName;
use super::event::{WatchEvent, WatchStart};
use super::stream::StreamStart;
use crate::clock::{TokioClock, WallTime};
use crate::elector::fuzz::WORDS;
use crate::elector::fuzz::scripted::Scripted;
use crate::elector::wire;
use crate::elector::wire::tests::id;

/// No problem is told in more bytes, whatever the watch shows.
const LONGEST: usize = 4_000;

/// What a watch showed until it ended.
#[derive(Default)]
struct Shown {
    states: usize,
    deletions: usize,
    trouble: bool,
}

/// Follows a watch whose body is this, until it has ended.
async fn followed(body: &[u8]) -> Shown {
    let answer = Scripted { status: http::StatusCode::OK, headers: http::HeaderMap::new(), body: body.to_vec() };
    let api = Api::namespaced_with(answer.client_once(), "jobs", &ApiResource::erase::<Lease>(&()));
    let clock = Arc::new(TokioClock::starting_at(WallTime(1_700_000_000_000_000)));
    let mut watch = ByName::open(api, id(), clock, StreamStart { from: WatchStart::Now, tried: 0, lost: false });
    let mut shown = Shown::default();
    loop {
        // In virtual time. A watch that is silent and not lost would hang here.
        match tokio::time::timeout(Duration::from_secs(600), watch.next())
            .await
            .expect("an event, or the loss of the watch")
        {
            WatchEvent::Shows(lease) => {
                assert!(wire::view(&id(), &lease).is_ok(), "shows another lease: {lease:?}");
                shown.states += 1;
            }
            WatchEvent::Deleted { revision } => {
                assert!(revision > 0);
                shown.deletions += 1;
            }
            WatchEvent::Trouble(problem) => {
                let text = problem.to_string();
                assert!(text.len() <= LONGEST, "a problem is told in {} bytes", text.len());
                shown.trouble = true;
                return shown;
            }
            WatchEvent::Opened | WatchEvent::Lost | WatchEvent::Well => {}
        }
    }
}

fn check(input: &[u8]) -> &'static str {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let shown = runtime.block_on(followed(input));
    let lines = input.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    assert!(shown.states + shown.deletions <= lines, "{lines} lines show {} states", shown.states);
    match shown {
        Shown { deletions: 1.., .. } => "a deletion",
        Shown { states: 1.., .. } => "a state",
        _ => "nothing",
    }
}

const WATCH: Target = Target { name: "watch", words: WORDS, check, reaches: &["a state", "a deletion", "nothing"] };

#[test]
fn watch() {
    lease_fuzz::run(&WATCH);
}
