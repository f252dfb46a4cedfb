//! The events of a watch, where it begins, and the times after which it counts as lost or as healthy.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;

use crate::elector::error::ElectorError;

/// How long there may be no watch before it counts as lost. The next one is normally open within milliseconds.
pub(super) const MOMENT: Duration = Duration::from_secs(1);
/// A watch that lasted this long was healthy. What went wrong before it is forgotten.
pub(super) const HEALTHY: Duration = Duration::from_secs(60);
/// After so long without an API server, the watch does not wait for its next try but reopens with the first request that
/// succeeds. In a shorter time its pauses have not grown much, and requests that sometimes fail must not make it retry faster.
pub(in crate::elector) const OUTAGE: Duration = Duration::from_secs(5);

/// Where a watch begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::elector) enum WatchStart {
    /// After this revision: it shows everything that came later.
    Revision(u64),
    /// At the present: it first shows what is there.
    Now,
}

/// An event of a watch.
#[derive(Debug)]
pub(in crate::elector) enum WatchEvent {
    /// The watch is open, again or for the first time.
    Opened,
    /// There has been no watch for longer than a moment.
    Lost,
    /// The watch has lasted, so what was wrong with it is over.
    Well,
    /// The Lease has this state.
    Shows(Arc<Lease>),
    /// The Lease was deleted.
    Deleted { revision: u64 },
    /// The watch is not open, for this reason. Sent for every try. A problem of the shared watch is not sent: it is logged once
    /// for all of its elections.
    Trouble(Box<ElectorError>),
}
