//! Arbitrary objects and answers of an API server.

mod answer;
mod lease;
pub(super) mod scripted;

/// Names of fields and values that mean something in a Lease, a Status and a watch.
pub(super) const WORDS: &[&str] = &[
    "spec",
    "metadata",
    "name",
    "ledger",
    "uid",
    "resourceVersion",
    "holderIdentity",
    "leaseDurationSeconds",
    "acquireTime",
    "renewTime",
    "leaseTransitions",
    "strategy",
    "preferredHolder",
    "labels",
    "annotations",
    "2026-11-29T10:00:00.000000Z",
    "0001-01-01T00:00:00.000000Z",
    "9999-12-31T23:59:59.999999Z",
    "ADDED",
    "DELETED",
    "BOOKMARK",
    "ERROR",
    "Status",
    "reason",
    "NotFound",
    "Conflict",
    "code",
    "details",
    "leases",
    "retryAfterSeconds",
];
