//! Limits the age of instants to the point from which they do not matter any more.

use std::time::Duration;

use lease_protocol::election::{Answer, Map, Observation, Record, RequestId, Stamp};
use lease_runtime::clock::{Moment, WallTime};

use crate::config::Config;
use crate::mutant::Mutant;
use crate::node::{NOW, Node};

/// The smallest distance that a comparison can detect.
const INSTANT: Duration = Duration::from_nanos(1);

/// Limits ages, and clears numbers that are never read again. No comparison that the core can make may change its
/// result.
pub(super) struct Age {
    /// The whole name of the node. The record of its predecessor, which has a similar one, is that of another process.
    identity: &'static str,
    watch: bool,
    /// No wait is longer than this.
    longest: Duration,
    /// No holder relies on a write for longer than this.
    held: Duration,
    /// The term is over, so what it wrote, and when, does not matter any more.
    over: bool,
    /// Each write gets a higher revision than all that were seen. This is not so when answers are mixed up.
    bounded: bool,
    /// The write in flight will not take effect, so its content does not matter.
    cannot_succeed: bool,
    observation: Seen,
    since: Moment,
    /// The instant before and after the limit was applied.
    confirmed: (Moment, Moment),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    Nothing,
    /// Held by another node.
    Held,
    /// Free, or held by this node: there is nothing to wait for.
    Free,
    Missing,
}

impl Age {
    pub(super) fn of(node: &Node, index: usize, config: &Config) -> Age {
        Age {
            identity: node.name,
            watch: config.watch[index],
            longest: config.longest(),
            held: config.timing(index).drop_after(),
            over: node.bodies.as_ref().is_some_and(|bodies| bodies.over),
            cannot_succeed: !node
                .write
                .as_ref()
                .is_some_and(|write| write.request.is_some() || matches!(write.answer, Some(Answer::Committed(_)))),
            bounded: !config.is(Mutant::StaleAnswer),
            observation: Seen::Nothing,
            since: NOW,
            confirmed: (NOW, NOW),
        }
    }
}

impl Map for Age {
    fn moment(&mut self, stamp: Stamp, moment: &mut Moment) {
        match stamp {
            Stamp::Since => {
                // A free Lease needs no wait. For a missing Lease, the wait ends at `Clear`, and only the probe of a
                // watch counts from here.
                if self.observation == Seen::Free || self.observation == Seen::Missing && !self.watch {
                    *moment = NOW - self.longest;
                }
                self.since = *moment;
                *moment = (*moment).max(NOW - self.longest);
            }
            Stamp::Confirmed => {
                let since = self.since.max(NOW - self.longest);
                // With a watch, the time since `since` decides whether a probe is due.
                let counts = self.watch && self.observation != Seen::Free;
                let after = if counts { (*moment).since(self.since).min(self.longest) } else { Duration::ZERO };
                self.confirmed = (*moment, since + after);
                *moment = self.confirmed.1;
            }
            Stamp::Clear if *moment <= NOW => {
                // Once the Lease was seen to be missing after this instant, the instant does not matter any more. Until
                // then, the Lease must be observed again.
                let settled = self.observation != Seen::Missing || self.confirmed.0 >= *moment;
                *moment = if settled { NOW - self.longest } else { NOW };
            }
            Stamp::Clear => {}
            Stamp::Asked => {
                let (before, after) = self.confirmed;
                *moment = if before <= *moment { after } else { after - INSTANT };
            }
            Stamp::Believed if self.over => *moment = NOW,
            Stamp::Sent if self.cannot_succeed => *moment = NOW,
            Stamp::Believed | Stamp::Sent => *moment = (*moment).max(NOW - self.held),
            Stamp::Due => *moment = (*moment).max(NOW),
        }
    }

    fn observation(&mut self, observation: &mut Observation) {
        self.observation = match observation {
            Observation::Missing { .. } => Seen::Missing,
            Observation::Present(view) => match view.record.holder() {
                Some(holder) if holder != self.identity => Seen::Held,
                _ => Seen::Free,
            },
        };
    }

    fn bound(&mut self, revision: &mut u64) {
        // The server's revision is never lower than the bound, which `forget` has checked. So the next write is higher
        // anyway.
        if self.bounded {
            *revision = 0;
        }
    }

    fn wall(&mut self, wall: &mut WallTime) {
        if self.over {
            wall.0 = 0;
        }
    }

    fn written(&mut self, _: &mut WallTime) {}

    fn transitions(&mut self, transitions: &mut i32) {
        if self.over {
            *transitions = 0;
        }
    }

    fn record(&mut self, record: &mut Record) {
        if self.cannot_succeed {
            record.transitions = None;
            record.renewed = None;
        }
    }
    leave!(revision: u64, uid: String, request: RequestId);
}
