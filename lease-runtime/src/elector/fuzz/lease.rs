//! Arbitrary JSON as a Lease.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::DynamicObject;
use lease_fuzz::Target;
use lease_protocol::election::View;
use lease_protocol::ticks::Edits;
use serde_json::Value;

use crate::elector::recent_states::RecentStates;
use crate::elector::wire;
use crate::elector::wire::tests::id;

/// The duration of the candidate that reads.
const OWN: Duration = Duration::from_secs(15);

fn check(input: &[u8]) -> &'static str {
    let Ok(object) = serde_json::from_slice::<DynamicObject>(input) else { return "no object" };
    let said = object.data["spec"].clone();
    let Ok(lease) = wire::lease(object) else { return "no lease" };
    let mut states = RecentStates::new(id(), Arc::default());
    let Ok(view) = states.read(lease.clone()) else { return "another lease" };
    check_wait(&view, &said);
    let written = rewritten(&states, &view);
    let again = states.read(written.clone()).expect("what is written is a state of this lease");
    check_same(&lease, &written);
    assert_eq!(rewritten(&states, &again), written, "the second copy differs");
    if view.record.holder().is_some() { "held" } else { "free" }
}

/// C2: a field that cannot be used never shortens the wait, and one that can be used is the wait.
fn check_wait(view: &View, said: &Value) {
    let seconds = said["leaseDurationSeconds"].as_i64().filter(|seconds| (1..=i64::from(i32::MAX)).contains(seconds));
    let wait = seconds.map_or(OWN, |seconds| Duration::from_secs(seconds.unsigned_abs()));
    assert_eq!(view.record.duration_or(OWN), wait, "{said}");
    assert_eq!(view.record.holder.as_deref(), said["holderIdentity"].as_str(), "{said}");
}

/// The object that replaces this state by the same record, as it arrives at the server.
fn rewritten(states: &RecentStates, view: &View) -> Lease {
    let object = states.replacement(&view.version, &view.record, Edits::new()).expect("a state that was just read");
    let sent =
        serde_json::to_vec(&wire::dynamic(&object).expect("a Lease can be written")).expect("an object can be written");
    let received = serde_json::from_slice(&sent).expect("an object that was written can be read");
    wire::lease(received).expect("a Lease that was written can be read")
}

/// What was read and is written again is the same. Managed fields are not sent, and a time outside of the years that can be written
/// becomes another. The times of the metadata have whole seconds in the API, and are the server's: it ignores what a writer says.
fn check_same(read: &Lease, written: &Lease) {
    let plain = |lease: &Lease| {
        let mut lease = lease.clone();
        lease.metadata.managed_fields = None;
        (lease.metadata.creation_timestamp, lease.metadata.deletion_timestamp) = (None, None);
        let mut spec = lease.spec.unwrap_or_default();
        (spec.acquire_time, spec.renew_time) = (None, None);
        (lease.metadata, spec)
    };
    assert_eq!(plain(read), plain(written));
    let times = |lease: &Lease| {
        lease.spec.as_ref().map_or((false, false), |spec| (spec.acquire_time.is_some(), spec.renew_time.is_some()))
    };
    assert_eq!(times(read), times(written));
}

const LEASE: Target = Target {
    name: "lease",
    words: super::WORDS,
    check,
    reaches: &["no object", "no lease", "another lease", "held", "free"],
};

#[test]
fn lease() {
    lease_fuzz::run(&LEASE);
}
