//! One Event: what has happened, and the object that is sent.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use kube::api::ObjectMeta;

use crate::clock::WallTime;
use crate::elector::text::{cut, shown};
use crate::elector::wire::micro;
use crate::lease::LeaseId;
use lease_protocol::election::{StopReason, Version};

/// Who writes the Events.
const CONTROLLER: &str = "lease-runtime.dev/candidate";
/// The API server refuses a longer instance.
const LONGEST_INSTANCE: usize = 128;
/// The API server refuses a longer note.
const LONGEST_NOTE: usize = 1024;
/// The API server refuses a longer name.
const LONGEST_NAME: usize = 253;

/// Something that has happened, for an Event.
pub(super) struct KubeEvent {
    pub(super) lease: LeaseId,
    pub(super) identity: Arc<str>,
    /// The state of the Lease, if one was seen.
    pub(super) version: Option<Version>,
    /// When it happened, by the clock of the candidate.
    pub(super) at: WallTime,
    pub(super) what: Happening,
}

/// What has happened.
pub(super) enum Happening {
    BecameLeader,
    StoppedLeading,
    /// The term has ended, and this process did not wish it.
    LeaderLost(StopReason),
    /// A body of the task does not yield.
    TaskOverrun(Arc<str>),
    /// The task has failed, and its policy allows no more attempts. Half a sentence after its name says more.
    TaskExhausted(Arc<str>, String),
    /// Before the term, so many ticks of each task came due that were not run.
    TicksMissed(Vec<(String, u64)>),
}

impl KubeEvent {
    /// The object to send. `nonce` is new for each Event.
    pub(super) fn object(self, nonce: u64) -> Event {
        let (reason, action) = self.what.reason_and_action();
        let identity = shown(&self.identity).to_string();
        let note = self.what.note(&identity);
        let LeaseId { namespace, name } = &self.lease;
        let metadata = ObjectMeta {
            name: Some(event_name(name, nonce)),
            namespace: Some(namespace.to_string()),
            ..ObjectMeta::default()
        };
        let regarding = ObjectReference {
            api_version: Some("coordination.k8s.io/v1".to_owned()),
            kind: Some("Lease".to_owned()),
            namespace: Some(namespace.to_string()),
            name: Some(name.to_string()),
            resource_version: self.version.as_ref().map(|version| version.revision.to_string()),
            uid: self.version.map(|version| version.uid),
            ..ObjectReference::default()
        };
        Event {
            metadata,
            regarding: Some(regarding),
            event_time: Some(micro(self.at)),
            type_: Some(if self.what.is_normal() { "Normal" } else { "Warning" }.to_owned()),
            reason: Some(reason.to_owned()),
            action: Some(action.to_owned()),
            note: Some(cut(&note, LONGEST_NOTE).to_owned()),
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(cut(&identity, LONGEST_INSTANCE).to_owned()),
            ..Event::default()
        }
    }
}

impl Happening {
    fn is_normal(&self) -> bool {
        matches!(self, Happening::BecameLeader | Happening::StoppedLeading)
    }

    fn reason_and_action(&self) -> (&'static str, &'static str) {
        match self {
            Happening::BecameLeader => ("LeaderElection", "BecomeLeader"),
            Happening::StoppedLeading => ("LeaderElection", "StopLeading"),
            Happening::LeaderLost(_) => ("LeaderLost", "StopLeading"),
            Happening::TaskOverrun(_) => ("TaskOverrun", "StopTask"),
            Happening::TaskExhausted(..) => ("TaskExhausted", "RestartTask"),
            Happening::TicksMissed(_) => ("TicksMissed", "SkipTicks"),
        }
    }

    /// The words of the first two are those of client-go, so that searches for them find these too.
    fn note(&self, identity: &str) -> String {
        match self {
            Happening::BecameLeader => format!("{identity} became leader"),
            Happening::StoppedLeading => format!("{identity} stopped leading"),
            Happening::LeaderLost(reason) => format!("{identity} lost the lease: {reason}"),
            Happening::TaskOverrun(task) => format!(
                "task {} of {identity} still runs although its time is up: the lease is not released before it ends",
                shown(task)
            ),
            Happening::TaskExhausted(task, how) => format!("task {} of {identity} {how}", shown(task)),
            Happening::TicksMissed(tasks) => {
                let count: u64 = tasks.iter().map(|(_, count)| count).sum();
                let each: Vec<String> = tasks.iter().map(|(task, count)| format!("{} {count}", shown(task))).collect();
                format!("when {identity} became leader, ticks had been missed: {count} ({})", each.join(", "))
            }
        }
    }
}

/// The name of an Event: that of the lease, shortened if need be, and a part that is new for each Event.
fn event_name(lease: &str, nonce: u64) -> String {
    let nonce = format!("{nonce:016x}");
    let lease = cut(lease, LONGEST_NAME - 1 - nonce.len());
    // A part of the name that ends with a hyphen or is empty would not be valid.
    format!("{}.{nonce}", lease.trim_end_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lease_protocol::election::LossReason;

    fn event(lease: &str, identity: &str, what: Happening) -> Event {
        let version = Version { uid: "u-1".to_owned(), revision: 77 };
        let (lease, at) = (LeaseId::new("jobs", lease), WallTime(1_700_000_000_123_456));
        KubeEvent { lease, identity: identity.into(), version: Some(version), at, what }.object(0xab)
    }

    fn note(what: Happening) -> String {
        event("ledger", "pod-a", what).note.unwrap_or_default()
    }

    #[test]
    fn an_event_has_the_fields_by_which_kubectl_finds_and_shows_it() {
        let event = serde_json::to_value(event("ledger", "pod-a", Happening::BecameLeader)).expect("an object");
        let want = serde_json::json!({
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": { "name": "ledger.00000000000000ab", "namespace": "jobs" },
            "eventTime": "2023-11-14T22:13:20.123456Z",
            "type": "Normal",
            "reason": "LeaderElection",
            "action": "BecomeLeader",
            "note": "pod-a became leader",
            "reportingController": "lease-runtime.dev/candidate",
            "reportingInstance": "pod-a",
            "regarding": {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "namespace": "jobs",
                "name": "ledger",
                "uid": "u-1",
                "resourceVersion": "77",
            },
        });
        assert_eq!(event, want);
    }

    #[test]
    fn each_kind_says_what_has_happened() {
        assert_eq!(note(Happening::StoppedLeading), "pod-a stopped leading");
        let lost = StopReason::Lost(LossReason::TakenBy("b\n`".to_owned()));
        assert_eq!(note(Happening::LeaderLost(lost)), "pod-a lost the lease: the lease is held by `b\\n``");
        assert!(note(Happening::TaskOverrun("report".into())).starts_with("task report of pod-a still runs"));
        let how = "does not run again".to_owned();
        assert_eq!(note(Happening::TaskExhausted("report".into(), how)), "task report of pod-a does not run again");
        let missed = vec![("audit".to_owned(), 2), ("report".to_owned(), 40)];
        assert_eq!(
            note(Happening::TicksMissed(missed)),
            "when pod-a became leader, ticks had been missed: 42 (audit 2, report 40)"
        );
        for what in [
            Happening::LeaderLost(StopReason::RuntimeGone),
            Happening::TaskOverrun("a".into()),
            Happening::TaskExhausted("a".into(), String::new()),
            Happening::TicksMissed(Vec::new()),
        ] {
            assert_eq!(event("ledger", "pod-a", what).type_.as_deref(), Some("Warning"));
        }
    }

    #[test]
    fn long_and_hostile_text_becomes_a_valid_event() {
        let identity = format!("{}\n\u{1b}[2J", "é".repeat(127));
        let task = "日".repeat(2_000);
        let missed = (0..100).map(|number| (format!("{task}{number}"), u64::MAX / 200)).collect();
        for (lease, what) in [
            ("x".repeat(253), Happening::BecameLeader),
            (format!("{}.{}", "x".repeat(235), "y".repeat(17)), Happening::TaskOverrun(task.as_str().into())),
            (format!("{}--{}", "x".repeat(234), "y".repeat(17)), Happening::TicksMissed(missed)),
        ] {
            let event = event(&lease, &identity, what);
            let name = event.metadata.name.unwrap_or_default();
            assert!(lease_grammar::names::broken_by_lease_name(&name).is_none() && name.len() <= 253, "{name}");
            let (note, instance) = (event.note.unwrap_or_default(), event.reporting_instance.unwrap_or_default());
            assert!(note.len() <= 1024 && instance.len() <= 128 && !instance.is_empty(), "{note} {instance}");
            assert!(!note.contains(['\n', '\u{1b}']), "{note}");
        }
    }
}
