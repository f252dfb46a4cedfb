//! The order of the measurements, and the table of their results.

use std::cell::Cell;
use std::process::ExitCode;

use futures_util::future::join;
use lease_tests::log::now;

use crate::cli::{Item, Kind, Options, USAGE};
use crate::error::Result;
use crate::events::Overlap;
use crate::items::crowd::{self, Crowd};
use crate::items::graceful::{self, Handovers};
use crate::items::hole::{self, Hole};
use crate::items::refused::{self, Refused};
use crate::items::requests::{self, Requests};
use crate::items::restart::{self, Replicas};
use crate::items::slow::{self, Slow};
use crate::items::{crash, pause, stopped};
use crate::setup::Setup;
use crate::table::{Row, Table, Unit, pair, single};

/// The results of both kinds, lease-runtime first. `None` if a measurement was not wanted or has failed.
type Both<T> = [Option<T>; 2];

/// All results.
struct Results {
    graceful: Both<Handovers>,
    restart: Both<Handovers>,
    neighbour: Both<Handovers>,
    crash: Both<Handovers>,
    requests: Both<Requests>,
    pause: Both<Overlap>,
    stopped: Both<Hole>,
    hole: Both<Hole>,
    refused: Both<Refused>,
    /// One value for each of the delays.
    slow: Both<Vec<Slow>>,
    /// With the number of leases.
    crowds: Vec<(usize, Both<Crowd>)>,
}

pub(crate) async fn run(arguments: impl Iterator<Item = String>) -> Result<ExitCode> {
    let arguments: Vec<String> = arguments.collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    let options = Options::parse(arguments.into_iter())?;
    let setup = Setup::new(&options.kinds).await?;
    if options.keep {
        setup.folder.keep();
    }
    let began = now();
    let plan = Plan { setup: &setup, options: &options, failed: Cell::new(0) };
    let rows = rows(&plan.carry_out().await);
    let minutes = now().since(began).as_secs_f64() / 60.0;
    let (missed, failed) = (rows.iter().filter(|row| row.is_missed()).count(), plan.failed.get());
    println!("{}", Table(&rows));
    println!(
        "Lease duration 15 s, renew deadline 10 s, retry period 2 s, three candidates a lease (crowd: one). Ratio: client-go / ours."
    );
    println!("Took {minutes:.1} minutes. Targets missed: {missed}. Measurements that failed: {failed}.");
    if missed + failed > 0 {
        setup.folder.keep();
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

struct Plan<'a> {
    setup: &'a Setup,
    options: &'a Options,
    failed: Cell<usize>,
}

impl Plan<'_> {
    /// First the handovers, which take milliseconds: one kind after the other, with nothing beside them. Then everything that
    /// takes seconds: requests are counted during crashes and faults, with a limited number of processes at the same time.
    async fn carry_out(&self) -> Results {
        let (setup, options) = (self.setup, self.options);
        let graceful = self.in_turn(Item::Graceful, |kind| graceful::measure(setup, kind, options.graceful_runs)).await;
        let restart = |replicas| move |kind| restart::measure(setup, kind, options.graceful_runs, replicas);
        let apart = self.in_turn(Item::Restart, restart(Replicas::Apart)).await;
        let neighbour = self.in_turn(Item::Neighbour, restart(Replicas::Together)).await;
        let requests = self.together(Item::Requests, |kind| requests::measure(setup, kind, options.window));
        let crash = self.in_turn(Item::Crash, |kind| crash::measure(setup, kind, options.crash_runs));
        let faults = async {
            let pause = self.together(Item::Pause, |kind| pause::measure(setup, kind)).await;
            let hole = self.together(Item::Hole, |kind| hole::measure(setup, kind)).await;
            let refused = self.together(Item::Refused, |kind| refused::measure(setup, kind)).await;
            let stopped = self.together(Item::Stopped, |kind| stopped::measure(setup, kind)).await;
            (pause, stopped, hole, refused, self.together(Item::Slow, |kind| slow::measure(setup, kind)).await)
        };
        let (requests, (crash, (pause, stopped, hole, refused, slow))) = join(requests, join(crash, faults)).await;
        let mut crowds = Vec::new();
        for &leases in &options.crowds {
            crowds.push((leases, self.in_turn(Item::Crowd, |kind| crowd::measure(setup, kind, leases)).await));
        }
        Results { graceful, restart: apart, neighbour, crash, requests, pause, stopped, hole, refused, slow, crowds }
    }

    async fn together<T, F: Future<Output = Result<T>>>(&self, item: Item, measure: impl Fn(Kind) -> F) -> Both<T> {
        let [ours, client_go] = Kind::ALL.map(|kind| self.one(item, kind, measure(kind)));
        join(ours, client_go).await.into()
    }

    async fn in_turn<T, F: Future<Output = Result<T>>>(&self, item: Item, measure: impl Fn(Kind) -> F) -> Both<T> {
        let [ours, client_go] = Kind::ALL.map(|kind| self.one(item, kind, measure(kind)));
        [ours.await, client_go.await]
    }

    async fn one<T>(&self, item: Item, kind: Kind, measure: impl Future<Output = Result<T>>) -> Option<T> {
        if !self.options.items.contains(&item) || !self.options.kinds.contains(&kind) {
            return None;
        }
        let (item, kind) = (item.name(), kind.name());
        eprintln!("compare: {item}, {kind}: begins");
        let measured = measure.await;
        match &measured {
            Ok(_) => eprintln!("compare: {item}, {kind}: done"),
            Err(error) => {
                eprintln!("compare: {item}, {kind}: FAILED: {error}");
                self.failed.set(self.failed.get() + 1);
            }
        }
        measured.ok()
    }
}

/// The table, with the targets for lease-runtime.
fn rows(results: &Results) -> Vec<Row> {
    use Unit::{AMinute, Count, Seconds};
    let Results { graceful, restart, neighbour, crash, requests, pause, stopped, hole, refused, slow, crowds } =
        results;
    let beats = |overlap: &Overlap| Some(overlap.beats as f64);
    let lasted = |overlap: &Overlap| Some(overlap.lasted.as_secs_f64());
    let mut rows = Vec::new();
    if graceful.iter().any(Option::is_some) {
        let names = ["graceful handover, SIGTERM to body: mean", "  maximum"];
        rows.extend(pair(names, Seconds, graceful, |it| &it.took, [Some(0.060), None]));
        rows.push(single(
            "  beats of the old body beside the new",
            Count,
            graceful,
            |it| beats(&it.overlap),
            Some(0.0),
        ));
    }
    let names = ["restart in place, SIGKILL to the new body: mean", "  maximum"];
    rows.extend(death_rows(names, restart));
    let names = ["successor on the machine, SIGKILL to body: mean", "  maximum"];
    rows.extend(death_rows(names, neighbour));
    if crash.iter().any(Option::is_some) {
        let names = ["crash failover, SIGKILL to body: mean", "  maximum"];
        rows.extend(pair(names, Seconds, crash, |it| &it.took, [Some(12.9), Some(15.5)]));
        rows.push(single("  beats beside another body", Count, crash, |it| beats(&it.overlap), Some(0.0)));
    }
    if requests.iter().any(Option::is_some) {
        let names = ["requests by the leader: mean", "  maximum"];
        rows.extend(pair(names, AMinute, requests, |it| &it.leaders, [None, Some(13.0)]));
        let names = ["requests by each waiting candidate: mean", "  maximum"];
        rows.extend(pair(names, AMinute, requests, |it| &it.waiting, [None, Some(3.0)]));
    }
    if pause.iter().any(Option::is_some) {
        rows.push(single(
            "leader paused for 22 s (SIGSTOP): beats beside the successor",
            Count,
            pause,
            beats,
            Some(0.0),
        ));
        rows.push(single("  for at most", Seconds, pause, lasted, None));
    }
    if stopped.iter().any(Option::is_some) {
        let name = "leader stopped, another in its directory: earliest after the lease's end";
        rows.push(single(name, Seconds, stopped, |it| it.after.min(), None));
        let early = |it: &Hole| it.after.min().map(|earliest| (-earliest).max(0.0));
        rows.push(single("  before the lease's end", Seconds, stopped, early, Some(0.1)));
        rows.push(single("  beats beside the successor", Count, stopped, |it| beats(&it.overlap), Some(0.0)));
    }
    if hole.iter().any(Option::is_some) {
        let name = "network drops the leader's packets: beats beside the successor";
        rows.push(single(name, Count, hole, |it| beats(&it.overlap), Some(0.0)));
        rows.push(single("  for at most", Seconds, hole, |it| lasted(&it.overlap), None));
        rows.push(single("  successor after the lease's end: earliest", Seconds, hole, |it| it.after.min(), None));
        rows.push(single("  latest", Seconds, hole, |it| it.after.max(), Some(0.5)));
    }
    if refused.iter().any(Option::is_some) {
        let name = "API refused for 20 s: body gone after the last renewal, at most";
        rows.push(single(name, Seconds, refused, |it| it.gone.max(), Some(12.0)));
        rows.push(single("  work again after its return, at most", Seconds, refused, |it| it.back.max(), Some(1.0)));
        rows.push(single("  beats beside another body", Count, refused, |it| beats(&it.overlap), Some(0.0)));
    }
    if slow.iter().any(Option::is_some) {
        rows.extend(slow_rows(slow));
    }
    for (leases, crowd) in crowds.iter().filter(|(_, crowd)| crowd.iter().any(Option::is_some)) {
        rows.extend(crowd_rows(*leases, crowd));
    }
    rows
}

/// Where a proof of death spares the wait.
fn death_rows(names: [&'static str; 2], deaths: &Both<Handovers>) -> Vec<Row> {
    if deaths.iter().all(Option::is_none) {
        return Vec::new();
    }
    let mut rows = Vec::from(pair(names, Unit::Seconds, deaths, |it| &it.took, [Some(0.2), Some(0.5)]));
    let beats = |it: &Handovers| Some(it.overlap.beats as f64);
    rows.push(single("  beats beside another body", Unit::Count, deaths, beats, Some(0.0)));
    rows
}

/// Target: lease-runtime loses no more terms than client-go, and holds all leases at the end.
fn crowd_rows(leases: usize, crowd: &Both<Crowd>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, after) in crowd::LOOKS.into_iter().enumerate() {
        let seconds = after.as_secs();
        let name = match index {
            0 => format!("{leases} leases, machine busy for 40 s: not held after {seconds} s"),
            _ => format!("  after {seconds} s"),
        };
        let missing = |it: &Crowd| it.missing.get(index).map(|&missing| missing as f64);
        let last = index + 1 == crowd::LOOKS.len();
        rows.push(single(name, Unit::Count, crowd, missing, last.then_some(0.0)));
    }
    let allowed = crowd[1].as_ref().map(|client_go| client_go.lost as f64);
    rows.push(single("  terms lost", Unit::Count, crowd, |it| Some(it.lost as f64), allowed));
    rows.push(single("  all held after", Unit::Seconds, crowd, |it| Some(it.all_held), None));
    rows.push(single("  resident memory", Unit::Mebibytes, crowd, |it| Some(it.resident), None));
    rows.push(single("  processor time in a minute", Unit::Seconds, crowd, |it| Some(it.processor), None));
    rows.push(single("  sockets open, at most", Unit::Count, crowd, |it| Some(it.sockets as f64), None));
    rows.push(single("  requests", Unit::AMinute, crowd, |it| it.requests, None));
    rows
}

/// Target: lease-runtime loses no more terms than client-go.
fn slow_rows(slow: &Both<Vec<Slow>>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, delay) in slow::DELAYS.into_iter().enumerate() {
        let of = slow.each_ref().map(|of| of.as_ref().and_then(|delays| delays.get(index)));
        let seconds = delay.as_secs();
        let (name, target) = (format!("writes take {seconds} s: leads after"), delay.as_secs_f64() + slow::SPARE);
        rows.push(single(name, Unit::Seconds, &of, |it| Some(it.acquired), Some(target)));
        let allowed = of[1].and_then(|client_go| client_go.lost);
        rows.push(single("  terms lost in a minute", Unit::Count, &of, |it| it.lost, allowed));
        rows.push(single("  writes by all three", Unit::AMinute, &of, |it| it.writes, None));
        let beats = |it: &&Slow| Some(it.overlap.beats as f64);
        rows.push(single("  beats beside another body", Unit::Count, &of, beats, Some(0.0)));
    }
    rows
}
