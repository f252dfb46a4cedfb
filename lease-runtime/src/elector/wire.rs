//! The Lease on the wire: objects in, [`View`]s out, and the object that a write sends.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::{DynamicObject, TypeMeta};
use serde_json::{Value, json};

use crate::clock::WallTime;
use crate::lease::LeaseId;
use lease_protocol::election::{Record, Version, View};
use lease_protocol::ticks::{Annotations, Edits};

/// The last states of one Lease as they were read, whole: a write is a replacement of the whole object, so it has to send
/// back the labels, annotations, owners and every field of the spec that is not the election's.
///
/// An election writes on top of the newest state it knows, which is one of the last few; a write on top of an older one
/// would be a conflict anyway.
#[derive(Debug)]
pub(super) struct RecentStates {
    lease: LeaseId,
    labels: Arc<Labels>,
    objects: VecDeque<(Version, Lease)>,
}

/// What every Lease is labelled with that a candidate writes, unless it has a label of that key already.
pub(crate) type Labels = BTreeMap<String, String>;

/// How many states are kept: those that looks, writes and the watch may deliver out of order between two steps.
const KEPT: usize = 4;

impl RecentStates {
    pub(super) fn new(lease: LeaseId, labels: Arc<Labels>) -> RecentStates {
        RecentStates { lease, labels, objects: VecDeque::new() }
    }

    /// Reads an object of the API server and keeps it. `Err` says why it is not a state of this Lease; whatever stands
    /// in its *spec* is legal, for other programs write Leases too.
    pub(super) fn read(&mut self, mut object: Lease) -> Result<View, &'static str> {
        let view = view(&self.lease, &object)?;
        // Most of an object, and the server's to keep: a write that has none leaves them as they are.
        object.metadata.managed_fields = None;
        match self.objects.iter().position(|(version, _)| *version == view.version) {
            // The same state, read again. Move it to the end of the line.
            Some(at) => drop(self.objects.remove(at)),
            None if self.objects.len() == KEPT => drop(self.objects.pop_front()),
            None => {}
        }
        self.objects.push_back((view.version.clone(), object));
        Ok(view)
    }

    /// The object that creates the Lease. It names no uid and no version, so that the server refuses it if there is one. A
    /// Lease that was there before keeps its labels, since a policy may demand them.
    pub(super) fn creation(&self, record: &Record) -> Lease {
        let metadata = ObjectMeta {
            name: Some(self.lease.name.to_string()),
            namespace: Some(self.lease.namespace.to_string()),
            labels: self.objects.back().and_then(|(_, last)| last.metadata.labels.clone()),
            ..ObjectMeta::default()
        };
        let mut object = Lease { metadata, spec: None };
        self.label(&mut object);
        put(record, object.spec.get_or_insert_default());
        object
    }

    /// The object that replaces the state `base`, or `None` if that state is no longer kept. It names the uid and the
    /// version of `base`: the first keeps the write from creating a Lease that was deleted, the second from overwriting
    /// one that was changed. `edits` are what else is said, in annotations.
    pub(super) fn replacement(&self, base: &Version, record: &Record, edits: Edits) -> Option<Lease> {
        let mut object = self.object(base)?.clone();
        self.label(&mut object);
        put(record, object.spec.get_or_insert_default());
        if !edits.is_empty() {
            let annotations = object.metadata.annotations.get_or_insert_default();
            for (name, value) in edits {
                match value {
                    Some(value) => drop(annotations.insert(name, value)),
                    None => drop(annotations.remove(&name)),
                }
            }
        }
        Some(object)
    }

    /// Adds the labels that are missing. What somebody has set otherwise stays as it is.
    fn label(&self, object: &mut Lease) {
        if self.labels.is_empty() {
            return;
        }
        let labels = object.metadata.labels.get_or_insert_default();
        for (key, value) in &*self.labels {
            labels.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }

    /// The annotations of a state, if it is still kept.
    pub(super) fn annotations(&self, version: &Version) -> Option<&Annotations> {
        const NONE: &Annotations = &Annotations::new();
        Some(self.object(version)?.metadata.annotations.as_ref().unwrap_or(NONE))
    }

    fn object(&self, version: &Version) -> Option<&Lease> {
        self.objects.iter().find(|(kept, _)| kept == version).map(|(_, object)| object)
    }
}

/// Reads what the API server calls a Lease. Times that Go can write and this program cannot read, such as the end of the year
/// 9999, make no Lease unreadable: an election compares them with nothing, and only has to see that they change.
///
/// # Errors
///
/// If it is no Lease.
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

/// A time for one that cannot be read: the same for the same text, and another for another, or nearly so (rule C1).
fn stand_in(text: &str) -> WallTime {
    // FNV-1a, in the first two thousand years after 1970.
    const YEARS: u64 = 2_000 * 365 * 86_400;
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    WallTime(i64::try_from(hash % YEARS).unwrap_or(0) * 1_000_000)
}

/// An object as it is sent.
pub(super) fn dynamic(lease: &Lease) -> Result<DynamicObject, serde_json::Error> {
    Ok(DynamicObject {
        types: Some(TypeMeta::resource::<Lease>()),
        metadata: lease.metadata.clone(),
        data: json!({ "spec": serde_json::to_value(&lease.spec)? }),
    })
}

/// What an object of the API server says, if it is a state of `lease`.
pub(super) fn view(lease: &LeaseId, object: &Lease) -> Result<View, &'static str> {
    if object.metadata.name.as_deref() != Some(&lease.name) {
        return Err("it has another name");
    }
    let uid = object.metadata.uid.clone().filter(|uid| !uid.is_empty()).ok_or("it has no uid")?;
    let revision = revision(object.metadata.resource_version.as_deref())?;
    let record = object.spec.as_ref().map(record).unwrap_or_default();
    Ok(View { version: Version { uid, revision }, record })
}

/// A resourceVersion. Kubernetes promises an integer; what is none cannot be ordered, so it is no answer.
pub(super) fn revision(text: Option<&str>) -> Result<u64, &'static str> {
    match text {
        None | Some("") => Err("it has no resourceVersion"),
        // Zero is "any version" in a request and never the version of an object.
        Some(text) => match text.parse() {
            Ok(0) | Err(_) => Err("its resourceVersion is no positive integer"),
            Ok(revision) => Ok(revision),
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

/// Writes the election's five fields and leaves the others (`strategy`, `preferredHolder`) as they are.
fn put(record: &Record, spec: &mut LeaseSpec) {
    spec.holder_identity = record.holder.clone();
    spec.lease_duration_seconds = record.duration_seconds;
    spec.acquire_time = record.acquired.map(micro);
    spec.renew_time = record.renewed.map(micro);
    spec.lease_transitions = record.transitions;
}

fn wall(time: &MicroTime) -> WallTime {
    WallTime(time.0.as_microsecond())
}

/// One second into the year 1, in microseconds: the year before it cannot be written, and Go reads the very beginning of
/// this one as "no time".
const EARLIEST: i64 = -62_135_596_799_000_000;

/// Times outside of the years that can be written become the nearest that can: nobody computes with them.
fn micro(time: WallTime) -> MicroTime {
    MicroTime(Timestamp::from_microsecond(time.0.max(EARLIEST)).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::lease as lease_of;
    use super::*;

    fn id() -> LeaseId {
        LeaseId { namespace: "jobs".into(), name: "ledger".into() }
    }

    fn kept_of_ledger() -> RecentStates {
        RecentStates::new(id(), Arc::default())
    }

    fn object(spec: Value) -> Value {
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

    fn lease(spec: Value) -> Lease {
        serde_json::from_value(object(spec)).unwrap()
    }

    fn ours() -> Record {
        Record {
            holder: Some("a_1".into()),
            duration_seconds: Some(15),
            acquired: Some(WallTime(1_700_000_000_000_001)),
            renewed: Some(WallTime(1_700_000_005_000_000)),
            transitions: Some(3),
        }
    }

    #[test]
    fn a_write_changes_the_elections_fields_and_nothing_else() {
        let mut kept = kept_of_ledger();
        let read = json!({
            "holderIdentity": "b", "leaseTransitions": 2, "strategy": "OldestEmulationVersion", "preferredHolder": "c",
        });
        let view = kept.read(lease(read)).unwrap();
        let sent = serde_json::to_value(kept.replacement(&view.version, &ours(), Edits::new()).unwrap()).unwrap();
        let mut want = object(json!({
            "holderIdentity": "a_1", "leaseDurationSeconds": 15, "leaseTransitions": 3,
            "acquireTime": "2023-11-14T22:13:20.000001Z", "renewTime": "2023-11-14T22:13:25.000000Z",
            "strategy": "OldestEmulationVersion", "preferredHolder": "c",
        }));
        // The server goes on with its own.
        want["metadata"].as_object_mut().unwrap().remove("managedFields");
        assert_eq!(sent, want);
    }

    #[test]
    fn a_creation_names_neither_uid_nor_version() {
        let sent = kept_of_ledger().creation(&ours());
        assert_eq!((sent.metadata.uid, sent.metadata.resource_version), (None, None));
        assert_eq!(sent.metadata.name.as_deref(), Some("ledger"));
    }

    #[test]
    fn labels_are_added_and_never_changed() {
        let labels = Labels::from([("team".into(), "jobs".into()), ("example.com/tier".into(), "3".into())]);
        let mut kept = RecentStates::new(id(), Arc::new(labels));
        let labels = |lease: Lease| serde_json::to_value(lease.metadata.labels).unwrap();
        assert_eq!(labels(kept.creation(&ours())), json!({ "team": "jobs", "example.com/tier": "3" }));
        let view = kept.read(lease(json!({}))).unwrap();
        let replaced = kept.replacement(&view.version, &ours(), Edits::new()).unwrap();
        assert_eq!(labels(replaced), json!({ "team": "ledger", "example.com/tier": "3" }));
    }

    #[test]
    fn a_lease_that_was_deleted_is_created_with_the_labels_it_had() {
        let mut kept = kept_of_ledger();
        assert_eq!(kept.creation(&ours()).metadata.labels, None);
        kept.read(lease(json!({}))).unwrap();
        let created = serde_json::to_value(kept.creation(&ours()).metadata).unwrap();
        assert_eq!(created, json!({ "name": "ledger", "namespace": "jobs", "labels": { "team": "ledger" } }));
    }

    #[test]
    fn what_is_written_is_what_is_read_back() {
        let mut kept = kept_of_ledger();
        let view = kept.read(lease(json!({}))).unwrap();
        let sent = kept.replacement(&view.version, &ours(), Edits::new()).unwrap();
        assert_eq!(super::view(&id(), &sent).unwrap().record, ours());
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

    #[test]
    fn an_object_that_is_not_this_lease_is_no_answer() {
        for (path, value) in [
            ("/metadata/name", json!("other")),
            ("/metadata/name", Value::Null),
            ("/metadata/uid", json!("")),
            ("/metadata/uid", Value::Null),
            ("/metadata/resourceVersion", json!("")),
            ("/metadata/resourceVersion", json!("0")),
            ("/metadata/resourceVersion", json!("4x")),
            ("/metadata/resourceVersion", json!("-1")),
            ("/metadata/resourceVersion", json!("340282366920938463463374607431768211456")),
            ("/metadata/resourceVersion", Value::Null),
        ] {
            let mut object = object(json!({}));
            *object.pointer_mut(path).unwrap() = value.clone();
            let object = serde_json::from_value(object).unwrap();
            assert!(kept_of_ledger().read(object).is_err(), "{path} = {value}");
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

    #[test]
    fn what_is_sent_is_a_lease() {
        let mut kept = kept_of_ledger();
        let base = kept.read(lease(json!({ "strategy": "s" }))).unwrap();
        let sent = dynamic(&kept.replacement(&base.version, &ours(), Edits::new()).unwrap()).unwrap();
        let sent = serde_json::to_value(sent).unwrap();
        assert_eq!((&sent["apiVersion"], &sent["kind"]), (&json!("coordination.k8s.io/v1"), &json!("Lease")));
        assert_eq!((&sent["spec"]["holderIdentity"], &sent["spec"]["strategy"]), (&json!("a_1"), &json!("s")));
    }

    #[test]
    fn only_the_last_states_are_kept() {
        let mut kept = kept_of_ledger();
        let mut versions = Vec::new();
        for revision in 1..=20 {
            let mut object = lease(json!({}));
            object.metadata.resource_version = Some(revision.to_string());
            versions.push(kept.read(object).unwrap().version);
        }
        // Read again, it is the newest, and not there twice.
        let mut again = lease(json!({}));
        again.metadata.resource_version = Some("13".into());
        kept.read(again).unwrap();
        assert_eq!(kept.objects.len(), KEPT);
        let known: Vec<u64> = versions
            .iter()
            .filter(|v| kept.replacement(v, &ours(), Edits::new()).is_some())
            .map(|v| v.revision)
            .collect();
        assert_eq!(known, [13, 18, 19, 20]);
    }

    proptest! {
        /// Whatever stands in the five fields, reading is total, and so is writing it back.
        #[test]
        fn any_spec_is_legal(
            holder in any::<Option<String>>(),
            duration in any::<Option<i32>>(),
            transitions in any::<Option<i32>>(),
            times in any::<(Option<i64>, Option<i64>)>(),
        ) {
            let record = Record {
                holder, transitions, duration_seconds: duration,
                acquired: times.0.map(WallTime), renewed: times.1.map(WallTime),
            };
            let mut kept = kept_of_ledger();
            let base = kept.read(lease(Value::Null)).unwrap();
            let sent = kept.replacement(&base.version, &record, Edits::new()).unwrap();
            let text = serde_json::to_string(&sent).unwrap();
            let mut back = serde_json::from_str::<Lease>(&text).unwrap();
            back.metadata.resource_version = Some("42".into());
            let view = kept.read(back).unwrap();
            prop_assert_eq!(&view.record.holder, &record.holder);
            prop_assert_eq!(view.record.duration_seconds, record.duration_seconds);
            prop_assert_eq!(view.record.acquired.is_some(), record.acquired.is_some());
        }
    }
}
