//! When processes were stopped: by the run, by themselves inside a poll, or by the kernel when their processor time was used up.

use lease_runtime::clock::Moment;
use lease_tests::log::Event;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stop {
    /// What stopped it.
    pub(super) how: &'static str,
    pub(super) pid: u32,
    pub(super) from: Moment,
    /// Right before the process was continued. The end of time if that never happened.
    pub(super) to: Moment,
}

pub(super) fn all(events: &[Event]) -> Vec<Stop> {
    let mut stops: Vec<Stop> = Vec::new();
    for event in events {
        let named: u32 = event.detail.parse().unwrap_or_default();
        let begun = |how, pid| Stop { how, pid, from: event.at, to: Moment::FAR };
        match event.what.as_str() {
            "stop" => stops.push(begun("stopped", named)),
            "starve" => stops.push(begun("starved", named)),
            "stopping" => stops.push(begun("stopped", event.pid)),
            "continue" => end(&mut stops, "stopped", named, event.at),
            "feed" => end(&mut stops, "starved", named, event.at),
            _ => {}
        }
    }
    stops
}

fn end(stops: &mut [Stop], how: &str, pid: u32, at: Moment) {
    for stop in stops.iter_mut().filter(|stop| stop.pid == pid && stop.how == how && stop.to == Moment::FAR) {
        stop.to = at;
    }
}
