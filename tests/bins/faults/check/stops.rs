//! When processes were stopped: by the run, by themselves inside a poll, or by the kernel when their processor time was used up.

use lease_runtime::clock::Moment;
use lease_tests::log::Event;

use crate::candidate::program::RUN_BY;

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
    let children: Vec<(u32, u32)> = events.iter().filter_map(|event| Some((event.pid, run_by(event)?))).collect();
    for event in events {
        let named: u32 = event.detail.parse().unwrap_or_default();
        let begun = |how, pid| Stop { how, pid, from: event.at, to: Moment::FAR };
        match event.what.as_str() {
            "stop" => stops.push(begun("stopped", named)),
            "starve" => stops.push(begun("starved", named)),
            "stopping" => stops.push(begun("stopped", event.pid)),
            // It inherits the quota or the priority.
            "started" if is_starved(&stops, run_by(event)) => stops.push(begun("starved", event.pid)),
            "continue" => end(&mut stops, "stopped", named, event.at),
            "feed" => {
                end(&mut stops, "starved", named, event.at);
                children
                    .iter()
                    .filter(|(_, exec)| *exec == named)
                    .for_each(|(pid, _)| end(&mut stops, "starved", *pid, event.at));
            }
            _ => {}
        }
    }
    stops
}

/// The process of `exec` that has started this program.
fn run_by(event: &Event) -> Option<u32> {
    event.detail.strip_prefix(RUN_BY)?.trim().parse().ok()
}

fn is_starved(stops: &[Stop], exec: Option<u32>) -> bool {
    stops.iter().any(|stop| Some(stop.pid) == exec && stop.how == "starved" && stop.to == Moment::FAR)
}

fn end(stops: &mut [Stop], how: &str, pid: u32, at: Moment) {
    for stop in stops.iter_mut().filter(|stop| stop.pid == pid && stop.how == how && stop.to == Moment::FAR) {
        stop.to = at;
    }
}
