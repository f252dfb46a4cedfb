//! The program of a replica: a candidate with continuous and scheduled tasks, as a user of lease-runtime would write it.

mod body;
mod observed;
mod telling;
mod ticking;
mod work;

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kube::Client;
use lease_runtime::{Candidate, LeaderTask, OwnPod, TaskGroup, Term};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::engine::{Here, NAMESPACE, NetworkService};
use crate::journal::{Event, LeaseName};
pub(crate) use ticking::{TickTask, When};
pub(crate) use work::{Deployment, OWNER, SERVICES, Work};

/// The Leases of a run. A run may use only the first.
pub(crate) const LEASES: [LeaseName; 3] = ["acme-ledger", "acme-billing", "acme-orders"];

/// The pauses before a body that failed runs again: short, so that they are over soon after the last fault.
const PAUSES: RangeInclusive<Duration> = Duration::from_millis(500)..=Duration::from_secs(5);

/// The handles through which the world steers a process.
#[derive(Clone)]
pub(crate) struct Steering {
    pub(crate) fair: Fair,
    /// Shuts the process down in order.
    pub(crate) stop: CancellationToken,
    /// Drops the future that runs the candidate. The process lives on.
    pub(crate) abandon: CancellationToken,
    /// The candidate takes part while this is true.
    pub(crate) ready: watch::Sender<bool>,
    pub(crate) candidate: Arc<OnceLock<Candidate>>,
    /// The candidate has ended.
    pub(crate) ended: Arc<AtomicBool>,
}

/// Set when the faults are over. Then bodies do not fail any more. The bodies hold nothing else of the steering: its candidate
/// owns them, and would never be dropped.
#[derive(Clone, Default)]
pub(crate) struct Fair(Arc<AtomicBool>);

impl Fair {
    /// The faults are over.
    pub(crate) fn begin(&self) {
        let Fair(fair) = self;
        fair.store(true, Ordering::Relaxed);
    }

    fn is_fair(&self) -> bool {
        let Fair(fair) = self;
        fair.load(Ordering::Relaxed)
    }
}

impl Steering {
    pub(crate) fn new(fair: Fair) -> Steering {
        let (ready, _) = watch::channel(true);
        let [stop, abandon] = [(); 2].map(|()| CancellationToken::new());
        Steering { fair, stop, abandon, ready, candidate: Arc::default(), ended: Arc::default() }
    }
}

/// Runs the program on the runtime of its process.
pub(crate) async fn run(here: Arc<Here>, work: Arc<Work>, steering: Steering) {
    let client = Client::new(NetworkService(Arc::clone(&here)), NAMESPACE);
    let mut candidate = Candidate::builder().identity(here.who.to_string()).client(client).clock(here.clock.clone());
    candidate = work.describe(candidate).overrides(work.overrides()).kubernetes_events(work.events);
    if work.observed {
        candidate = candidate.observer(telling::observer(Arc::clone(&here)));
    }
    if let Some(process) = &here.on_machine {
        candidate = candidate.machine_process(process.clone());
    }
    let node = here.who.node;
    let pod = OwnPod::new(NAMESPACE, here.who.pod(), format!("uid-{node}")).ip([10, 0, 0, node + 1].into());
    let Ok(candidate) = candidate.pod(pod).build().await else {
        return here.write(Event::Fault { kind: "candidate refused", to: Some(here.who) });
    };
    add_tasks(&candidate, &here, &work, &steering);
    drop(steering.candidate.set(candidate.clone()));
    let ended = tokio::select! {
        biased;
        () = steering.abandon.cancelled() => return,
        ended = candidate.run_until(steering.stop.cancelled()) => ended,
    };
    let kind = match ended {
        Ok(()) => "candidate ended in order",
        Err(_) => "candidate ended with an error",
    };
    here.write(Event::Fault { kind, to: Some(here.who) });
    steering.ended.store(true, Ordering::Relaxed);
}

fn add_tasks(candidate: &Candidate, here: &Arc<Here>, work: &Arc<Work>, steering: &Steering) {
    for lease in LEASES.into_iter().take(work.leases) {
        let task = continuous("work", lease, here, work, steering).contend_when(steering.ready.subscribe());
        if work.stack && lease == LEASES[0] {
            drop(candidate.add(group(task, lease, here, work)));
        } else {
            drop(candidate.add(task));
        }
    }
    for tick in &work.ticks {
        drop(candidate.add(tick.task(here, work, &steering.fair)));
    }
}

/// A migration that must be done first, then a connection, and the work on top of it.
fn group(top: LeaderTask<Result<(), &'static str>>, lease: LeaseName, here: &Arc<Here>, work: &Arc<Work>) -> TaskGroup {
    let migration = Arc::clone(here);
    let migrate = LeaderTask::new("migrate", work.spec(lease), move |term: Term| {
        observed::body(Arc::clone(&migration), lease, "migrate", &term, body::short())
    });
    let layer = Arc::clone(here);
    let connect = LeaderTask::new("connect", work.spec(lease), move |term: Term| {
        observed::body(
            Arc::clone(&layer),
            lease,
            "connect",
            &term,
            body::layer(term.clone(), Arc::clone(&layer), lease),
        )
    });
    TaskGroup::sequence("startup").with(migrate).with(TaskGroup::stack("house").with(connect).with(top))
}

fn continuous(
    name: &'static str,
    lease: LeaseName,
    here: &Arc<Here>,
    work: &Arc<Work>,
    steering: &Steering,
) -> LeaderTask<Result<(), &'static str>> {
    let (here, work_of, fair) = (Arc::clone(here), Arc::clone(work), steering.fair.clone());
    LeaderTask::new(name, work.spec(lease), move |term: Term| {
        let inner = body::work(term.clone(), Arc::clone(&here), Arc::clone(&work_of), fair.clone());
        observed::body(Arc::clone(&here), lease, name, &term, inner)
    })
    .grace(work.grace)
    .backoff(PAUSES)
}
