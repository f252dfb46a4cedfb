//! The candidates of one lease, as processes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use lease_runtime::clock::Moment;
use lease_tests::log::now;
use lease_tests::proxy::Proxy;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::cli::Kind;
use crate::error::{Context, Result};
use crate::events::{Body, EventLog};
use crate::setup::{NAMESPACE, Setup};

/// The limit of a wait: twice what the slowest candidate needs for a failover.
const PATIENCE: Duration = Duration::from_secs(60);
/// After this time, a candidate that runs knows who leads, and waits.
const SETTLED: Duration = Duration::from_secs(3);
/// One to lead and two to wait.
pub(crate) const SIZE: usize = 3;

/// Where a candidate runs.
#[derive(Clone, Copy, Default)]
pub(crate) struct Place<'a> {
    /// Its way to the API server, if that can be broken.
    pub(crate) link: Option<&'a Proxy>,
    /// The state directory of its machine, if it has one. client-go has no use for it.
    pub(crate) state_dir: Option<&'a Path>,
}

impl Place<'_> {
    /// On the machine with this state directory.
    pub(crate) fn on(state_dir: &Path) -> Place<'_> {
        Place { link: None, state_dir: Some(state_dir) }
    }
}

/// Starts a candidate for one lease, or for this many leases whose names begin with that.
pub(crate) fn spawn(
    setup: &Setup,
    kind: Kind,
    lease: &str,
    identity: &str,
    place: Place<'_>,
    leases: Option<usize>,
) -> Result<Child> {
    let kubeconfig = setup.kubeconfig(identity, place.link)?;
    let log = File::create(setup.folder.path().join(format!("{identity}.log")))?;
    let events = setup.folder.path().join(format!("{lease}.events"));
    let (program, argument) = setup.program(kind)?;
    Command::new(&program)
        .args(argument)
        .arg(format!("--kubeconfig={}", kubeconfig.display()))
        .arg(format!("--namespace={NAMESPACE}"))
        .arg(format!("--lease={lease}"))
        .arg(format!("--identity={identity}"))
        .arg(format!("--events={}", events.display()))
        .args(leases.map(|leases| format!("--leases={leases}")))
        .env_remove("LEASE_STATE_DIR")
        .envs(place.state_dir.map(|state_dir| ("LEASE_STATE_DIR", state_dir)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        // This program handles Ctrl-C. If a candidate received it too, its end would look like a failure.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .context(|| format!("cannot start {}", program.display()))
}

struct Member {
    identity: String,
    pid: u32,
    child: Child,
    home: Option<PathBuf>,
}

/// The candidates of one lease. Dropping it kills them, including those that are stopped.
pub(crate) struct Crew<'a> {
    setup: &'a Setup,
    kind: Kind,
    pub(crate) lease: String,
    pub(crate) events: EventLog,
    members: Vec<Member>,
    launched: usize,
}

impl<'a> Crew<'a> {
    /// No candidates yet, for the lease number `number` of an item.
    pub(crate) fn new(setup: &'a Setup, item: &str, kind: Kind, number: usize) -> Crew<'a> {
        let lease = format!("{item}-{}-{number}-{}", kind.name(), setup.run);
        let events = EventLog::new(setup.folder.path().join(format!("{lease}.events")));
        Crew { setup, kind, lease, events, members: Vec::new(), launched: 0 }
    }

    /// [`SIZE`] candidates that know who leads, and the leader's body. The first candidate leads, with the link in the first
    /// argument. The others use the second.
    pub(crate) async fn assemble(&mut self, leader: Option<&Proxy>, others: Option<&Proxy>) -> Result<Body> {
        self.launch(leader)?;
        let body = self.wait("the first body", |events| events.bodies.first().cloned()).await?;
        for _ in 1..SIZE {
            self.launch(others)?;
        }
        self.settle().await?;
        Ok(body)
    }

    /// Starts one more candidate, on a machine without a state directory.
    pub(crate) fn launch(&mut self, link: Option<&Proxy>) -> Result<()> {
        self.launch_at(Place { link, state_dir: None })
    }

    /// Starts one more candidate.
    pub(crate) fn launch_at(&mut self, place: Place<'_>) -> Result<()> {
        self.launched += 1;
        let identity = format!("{}-{}", self.lease, self.launched);
        let child = spawn(self.setup, self.kind, &self.lease, &identity, place, None)?;
        let pid = child.id().ok_or("a process without an id")?;
        self.members.push(Member { identity, pid, child, home: place.state_dir.map(Path::to_owned) });
        Ok(())
    }

    /// The state directory of the machine with this number. It exists from now on.
    pub(crate) fn home(&self, machine: usize) -> Result<PathBuf> {
        let home = self.setup.folder.path().join(format!("{}.state-{machine}", self.lease));
        std::fs::create_dir_all(&home).context(|| format!("cannot create {}", home.display()))?;
        Ok(home)
    }

    /// The state directory of a body's process.
    pub(crate) fn home_of(&self, body: &Body) -> Result<PathBuf> {
        let member =
            self.members.iter().find(|member| member.pid == body.pid).ok_or("that process was ended before")?;
        Ok(member.home.clone().ok_or("a process without a state directory")?)
    }

    /// Waits until every candidate runs and knows who leads.
    pub(crate) async fn settle(&mut self) -> Result<()> {
        let expected: Vec<String> = self.members.iter().map(|member| member.identity.clone()).collect();
        self.wait("all candidates ready", |events| {
            expected.iter().all(|identity| events.ready.contains(identity)).then_some(())
        })
        .await?;
        tokio::time::sleep(SETTLED).await;
        Ok(())
    }

    pub(crate) async fn wait<T>(&mut self, what: &str, find: impl FnMut(&EventLog) -> Option<T>) -> Result<T> {
        self.events.wait(PATIENCE, what, find).await
    }

    /// The first body of another process than `of` that started after `after`.
    pub(crate) async fn successor(&mut self, of: &Body, after: Moment) -> Result<Body> {
        let pid = of.pid;
        self.wait("a successor", |events| {
            events.bodies.iter().find(|body| body.pid != pid && body.started > after).cloned()
        })
        .await
    }

    /// Sends a signal to the process of a body, and returns the time right before.
    pub(crate) fn signal(&self, body: &Body, signal: Signal) -> Result<Moment> {
        let member =
            self.members.iter().find(|member| member.pid == body.pid).ok_or("that process was ended before")?;
        let pid = i32::try_from(member.pid).ok().and_then(Pid::from_raw).ok_or("a process without an id")?;
        let before = now();
        kill_process(pid, signal).context(|| format!("cannot signal {}", member.identity))?;
        Ok(before)
    }

    /// Waits for the end of a body's process.
    pub(crate) async fn reap(&mut self, body: &Body) -> Result<()> {
        let index = self.members.iter().position(|member| member.pid == body.pid).ok_or("reaped before")?;
        let mut member = self.members.swap_remove(index);
        let ended = tokio::time::timeout(PATIENCE, member.child.wait()).await;
        ended.map_err(|_| format!("{} does not end", member.identity))??;
        Ok(())
    }

    /// Whether a body's process has ended by itself.
    pub(crate) fn has_ended(&mut self, body: &Body) -> Result<bool> {
        let member = self.members.iter_mut().find(|member| member.pid == body.pid).ok_or("reaped before")?;
        Ok(member.child.try_wait()?.is_some())
    }

    /// How long after the end of the leader's lease its successor has started, in seconds. Negative if it was before.
    pub(crate) fn after_the_lease(&self, leader: &Body, successor: &Body) -> Result<f64> {
        // The lease ends when the duration in the record has passed since the waiting candidates have seen the last change of the
        // record. The observer sees it at the same time.
        let renewal = self.setup.observer.last_renewal(&self.lease, &leader.identity, successor.started)?;
        let end = renewal.at + renewal.duration;
        Ok(successor.started.since(end).as_secs_f64() - end.since(successor.started).as_secs_f64())
    }

    /// The final state of a body.
    pub(crate) fn now_of(&self, body: &Body) -> Result<Body> {
        let found = self.events.bodies.iter().find(|other| other.pid == body.pid && other.started == body.started);
        Ok(found.cloned().ok_or("a body is missing in the events")?)
    }

    pub(crate) fn identities(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.identity.as_str())
    }
}
