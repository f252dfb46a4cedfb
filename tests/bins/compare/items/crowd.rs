//! Many leases in one process, on a machine whose processors are busy with other work at first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lease_runtime::clock::{Clock, Moment, SystemClock};
use lease_tests::log::{Event, now};

use crate::audit;
use crate::cli::Kind;
use crate::crew::{Place, spawn};
use crate::error::{Context, Result};
use crate::setup::Setup;

/// Busy loops beside the candidate and the API server.
const LOOPS: usize = 14;
/// How long they run.
const BUSY: Duration = Duration::from_secs(40);
/// The times at which the held leases are counted, from the start of the process.
pub(crate) const LOOKS: [Duration; 4] =
    [Duration::from_secs(10), Duration::from_secs(20), Duration::from_secs(40), Duration::from_secs(60)];

/// How many leases were lost within a minute, and which resources the process used.
pub(crate) struct Crowd {
    /// The leases that were not held at each of [`LOOKS`].
    pub(crate) missing: Vec<usize>,
    /// How many bodies ended.
    pub(crate) lost: usize,
    /// Seconds until every lease had been held once. Infinite if a lease was never held.
    pub(crate) all_held: f64,
    /// MiB, at the end.
    pub(crate) resident: f64,
    /// Seconds, of all threads.
    pub(crate) processor: f64,
    pub(crate) sockets: usize,
    pub(crate) requests: Option<f64>,
}

pub(crate) async fn measure(setup: &Setup, kind: Kind, leases: usize) -> Result<Crowd> {
    let lease = format!("crowd-{leases}-{}-{}", kind.name(), setup.run);
    let load = Load::start();
    let (began, from) = (now(), SystemClock.wall());
    let mut child = spawn(setup, kind, &lease, &lease, Place::default(), Some(leases))?;
    let pid = child.id().ok_or("a process without an id")?;
    let mut sockets = 0;
    for end in [BUSY, LOOKS[LOOKS.len() - 1]].map(|after| began + after) {
        while now() < end {
            tokio::time::sleep(Duration::from_millis(500).min(end.since(now()))).await;
            sockets = sockets.max(open_sockets(pid)?);
        }
        load.stop();
    }
    let (resident, processor) = (resident(pid)?, processor(pid)?);
    let took = now().since(began);
    if let Some(status) = child.try_wait()? {
        return Err(format!("{lease} has ended by itself: {status}").into());
    }
    let events = read(&setup.folder.path().join(format!("{lease}.events")))?;
    child.kill().await?;
    // The audit log contains the requests after a short delay.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let requests = match &setup.audit {
        Some(audit) => {
            let sent = audit::requests(audit, from, from.plus(took))?.remove(&lease).unwrap_or_default();
            eprintln!("compare: {lease}: sent {sent:?}");
            Some(sent.values().sum::<usize>() as f64 / (took.as_secs_f64() / 60.0))
        }
        None => None,
    };
    let end = began + LOOKS[LOOKS.len() - 1];
    Ok(Crowd {
        missing: LOOKS.map(|after| leases.saturating_sub(held(&events, began + after))).into(),
        lost: events.iter().filter(|event| event.is("stopped") && event.at <= end).count(),
        all_held: all_held(&events, leases).map_or(f64::INFINITY, |at| at.since(began).as_secs_f64()),
        resident,
        processor,
        sockets,
        requests,
    })
}

/// Events of all leases, in the order of time.
fn read(path: &Path) -> Result<Vec<Event>> {
    let text = std::fs::read_to_string(path).context(|| format!("cannot read {}", path.display()))?;
    // The last line may be incomplete.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let events: Option<Vec<Event>> = whole.lines().map(Event::parse).collect();
    let mut events = events.ok_or_else(|| format!("{} has a line that is not an event", path.display()))?;
    events.sort_by_key(|event| event.at);
    Ok(events)
}

/// How many leases have a body at a time.
fn held(events: &[Event], at: Moment) -> usize {
    let mut bodies = BTreeMap::new();
    for event in events.iter().filter(|event| event.at <= at) {
        match event.what.as_str() {
            "started" => *bodies.entry(&event.lease).or_insert(0) += 1,
            "stopped" => *bodies.entry(&event.lease).or_insert(0) -= 1,
            _ => {}
        }
    }
    bodies.into_values().filter(|&count| count > 0).count()
}

/// When the last of the leases had its first body.
fn all_held(events: &[Event], leases: usize) -> Option<Moment> {
    let mut seen = BTreeSet::new();
    events
        .iter()
        .filter(|event| event.is("started"))
        .find(|event| seen.insert(&event.lease) && seen.len() == leases)
        .map(|event| event.at)
}

/// MiB of a process.
fn resident(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(value.trim().trim_end_matches("kB").trim().parse::<f64>()? / 1024.0)
}

/// Seconds of processor time that a process has used, as a user and in the kernel.
fn processor(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is a name in parentheses. What follows begins with the third; these are 14 and 15.
    let (_, rest) = stat.rsplit_once(')').ok_or("no stat")?;
    let ticks: Vec<f64> = rest.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / rustix::param::clock_ticks_per_second() as f64)
}

/// How many sockets a process has open: its connections to the API server, and a few of its runtime for signals.
fn open_sockets(pid: u32) -> Result<usize> {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd"))?;
    let targets = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    Ok(targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count())
}

/// Keeps the processors busy until it is stopped or dropped.
struct Load(Arc<AtomicBool>);

impl Load {
    fn start() -> Load {
        let over = Arc::new(AtomicBool::new(false));
        for _ in 0..LOOPS {
            let over = Arc::clone(&over);
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Load(over)
    }

    fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop();
    }
}
