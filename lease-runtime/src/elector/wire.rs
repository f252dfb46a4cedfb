//! The Lease on the wire: reads objects as [`View`]s, and writes records into objects.

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DynamicObject, TypeMeta};
use serde_json::{Value, json};

use crate::clock::WallTime;
use crate::lease::LeaseId;
use lease_protocol::election::{FencingToken, NotAFencingToken, Record, Version, View};
use lease_protocol::handover::successor;

/// Reads an object of the API server as a Lease. Go can write times that this program cannot read, such as the end of the year
/// 9999. They do not make a Lease unreadable: an election only has to see that a time changes.
///
/// # Errors
///
/// If the object is not a Lease.
pub(super) fn lease(object: DynamicObject) -> Result<Lease, serde_json::Error> {
    let DynamicObject { metadata, mut data, .. } = object;
    let mut spec = data.get_mut("spec").map(Value::take).unwrap_or_default();
    for name in ["acquireTime", "renewTime"] {
        if let Some(time) = spec.get_mut(name)
            && let Some(text) = time.as_str()
            && text.parse::<Timestamp>().is_err()
        {
            *time = serde_json::to_value(micro(stand_in(text)))?;
        }
    }
    Ok(Lease { metadata, spec: serde_json::from_value(spec)? })
}

/// A time for a text that cannot be read as one. The same text gives the same time, and another text almost always another (rule C1).
fn stand_in(text: &str) -> WallTime {
    // FNV-1a, in the first two thousand years after 1970.
    const YEARS: u64 = 2_000 * 365 * 86_400;
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    WallTime(i64::try_from(hash % YEARS).unwrap_or(0) * 1_000_000)
}

/// The object to send.
pub(super) fn dynamic(lease: &Lease) -> Result<DynamicObject, serde_json::Error> {
    Ok(DynamicObject {
        types: Some(TypeMeta::resource::<Lease>()),
        metadata: lease.metadata.clone(),
        data: json!({ "spec": serde_json::to_value(&lease.spec)? }),
    })
}

/// The content of an object of the API server, if it is a state of `lease`.
pub(super) fn view(lease: &LeaseId, object: &Lease) -> Result<View, &'static str> {
    if object.metadata.name.as_deref() != Some(&lease.name) {
        return Err("it has another name");
    }
    let uid = object.metadata.uid.clone().filter(|uid| !uid.is_empty()).ok_or("it has no uid")?;
    let revision = revision(object.metadata.resource_version.as_deref())?;
    let record = object.spec.as_ref().map(record).unwrap_or_default();
    let successor = object.metadata.annotations.as_ref().and_then(successor).map(str::to_owned);
    Ok(View { version: Version { uid, revision }, record, successor })
}

/// A resourceVersion. Kubernetes promises an integer, and etcd's revisions end at `i64::MAX`. Anything else cannot be ordered or
/// is no fencing token, so it is an error.
pub(super) fn revision(text: Option<&str>) -> Result<u64, &'static str> {
    match text {
        None | Some("") => Err("it has no resourceVersion"),
        // Zero means "any version" in a request, and is never the version of an object.
        Some(text) => match text.parse::<FencingToken>() {
            Ok(revision) => Ok(revision.get()),
            Err(NotAFencingToken::TooHigh) => Err("its resourceVersion is above 9223372036854775807"),
            Err(_) => Err("its resourceVersion is not a positive integer"),
        },
    }
}

fn record(spec: &LeaseSpec) -> Record {
    Record {
        holder: spec.holder_identity.clone(),
        duration_seconds: spec.lease_duration_seconds,
        acquired: spec.acquire_time.as_ref().map(wall),
        renewed: spec.renew_time.as_ref().map(wall),
        transitions: spec.lease_transitions,
    }
}

/// Writes the five fields of the election, and leaves the others (`strategy`, `preferredHolder`) as they are.
pub(super) fn put(record: &Record, spec: &mut LeaseSpec) {
    spec.holder_identity = record.holder.clone();
    spec.lease_duration_seconds = record.duration_seconds;
    spec.acquire_time = record.acquired.map(micro);
    spec.renew_time = record.renewed.map(micro);
    spec.lease_transitions = record.transitions;
}

fn wall(time: &MicroTime) -> WallTime {
    WallTime(time.0.as_microsecond())
}

/// One second into the year 1, in microseconds. The year before it cannot be written, and Go reads the very beginning of this
/// year as "no time".
const EARLIEST: i64 = -62_135_596_799_000_000;

/// A time outside of the years that can be written becomes the nearest one that can. Elections do not compute with these times.
pub(super) fn micro(time: WallTime) -> MicroTime {
    MicroTime(Timestamp::from_microsecond(time.0.max(EARLIEST)).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
pub(super) mod tests {
    use super::lease as lease_of;
    use super::*;

    pub(in crate::elector) fn id() -> LeaseId {
        LeaseId { namespace: "jobs".into(), name: "ledger".into() }
    }

    pub(in crate::elector) fn object(spec: Value) -> Value {
        json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {
                "name": "ledger", "namespace": "jobs", "uid": "u-1", "resourceVersion": "41",
                "labels": { "team": "ledger" }, "annotations": { "note": "keep me" }, "finalizers": ["example.com/f"],
                "ownerReferences": [{ "apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u-2" }],
                "managedFields": [{ "manager": "kubectl", "operation": "Update" }],
            },
            "spec": spec,
        })
    }

    #[test]
    fn a_clock_that_is_far_off_writes_a_legal_time() {
        for (time, text) in
            [(i64::MIN, "0001-01-01T00:00:01"), (0, "1970-01-01T00:00:00"), (i64::MAX, "9999-12-30T22:00:00")]
        {
            let written = serde_json::to_value(micro(WallTime(time))).unwrap();
            assert!(written.as_str().is_some_and(|written| written.starts_with(text)), "{time}: {written}");
        }
    }

    fn of_go(renewed: &str) -> Lease {
        let object = object(json!({ "holderIdentity": "go", "leaseDurationSeconds": 15, "renewTime": renewed }));
        lease_of(serde_json::from_value(object).unwrap()).unwrap()
    }

    #[test]
    fn a_time_that_only_go_can_read_is_a_time() {
        let renewed = |text| view(&id(), &of_go(text)).unwrap().record.renewed;
        for text in ["9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00-23:59", "later", ""] {
            assert!(renewed(text).is_some() && renewed(text) == renewed(text), "{text}");
        }
        // A change of it is a change of the record.
        assert_ne!(renewed("9999-12-31T23:59:58Z"), renewed("9999-12-31T23:59:59Z"));
        assert_eq!(renewed("2023-11-14T22:13:25.000000Z"), Some(WallTime(1_700_000_005_000_000)));
    }
}
