//! The last states of a Lease, and the objects that replace them in writes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::wire::{put, view};
use crate::lease::LeaseId;
use lease_protocol::election::{Record, Version, View};
use lease_protocol::ticks::{Annotations, Edits};

/// The last states of one Lease, as whole objects. A write replaces the whole object, so it has to send back the labels,
/// annotations, owners and every field of the spec that does not belong to the election.
///
/// An election writes on top of the newest state that it knows, which is one of the last few. A write on top of an older state
/// would be a conflict anyway.
#[derive(Debug)]
pub(super) struct RecentStates {
    lease: LeaseId,
    metadata: Arc<LeaseMetadata>,
    objects: VecDeque<(Version, Lease)>,
}

/// Labels for every Lease that a candidate writes. A label with the same key that exists already is not changed.
pub(crate) type Labels = BTreeMap<String, String>;

/// What a candidate writes into the metadata of its Leases.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeaseMetadata {
    pub(crate) labels: Labels,
    /// The owner of the Leases in this namespace that the candidate creates. An object of another namespace cannot own a Lease.
    pub(crate) owner: Option<(Arc<str>, OwnerReference)>,
}

/// How many states are kept. Reads, writes and the watch may deliver so many out of order between two steps.
const MOST_STATES: usize = 4;

impl RecentStates {
    pub(super) fn new(lease: LeaseId, metadata: Arc<LeaseMetadata>) -> RecentStates {
        RecentStates { lease, metadata, objects: VecDeque::new() }
    }

    /// Reads an object of the API server and keeps it. `Err` says why it is not a state of this Lease. Any content of its *spec* is
    /// valid, because other programs write Leases too.
    pub(super) fn read(&mut self, mut object: Lease) -> Result<View, &'static str> {
        let view = view(&self.lease, &object)?;
        // They are most of an object. A write without them leaves them as they are.
        object.metadata.managed_fields = None;
        match self.objects.iter().position(|(version, _)| *version == view.version) {
            // The same state was read again. It moves to the end of the queue.
            Some(at) => drop(self.objects.remove(at)),
            None if self.objects.len() == MOST_STATES => drop(self.objects.pop_front()),
            None => {}
        }
        self.objects.push_back((view.version.clone(), object));
        Ok(view)
    }

    /// The object that creates the Lease. It names no uid and no version, so the server refuses it if the Lease exists. If there was
    /// a Lease before, its labels are used again, since a policy may demand them.
    pub(super) fn creation(&self, record: &Record) -> Lease {
        let metadata = ObjectMeta {
            name: Some(self.lease.name.to_string()),
            namespace: Some(self.lease.namespace.to_string()),
            labels: self.objects.back().and_then(|(_, last)| last.metadata.labels.clone()),
            owner_references: self.owner().map(|owner| vec![owner.clone()]),
            ..ObjectMeta::default()
        };
        let mut object = Lease { metadata, spec: None };
        self.label(&mut object);
        put(record, object.spec.get_or_insert_default());
        object
    }

    /// The object that replaces the state `base`, or `None` if that state is no longer kept. It names the uid and the version of
    /// `base`. With the uid, the write cannot create a Lease that was deleted. With the version, it cannot overwrite one that was
    /// changed. `edits` are changes of annotations.
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

    /// Adds the labels that are missing. Others may have set the same key to another value, which stays.
    fn label(&self, object: &mut Lease) {
        if self.metadata.labels.is_empty() {
            return;
        }
        let labels = object.metadata.labels.get_or_insert_default();
        for (key, value) in &self.metadata.labels {
            labels.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }

    /// The owner of the Lease if this process creates it.
    fn owner(&self) -> Option<&OwnerReference> {
        let (namespace, owner) = self.metadata.owner.as_ref()?;
        (*namespace == self.lease.namespace).then_some(owner)
    }

    /// The annotations of a state, if it is still kept.
    pub(super) fn annotations(&self, version: &Version) -> Option<&Annotations> {
        const NONE: &Annotations = &Annotations::new();
        Some(self.object(version)?.metadata.annotations.as_ref().unwrap_or(NONE))
    }

    fn object(&self, version: &Version) -> Option<&Lease> {
        self.objects.iter().find(|(stored, _)| stored == version).map(|(_, object)| object)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::WallTime;
    use crate::elector::wire::dynamic;
    use crate::elector::wire::tests::{id, object};

    fn recent_states() -> RecentStates {
        RecentStates::new(id(), Arc::default())
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
        let mut states = recent_states();
        let read = json!({
            "holderIdentity": "b", "leaseTransitions": 2, "strategy": "OldestEmulationVersion", "preferredHolder": "c",
        });
        let view = states.read(lease(read)).unwrap();
        let sent = serde_json::to_value(states.replacement(&view.version, &ours(), Edits::new()).unwrap()).unwrap();
        let mut want = object(json!({
            "holderIdentity": "a_1", "leaseDurationSeconds": 15, "leaseTransitions": 3,
            "acquireTime": "2023-11-14T22:13:20.000001Z", "renewTime": "2023-11-14T22:13:25.000000Z",
            "strategy": "OldestEmulationVersion", "preferredHolder": "c",
        }));
        // The server adds its own managed fields.
        want["metadata"].as_object_mut().unwrap().remove("managedFields");
        assert_eq!(sent, want);
    }

    #[test]
    fn a_creation_names_neither_uid_nor_version() {
        let sent = recent_states().creation(&ours());
        assert_eq!((sent.metadata.uid, sent.metadata.resource_version), (None, None));
        assert_eq!(sent.metadata.name.as_deref(), Some("ledger"));
    }

    #[test]
    fn labels_are_added_and_never_changed() {
        let labels = Labels::from([("team".into(), "jobs".into()), ("example.com/tier".into(), "3".into())]);
        let metadata = LeaseMetadata { labels, owner: None };
        let mut states = RecentStates::new(id(), Arc::new(metadata));
        let labels = |lease: Lease| serde_json::to_value(lease.metadata.labels).unwrap();
        assert_eq!(labels(states.creation(&ours())), json!({ "team": "jobs", "example.com/tier": "3" }));
        let view = states.read(lease(json!({}))).unwrap();
        let replaced = states.replacement(&view.version, &ours(), Edits::new()).unwrap();
        assert_eq!(labels(replaced), json!({ "team": "ledger", "example.com/tier": "3" }));
    }

    #[test]
    fn a_lease_that_was_deleted_is_created_with_the_labels_it_had() {
        let mut states = recent_states();
        assert_eq!(states.creation(&ours()).metadata.labels, None);
        states.read(lease(json!({}))).unwrap();
        let created = serde_json::to_value(states.creation(&ours()).metadata).unwrap();
        assert_eq!(created, json!({ "name": "ledger", "namespace": "jobs", "labels": { "team": "ledger" } }));
    }

    #[test]
    fn what_is_written_is_what_is_read_back() {
        let mut states = recent_states();
        let view = states.read(lease(json!({}))).unwrap();
        let sent = states.replacement(&view.version, &ours(), Edits::new()).unwrap();
        assert_eq!(super::view(&id(), &sent).unwrap().record, ours());
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
            ("/metadata/resourceVersion", json!("+1")),
            ("/metadata/resourceVersion", json!("9223372036854775808")),
            ("/metadata/resourceVersion", json!("340282366920938463463374607431768211456")),
            ("/metadata/resourceVersion", Value::Null),
        ] {
            let mut object = object(json!({}));
            *object.pointer_mut(path).unwrap() = value.clone();
            let object = serde_json::from_value(object).unwrap();
            assert!(recent_states().read(object).is_err(), "{path} = {value}");
        }
    }

    #[test]
    fn what_is_sent_is_a_lease() {
        let mut states = recent_states();
        let base = states.read(lease(json!({ "strategy": "s" }))).unwrap();
        let sent = dynamic(&states.replacement(&base.version, &ours(), Edits::new()).unwrap()).unwrap();
        let sent = serde_json::to_value(sent).unwrap();
        assert_eq!((&sent["apiVersion"], &sent["kind"]), (&json!("coordination.k8s.io/v1"), &json!("Lease")));
        assert_eq!((&sent["spec"]["holderIdentity"], &sent["spec"]["strategy"]), (&json!("a_1"), &json!("s")));
    }

    #[test]
    fn only_the_last_states_are_kept() {
        let mut states = recent_states();
        let mut versions = Vec::new();
        for revision in 1..=20 {
            let mut object = lease(json!({}));
            object.metadata.resource_version = Some(revision.to_string());
            versions.push(states.read(object).unwrap().version);
        }
        // Read again, it is the newest state, and kept only once.
        let mut again = lease(json!({}));
        again.metadata.resource_version = Some("13".into());
        states.read(again).unwrap();
        assert_eq!(states.objects.len(), MOST_STATES);
        let known: Vec<u64> = versions
            .iter()
            .filter(|v| states.replacement(v, &ours(), Edits::new()).is_some())
            .map(|v| v.revision)
            .collect();
        assert_eq!(known, [13, 18, 19, 20]);
    }

    proptest! {
        /// Any content of the five fields can be read, and written back.
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
            let mut states = recent_states();
            let base = states.read(lease(Value::Null)).unwrap();
            let sent = states.replacement(&base.version, &record, Edits::new()).unwrap();
            let text = serde_json::to_string(&sent).unwrap();
            let mut back = serde_json::from_str::<Lease>(&text).unwrap();
            back.metadata.resource_version = Some("42".into());
            let view = states.read(back).unwrap();
            prop_assert_eq!(&view.record.holder, &record.holder);
            prop_assert_eq!(view.record.duration_seconds, record.duration_seconds);
            prop_assert_eq!(view.record.acquired.is_some(), record.acquired.is_some());
        }
    }
}
