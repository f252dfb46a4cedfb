//! What a Lease itself shows.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kube::api::DynamicObject;
use lease_protocol::ticks::names::TASKS;

use super::clock::TOLERANCE;
use super::finding::{Finding, Status};
use crate::age::span;
use crate::lease::LeaseView;

/// Our name in the managed fields of a Lease.
const OURS: &str = "lease-runtime";
/// After a crash, others wait for so many seconds. More is hardly wanted.
const LONGEST_DURATION: i64 = 3600;

/// What is wrong with an object, whatever the time is.
pub(super) fn check(object: &DynamicObject) -> Vec<Finding> {
    let lease = LeaseView::read(object);
    let mut findings = vec![writers(object, &lease)];
    findings.extend(duration(&lease));
    findings.extend(owner(object, &lease));
    findings
}

/// Who has written the holder, according to the managed fields.
fn writers(object: &DynamicObject, lease: &LeaseView) -> Finding {
    let name = &lease.name;
    let entries = object.metadata.managed_fields.iter().flatten();
    let managers = entries.filter(|entry| {
        let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
        fields.is_some_and(|fields| !fields["f:spec"]["f:holderIdentity"].is_null())
    });
    let managers: BTreeSet<&str> = managers.filter_map(|entry| entry.manager.as_deref()).collect();
    let all = managers.iter().copied().collect::<Vec<_>>().join(", ");
    let of_ours = object.metadata.annotations.iter().flatten().any(|(annotation, _)| annotation == TASKS);
    if managers.is_empty() {
        return Finding::new(Status::Ok, format!("lease {name} does not say which program has written its holder"));
    }
    if managers.len() > 1 {
        let text = format!("the holder of lease {name} is written by {all}: give each program a lease of its own");
        return Finding::new(Status::Warning, text);
    }
    if all.starts_with("kubectl") {
        let text = format!(
            "the holder of lease {name} was last written by hand ({all}): let candidates write it, and use `kubectl lease-runtime \
             step-down` to move the leadership"
        );
        return Finding::new(Status::Warning, text);
    }
    if of_ours && all != OURS {
        let text = format!(
            "the holder of lease {name} was last written by {all}, and candidates of lease-runtime use this lease, too: give each program \
             a lease of its own"
        );
        return Finding::new(Status::Warning, text);
    }
    Finding::new(Status::Ok, format!("the holder of lease {name} is written by {all} alone"))
}

fn duration(lease: &LeaseView) -> Option<Finding> {
    lease.holder.as_ref()?;
    let name = &lease.name;
    let (status, text) = match lease.duration_seconds {
        None => (Status::Warning, format!("lease {name} has no duration: each candidate waits for as long as its own")),
        Some(..1) => (Status::Failed, format!("the duration of lease {name} is not positive: correct its holder")),
        Some(seconds) if seconds > LONGEST_DURATION => {
            let text = format!(
                "the duration of lease {name} is {}: for so long nobody leads after a crash; lower `lease_duration` of its holder",
                span(seconds)
            );
            (Status::Warning, text)
        }
        Some(_) => return None,
    };
    Some(Finding::new(status, text))
}

/// The garbage collector deletes a Lease with its owner, and the records of its ticks with it.
fn owner(object: &DynamicObject, lease: &LeaseView) -> Option<Finding> {
    let is_pod = |kind: &str| kind == "Pod";
    let pod = object.metadata.owner_references.iter().flatten().find(|owner| is_pod(&owner.kind))?;
    let (name, pod) = (&lease.name, &pod.name);
    if lease.ticks.is_empty() {
        let text =
            format!("lease {name} is deleted with the pod {pod}, which owns it: let the Deployment own it, or nobody");
        return Some(Finding::new(Status::Warning, text));
    }
    let text = format!(
        "lease {name} is deleted with the pod {pod}, which owns it, and the records of its ticks are lost then: let the Deployment own \
         it, or nobody"
    );
    Some(Finding::new(Status::Failed, text))
}

/// Whether the times of a Lease say that its holder has renewed it in time, or that there is no holder. A time of the future says
/// nothing: the holder may be gone, and its clock was ahead.
pub(super) fn seems_renewed(lease: &LeaseView, now: Timestamp) -> bool {
    match (lease.left_seconds(now), lease.duration_seconds) {
        (Some(left), Some(duration)) => left > 0 && left <= duration.saturating_add(TOLERANCE),
        _ => lease.holder.is_none(),
    }
}

/// A holder that has renewed in time, or nobody.
pub(super) fn renews(lease: &LeaseView) -> Finding {
    let name = &lease.name;
    match &lease.holder {
        None => Finding::new(Status::Ok, format!("lease {name} has no holder: any candidate may take it")),
        Some(holder) => Finding::new(Status::Ok, format!("lease {name} is held by {holder}, which renews it")),
    }
}

/// A holder that seemed to be silent, as it was before and after a wait. `looked_long`: a candidate would not have waited longer.
pub(super) fn is_silent(before: &LeaseView, after: &LeaseView, looked_long: bool) -> Finding {
    let name = &before.name;
    if after.holder.is_none() || before.renewal() != after.renewal() {
        let text = match &after.holder {
            None => return renews(after),
            Some(holder) => format!(
                "lease {name} is held by {holder}, which renews it, but its clock or that of this machine is wrong: correct it"
            ),
        };
        return Finding::new(Status::Warning, text);
    }
    let holder = after.holder.as_deref().unwrap_or_default();
    if !looked_long {
        let text = format!(
            "the holder {holder} of lease {name} seems to be silent, by its clock and that of this machine: look at its log. Its duration \
             is too long to wait for here"
        );
        return Finding::new(Status::Warning, text);
    }
    let text = format!(
        "the holder {holder} of lease {name} has not renewed it in its duration, and nobody has taken it: no other candidate runs, or the \
         candidates cannot write it; look at their logs"
    );
    Finding::new(Status::Failed, text)
}
