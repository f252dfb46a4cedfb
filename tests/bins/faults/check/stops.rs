//! When processes were stopped: by the run, or by themselves inside a poll.

use lease_runtime::clock::Moment;
use lease_tests::log::Event;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stop {
    pub(super) pid: u32,
    pub(super) from: Moment,
    /// Right before the process was continued. The end of time if that never happened.
    pub(super) to: Moment,
}

pub(super) fn all(events: &[Event]) -> Vec<Stop> {
    let mut stops: Vec<Stop> = Vec::new();
    for event in events {
        if event.is("continue") {
            let pid: u32 = event.detail.parse().unwrap_or_default();
            for stop in stops.iter_mut().filter(|stop| stop.pid == pid && stop.to == Moment::FAR) {
                stop.to = event.at;
            }
        } else if event.is("stop") {
            let pid = event.detail.parse().unwrap_or_default();
            stops.push(Stop { pid, from: event.at, to: Moment::FAR });
        } else if event.is("stopping") {
            stops.push(Stop { pid: event.pid, from: event.at, to: Moment::FAR });
        }
    }
    stops
}
