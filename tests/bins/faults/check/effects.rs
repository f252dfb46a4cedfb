//! Effects: from `enter` to `leave`, in one poll of one body.

use std::collections::BTreeMap;

use lease_runtime::clock::Moment;
use lease_tests::log::Event;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Effect {
    pub(super) token: u64,
    pub(super) pid: u32,
    pub(super) enter: Moment,
    /// The same as `enter` if the process ended before it left.
    pub(super) leave: Moment,
}

/// All effects, by token and time.
pub(super) fn all(events: &[Event]) -> Vec<Effect> {
    let mut open: BTreeMap<(u64, u32), Effect> = BTreeMap::new();
    let mut effects = Vec::new();
    for event in events {
        let Event { token, pid, at, .. } = *event;
        if event.is("enter") {
            effects.extend(open.insert((token, pid), Effect { token, pid, enter: at, leave: at }));
        } else if event.is("leave") {
            effects.extend(open.remove(&(token, pid)).map(|effect| Effect { leave: at, ..effect }));
        }
    }
    effects.extend(open.into_values());
    effects.sort_by_key(|effect| (effect.token, effect.enter));
    effects
}
