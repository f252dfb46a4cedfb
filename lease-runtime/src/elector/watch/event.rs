//! Where a watch begins and what it tells, and how long it takes to count as lost or as good.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;

use crate::elector::error::ElectorError;

/// How long there may be no watch before it counts as lost. The next one is normally open within milliseconds.
pub(super) const MOMENT: Duration = Duration::from_secs(1);
/// A watch that lasted this long was a good one, and whatever went wrong before it is forgotten.
pub(super) const HEALTHY: Duration = Duration::from_secs(60);
/// After so long without an API server, the watch does not wait for its next try but begins anew with the first request
/// that goes well. In less, its pauses have not grown much, and requests that fail by turns shall not make it hasty.
pub(in crate::elector) const OUTAGE: Duration = Duration::from_secs(5);

/// Where a watch begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::elector) enum WatchStart {
    /// After this revision: everything that came later is shown.
    Revision(u64),
    /// At the present: what is there is shown first.
    Now,
}

/// What a watch has to tell.
#[derive(Debug)]
pub(in crate::elector) enum WatchEvent {
    /// There is a watch again, or for the first time.
    Opened,
    /// There has been no watch for longer than a moment.
    Lost,
    /// The watch has lasted, and what was wrong with it is over.
    Well,
    /// The Lease has this state.
    Shows(Arc<Lease>),
    /// The Lease was deleted.
    Deleted { revision: u64 },
    /// This keeps the watch from being open. Told again for every try. What is wrong with the shared watch is told to nobody:
    /// it is said once, and not by each of its elections.
    Trouble(Box<ElectorError>),
}
