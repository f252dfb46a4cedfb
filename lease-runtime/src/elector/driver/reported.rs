//! What is remembered of a term for its Kubernetes Events.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::{Moment, WallTime};
use lease_protocol::ticks::TaskTicks;

/// What is remembered of a term until it is reported.
#[derive(Default)]
pub(super) struct ReportedTerm {
    /// Since when nothing of the term is left.
    pub(super) stopped: Option<WallTime>,
    pub(super) takeover: Option<Takeover>,
}

/// The ticks that this term has found missed are counted until its tasks have surely recorded them. So a handover has one Event,
/// however many ticks and tasks there are.
pub(super) struct Takeover {
    pub(super) until: Moment,
    /// The records when the term began.
    pub(super) ticks: Arc<BTreeMap<String, TaskTicks>>,
}
