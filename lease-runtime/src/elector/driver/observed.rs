//! What is remembered of a term for its events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;
use crate::elector::lease_ticks::LeaseTicks;
use crate::observer::{LeaseEvent, ObserverPort};
use crate::term::TermState;
use lease_protocol::election::Taken;
use lease_protocol::ticks::TaskTicks;

/// What is remembered for the events of a term.
#[derive(Default)]
pub(super) struct ObservedTerm {
    /// In which state the lease was taken, and since when it was free: as of the last acquiring write.
    pub(super) vacancy: Option<(Taken, Moment)>,
    /// The ticks that were recorded so far.
    pub(super) ticks: Arc<BTreeMap<String, TaskTicks>>,
    pub(super) ahead: Duration,
}

impl ObservedTerm {
    /// The status shows other ticks. The holder tells those that it has recorded.
    pub(super) fn show_ticks(
        &mut self,
        observer: &ObserverPort,
        now: &Arc<BTreeMap<String, TaskTicks>>,
        term_state: Option<&TermState>,
        ticking: &LeaseTicks,
    ) {
        let Some(term_state) = term_state.filter(|_| observer.is_wanted()) else { return };
        let before = std::mem::replace(&mut self.ticks, Arc::clone(now));
        for (task, ticks) in &**now {
            let old = before.get(task);
            if old == Some(ticks) {
                continue;
            }
            let added = ticks.counts().since(old.map(TaskTicks::counts).unwrap_or_default());
            let last_done = (added.done > 0).then(|| ticks.last().and_then(|run| run.ended)).flatten();
            observer.tell(|| LeaseEvent::TicksRecorded {
                lease: term_state.lease().clone(),
                task: task.as_str().into(),
                added,
                last_done,
                // Nobody runs the ticks of a record whose task is not here. At the end of a term, the tasks have left already.
                next: ticks.next().filter(|_| ticking.has(task) || term_state.is_cancelled()),
            });
        }
    }
}
