//! The handle of a candidate on one election: the terms, the status, and the way to leave.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::{mpsc, watch};

use super::death_reports::PodAsker;
use super::error::ElectorError;
use super::health::Heartbeat;
use super::kube_events::LeaseReporter;
use super::log_thread::LogFlush;
use super::recent_states::LeaseMetadata;
use super::state_dir::Asker;
use super::task_comparison::AnnouncedTasks;
use super::traffic::{ElectionTraffic, TrafficPlan};
use crate::clock::Clock;
use crate::lease::LeaseId;
use crate::observer::ObserverPort;
use crate::term::{DrainToken, Term, TermState, watchdog};
use lease_protocol::election::{FencingToken, Grant, StopReason, Taken, Timing};
use lease_protocol::ticks::TaskTicks;

/// One election in which this process takes part. Dropping it withdraws from the election.
pub(crate) struct ElectionHandle {
    /// The terms, one at a time: the next one comes only after the last is drained.
    pub(crate) terms: mpsc::UnboundedReceiver<(Term, DrainToken)>,
    /// The status of this process.
    pub(crate) status: watch::Receiver<LeaseStatus>,
    /// The tasks of this replica. A holder writes them into the Lease, and a follower compares them with those of the holder.
    pub(crate) tasks: Arc<AnnouncedTasks>,
    pub(crate) control: ElectionControl,
}

/// Leaves an election, and enters it again.
pub(crate) struct ElectionControl {
    commands: mpsc::UnboundedSender<Box<Command>>,
    /// The number of the last command whose withdrawal is complete.
    done: watch::Receiver<u64>,
    last_command: AtomicU64,
    /// Waits for the log of the elector, if that has a thread of its own.
    pub(super) log_flush: Option<LogFlush>,
    /// Set when the elector has taken the election up.
    traffic: Arc<OnceLock<ElectionTraffic>>,
    /// Reports what happens to the tasks of the lease.
    pub(crate) reporter: LeaseReporter,
}

impl ElectionControl {
    /// Leaves the election: cancels the term for this reason, releases the lease once the bodies are gone, and stays out.
    pub(crate) fn withdraw(&self, reason: StopReason) {
        let number = self.last_command.fetch_add(1, Ordering::Relaxed) + 1;
        // If the election is gone, it has been left.
        let _ = self.commands.send(Box::new(Command::Withdraw { reason, number }));
    }

    /// Takes part again.
    pub(crate) fn contend(&self) {
        let number = self.last_command.fetch_add(1, Ordering::Relaxed) + 1;
        let _ = self.commands.send(Box::new(Command::Contend { number }));
    }

    /// Resolves when the last withdrawal is complete: the lease was released, or was not held, or is left to expire because it could
    /// not be released in time. Resolves at once if there was no withdrawal, or if [`contend`](Self::contend) has cancelled it.
    /// Cancel safe.
    pub(crate) async fn left(&self) {
        let number = self.last_command.load(Ordering::Relaxed);
        let mut done = self.done.clone();
        // An election that ended has been left, too.
        let _ = done.wait_for(|done| *done >= number).await;
        if let Some(log_flush) = &self.log_flush {
            // The process may end next, so the last lines must be written first.
            log_flush.caught_up().await;
        }
    }

    /// Resolves when nothing leads traffic to this process any more. Waits for as long as the API server refuses it. Cancel safe.
    pub(crate) async fn traffic_hidden(&self) {
        if let Some(traffic) = self.traffic.get() {
            traffic.hidden().await;
        }
    }
}

#[cfg(all(test, feature = "embedded"))]
impl ElectionHandle {
    pub(crate) fn withdraw(&self, reason: StopReason) {
        self.control.withdraw(reason);
    }

    pub(crate) fn contend(&self) {
        self.control.contend();
    }

    pub(crate) async fn left(&self) {
        self.control.left().await;
    }
}

/// A command of a candidate to an election.
pub(super) enum Command {
    Withdraw { reason: StopReason, number: u64 },
    Contend { number: u64 },
}

/// The status of this process in the election of one lease.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub struct LeaseStatus {
    /// The lease.
    pub lease: LeaseId,
    /// Leader, follower, or neither.
    pub standing: Standing,
    /// The holder of the lease, as this process last saw it. A holder that does not renew any more stays here until another process
    /// takes over.
    ///
    /// This is the value in the Lease, and any program may have written it. It may be long, and may contain line breaks and control
    /// characters: escape it before you show it. In the log and in errors, lease-runtime escapes it.
    pub holder: Option<String>,
    /// The ticks of each scheduled task, as recorded in the Lease when this process last saw it, whichever replica leads.
    pub ticks: Arc<BTreeMap<String, TaskTicks>>,
    /// The tasks of this replica that the holder does not run: the holder is another program, or another version of this program
    /// without these tasks. If the holder does not say what it runs, because it was not made with this crate, these are all tasks of
    /// this replica. Empty while this process leads, and during the first lease duration of a new holder.
    pub not_run: Vec<String>,
    /// In which state this process took the lease for its last term: released, run out, from a holder that was proven dead, or
    /// another. `None` if it has not led yet.
    pub taken: Option<Taken>,
    /// Why the last term of this process ended.
    pub last_stop: Option<StopReason>,
    /// What keeps this process from taking part at the moment. `None` after a request that succeeded.
    #[cfg_attr(feature = "serde", serde(serialize_with = "said"))]
    pub problem: Option<Arc<ElectorError>>,
    /// What keeps this process, while it leads, from recording ticks: a policy refuses or alters its annotations. `None` when they
    /// are stored as they were sent.
    pub tick_problem: Option<Arc<str>>,
    /// What keeps this process from leading traffic to itself while it leads, or from ending that. The election does not depend on it.
    /// `None` if the last attempt succeeded, and without `leader_label` and `leader_service`.
    pub traffic_problem: Option<Arc<str>>,
    /// The problem will not go away by itself: the API server refused this process at the first contact, or the election has ended.
    /// The candidate returns it as an error.
    pub fatal: bool,
}

impl LeaseStatus {
    /// A status in which nothing is known yet.
    pub(crate) fn new(lease: &LeaseId, standing: Standing) -> LeaseStatus {
        LeaseStatus {
            lease: lease.clone(),
            standing,
            holder: None,
            ticks: Arc::default(),
            not_run: Vec::new(),
            taken: None,
            last_stop: None,
            problem: None,
            tick_problem: None,
            traffic_problem: None,
            fatal: false,
        }
    }

    fn says_the_same(&self, other: &LeaseStatus) -> bool {
        let same_problem = match (&self.problem, &other.problem) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        same_problem
            && self.standing == other.standing
            && self.holder == other.holder
            && (Arc::ptr_eq(&self.ticks, &other.ticks) || self.ticks == other.ticks)
            && self.not_run == other.not_run
            && self.tick_problem == other.tick_problem
            && self.traffic_problem == other.traffic_problem
            && self.taken == other.taken
            && self.last_stop == other.last_stop
            && self.fatal == other.fatal
    }
}

/// A problem is serialized as the sentence that it displays.
#[cfg(feature = "serde")]
fn said<S: serde::Serializer>(problem: &Option<Arc<ElectorError>>, serializer: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&problem.as_deref().map(ToString::to_string), serializer)
}

/// The role of this process in an election.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Standing {
    /// It takes no part and holds nothing.
    Out,
    /// It waits for the lease.
    Follower,
    /// It holds the lease. Bodies run under this fencing token, after the takeover delay if there is one.
    Leader(FencingToken),
    /// A term is ending: its bodies are not gone yet, or the release is being written.
    Draining,
}

/// The elector's side of an [`ElectionHandle`]. However it is dropped, it ends the term: also when the election panics, or when its
/// runtime is dropped.
pub(super) struct ElectionPort {
    pub(super) lease: LeaseId,
    pub(super) timing: Timing,
    pub(super) identity: Arc<str>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) heartbeat: Arc<Heartbeat>,
    pub(super) tasks: Arc<AnnouncedTasks>,
    pub(super) metadata: Arc<LeaseMetadata>,
    pub(super) observer: ObserverPort,
    pub(super) reporter: LeaseReporter,
    /// The program only observes the lease: this process never takes part.
    pub(super) observes: bool,
    /// Asks after the holder, if there is a state directory.
    pub(super) asker: Option<Asker>,
    /// The pod of the holder is asked after.
    pub(super) death_reports: bool,
    /// Asks after it, once the elector has taken the election up.
    pub(super) pods: Option<PodAsker>,
    /// What the process does for traffic while it leads.
    pub(super) traffic_plan: Option<TrafficPlan>,
    /// The keepers that do it, once the elector has taken the election up.
    pub(super) traffic: Arc<OnceLock<ElectionTraffic>>,
    // Boxed, because a channel reserves room for many messages.
    pub(super) commands: mpsc::UnboundedReceiver<Box<Command>>,
    terms: mpsc::UnboundedSender<(Term, DrainToken)>,
    pub(super) term_state: Option<Arc<TermState>>,
    pub(super) status: LeaseStatus,
    published: watch::Sender<LeaseStatus>,
    done: watch::Sender<u64>,
}

impl ElectionPort {
    pub(super) fn new(
        lease: LeaseId,
        timing: Timing,
        identity: Arc<str>,
        clock: Arc<dyn Clock>,
        heartbeat: Arc<Heartbeat>,
    ) -> (ElectionPort, ElectionHandle) {
        let status = LeaseStatus::new(&lease, Standing::Follower);
        let tasks = Arc::new(AnnouncedTasks::default());
        let (terms, terms_in) = mpsc::unbounded_channel();
        let (commands_out, commands) = mpsc::unbounded_channel();
        let (published, status_in) = watch::channel(status.clone());
        let (done, done_in) = watch::channel(0);
        let traffic = Arc::default();
        let election = ElectionHandle {
            terms: terms_in,
            status: status_in,
            tasks: Arc::clone(&tasks),
            control: ElectionControl {
                commands: commands_out,
                done: done_in,
                last_command: AtomicU64::new(0),
                log_flush: None,
                traffic: Arc::clone(&traffic),
                reporter: LeaseReporter::default(),
            },
        };
        let port = ElectionPort {
            lease,
            timing,
            identity,
            clock,
            heartbeat,
            tasks,
            metadata: Arc::default(),
            observer: ObserverPort::default(),
            reporter: LeaseReporter::default(),
            observes: false,
            asker: None,
            death_reports: false,
            pods: None,
            traffic_plan: None,
            traffic,
            commands,
            terms,
            term_state: None,
            status,
            published,
            done,
        };
        (port, election)
    }

    /// Begins a term and sends it to the candidate. If the candidate is gone, the first token is dropped here. The term is then
    /// drained at once, and so the election learns that the bodies are gone.
    pub(super) fn begin(&mut self, grant: &Grant, taken: Taken) -> Arc<TermState> {
        let (lease, identity, clock) = (self.lease.clone(), Arc::clone(&self.identity), Arc::clone(&self.clock));
        let (term_state, alive) = TermState::begin(lease, identity, grant, clock);
        if matches!(taken, Taken::RanOut | Taken::ProvenDead) {
            // The first deadlines count from when the write was sent (rule H1).
            term_state.took_over(grant.deadlines.cancel_at - self.timing.cancel_after());
        }
        watchdog::watch(&term_state);
        self.term_state = Some(Arc::clone(&term_state));
        let _ = self.terms.send((Term::new(Arc::clone(&term_state)), alive));
        term_state
    }

    /// Publishes the status.
    pub(super) fn publish(&self) {
        self.published.send_if_modified(|published| {
            let changed = !published.says_the_same(&self.status);
            if changed {
                published.clone_from(&self.status);
            }
            changed
        });
    }

    /// The withdrawal with this number, and all before it, are complete.
    pub(super) fn left(&self, number: u64) {
        self.done.send_replace(number);
    }

    /// The election will not continue: ends the term and publishes the error.
    pub(super) fn end(&mut self, why: ElectorError) {
        if let Some(term_state) = &self.term_state {
            term_state.expire();
        }
        self.status.standing = if self.term_state.is_some() { Standing::Draining } else { Standing::Out };
        self.status.problem = Some(Arc::new(why));
        self.status.fatal = true;
        self.publish();
    }
}

impl Drop for ElectionPort {
    fn drop(&mut self) {
        // An election that was left in order has no term to end.
        if self.status.standing != Standing::Out {
            self.term_state.take().inspect(|term_state| term_state.expire());
            self.end(ElectorError::Ended { reason: "its runtime is gone".to_owned() });
        }
    }
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use lease_protocol::election::LossReason;

    /// What an admin page shows. Numbers that JSON readers round are texts, a problem is its sentence.
    #[test]
    fn a_status_is_serialized_as_it_reads() {
        let token = FencingToken::new(7);
        let record = r#"{"v":1,"schedule":"9f3a01c7","upto":"2026-11-25T00:00:30Z"}"#;
        let annotations = BTreeMap::from([("tick.lease-runtime.dev/report".to_owned(), record.to_owned())]);
        let lease = LeaseId::new("jobs", "ledger");
        let status = LeaseStatus {
            ticks: Arc::new(TaskTicks::all(&annotations)),
            taken: Some(Taken::ProvenDead),
            last_stop: Some(StopReason::Lost(LossReason::TakenBy("b".to_owned()))),
            problem: Some(Arc::new(ElectorError::NoCluster { looked: "nowhere".to_owned() })),
            ..LeaseStatus::new(&lease, Standing::Leader(token))
        };
        let shown = serde_json::to_value(&status).expect("a status");
        assert_eq!(shown["lease"], "jobs/ledger");
        assert_eq!(shown["standing"], json!({ "leader": "7" }));
        assert_eq!(shown["taken"], "proven_dead");
        assert_eq!(shown["last_stop"], json!({ "lost": { "taken_by": "b" } }));
        assert_eq!(shown["problem"], status.problem.as_ref().map(ToString::to_string).unwrap_or_default());
        assert_eq!(shown["ticks"]["report"]["state"], "waiting");
        assert_eq!(shown["ticks"]["report"]["accounted_until"], "2026-11-25T00:00:30Z");
        assert_eq!(serde_json::from_value::<FencingToken>(json!(7)).ok(), Some(token));
        assert_eq!(serde_json::from_value::<FencingToken>(json!("7")).ok(), Some(token));
        assert_eq!(serde_json::from_value::<LeaseId>(json!("jobs/ledger")).ok(), Some(lease));
        assert!(serde_json::from_value::<LeaseId>(json!("ledger")).is_err());
    }
}
