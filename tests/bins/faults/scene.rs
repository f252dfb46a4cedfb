//! What both kinds of run need: the API server, the target, the candidates, the log of events.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use lease_runtime::clock::Moment;
use lease_tests::cluster::{Caller, Cluster, Real};
use lease_tests::log::{Event, Log, now};
use lease_tests::proxy::{Link, Proxy};
use rustix::process::Signal;

use crate::candidate::{Form, Settings};
use crate::check::Outcome;
use crate::cli::{Options, Run};
use crate::cli_program;
use crate::cpu::Means;
use crate::crew::{End, Member};
use crate::error::{Context, Result};
use crate::folder::Folder;
use crate::parts::TERMINATED;
use crate::target::Target;
use crate::traffic::Traffic;

/// The lease.
const LEASE: &str = "faults";
/// Below the folder of the run.
const STATE_DIR: &str = "state";
/// The durations of the candidates, in seconds: they differ, as during a rolling update.
const DURATIONS: [u64; 4] = [2, 3, 2, 4];
/// How long it may take until a replica leads, once nothing is wrong any more.
const PATIENCE: Duration = Duration::from_secs(30);
/// From one look at the log to the next.
const GLANCE: Duration = Duration::from_millis(20);

pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    pub(crate) real: Arc<Real>,
    /// Between the API server and etcd, if the server is ours.
    pub(crate) store: Option<Proxy>,
    pub(crate) members: Vec<Member>,
    traffic: Traffic,
    pub(crate) log: Log,
    pub(crate) means: Means,
    /// What the processes have done that they should not have.
    pub(crate) wrong: RefCell<Vec<String>>,
    pub(crate) target: Target,
    pub(crate) folder: Folder,
}

impl Scene {
    /// With all candidates running, and one of them leading.
    ///
    /// If there are faults, the last one is `exec`. For the soak it is not, which compares replicas with each other.
    pub(crate) async fn set(options: &Options) -> Result<Scene> {
        let Some(real) = Real::from_env() else {
            return Err("there is no API server: run this with tests/kube-apiserver/run, see its README".into());
        };
        let exec = match options.run {
            Run::Faults(_) => Some(Form::Exec(cli_program::built().await?)),
            Run::Soak(_) => None,
        };
        let folder = Folder::new(options.logs.as_deref())?;
        std::fs::create_dir(folder.path().join(STATE_DIR))?;
        let target = Target::start(folder.path()).await?;
        let cluster = Cluster::real(&real, &format!("faults-{:08x}", fastrand::u32(..))).await;
        let store = if real.control.is_some() { Some(through_store(&cluster, &real).await) } else { None };
        let log = Log::open(&folder.path().join("events"))?;
        let traffic = Traffic::start(&cluster, LEASE, log.path()).await?;
        let mut scene = Scene {
            cluster,
            real,
            store,
            members: Vec::new(),
            traffic,
            log,
            means: Means::find(),
            wrong: RefCell::default(),
            target,
            folder,
        };
        for index in 0..options.replicas {
            let exec = exec.clone().filter(|_| index + 1 == options.replicas);
            let member = scene.member(index, exec.unwrap_or(Form::Attribute)).await?;
            member.start()?;
            scene.members.push(member);
        }
        scene.recovered(now()).await?;
        Ok(scene)
    }

    async fn member(&self, index: usize, form: Form) -> Result<Member> {
        let name = format!("replica-{index}");
        let is_odd = index % 2 == 1;
        let pod = if is_odd || form != Form::Attribute {
            None
        } else {
            Some(self.traffic.pod(&self.cluster, &name, u8::try_from(index)?).await)
        };
        let link = self.cluster.link(Link::PASS);
        let kubeconfig = self.folder.path().join(format!("{name}.kubeconfig"));
        let text = self.cluster.kubeconfig(Some(&link), Caller::Admin(&name), &self.cluster.namespace);
        std::fs::write(&kubeconfig, text).context(|| kubeconfig.display().to_string())?;
        let settings = Settings {
            name: name.clone(),
            deployed: is_odd || form != Form::Attribute,
            form,
            pod,
            lease: LEASE.to_owned(),
            lease_duration: Duration::from_secs(DURATIONS[index % DURATIONS.len()]),
            only_reports: is_odd,
            events: self.log.path().to_owned(),
            log: self.folder.path().join(format!("{name}.jsonl")),
            state_dir: self.folder.path().join(STATE_DIR),
            target: self.target.address(),
        };
        Ok(Member::new(name, link, settings, kubeconfig, self.folder.path()))
    }

    /// The candidate whose body has had the latest effect.
    pub(crate) fn leader(&self) -> Option<&Member> {
        let latest = self.log.look(0, |events| events.iter().rev().find(|event| event.is("enter")).cloned())?;
        self.members.iter().find(|member| member.wrote(&latest))
    }

    /// The first event after a time that satisfies a condition.
    pub(crate) fn seen(&self, after: Moment, accept: impl Fn(&Event) -> bool) -> Option<Event> {
        // Lines of several processes are not exactly in the order of their times.
        let early = |event: &&Event| event.at + Duration::from_secs(10) > after;
        let found = |events: &[Event]| {
            events.iter().rev().take_while(early).filter(|event| event.at > after && accept(event)).last().cloned()
        };
        self.log.look(0, found)
    }

    /// Waits for an event. `None` if it does not come.
    pub(crate) async fn wait(
        &self,
        after: Moment,
        patience: Duration,
        accept: impl Fn(&Event) -> bool,
    ) -> Option<Event> {
        let begun = now();
        loop {
            if let Some(event) = self.seen(after, &accept) {
                return Some(event);
            }
            if now().since(begun) > patience {
                return None;
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Waits for an effect after a time, and returns when it was.
    pub(crate) async fn recovered(&self, after: Moment) -> Result<Moment> {
        match self.wait(after, PATIENCE, |event| event.is("enter")).await {
            Some(event) => Ok(event.at),
            None => {
                self.folder.keep();
                Err(format!("no replica leads {PATIENCE:?} after the last fault has ended").into())
            }
        }
    }

    /// Ends all faults, and starts the candidates whose process has ended.
    pub(crate) fn heal(&self) -> Result<Moment> {
        for member in &self.members {
            member.link.set(Link::PASS);
            self.reap(member);
            member.start()?;
        }
        if let Some(store) = &self.store {
            store.set(Link::PASS);
        }
        Ok(now())
    }

    /// Notes an end that a process should not have had.
    pub(crate) fn reap(&self, member: &Member) {
        if let Err(error) = member.reap() {
            self.wrong.borrow_mut().push(error.to_string());
        }
    }

    /// Shuts all candidates down, and checks what is in the log.
    pub(crate) async fn finish(&self) -> Result<Outcome> {
        for member in &self.members {
            member.allow(End::Success);
            TERMINATED.into_iter().filter(|_| member.is_exec()).for_each(|end| member.allow(end));
            member.signal(Signal::TERM);
        }
        for member in &self.members {
            if let Err(error) = member.end().await {
                self.wrong.borrow_mut().push(error.to_string());
            }
        }
        let mut outcome = Outcome::of(&self.log.events(), &self.target.audit().await?);
        outcome.read_logs(self.folder.path())?;
        let left = self.traffic.left(self.members.iter().map(|member| &member.settings)).await?;
        outcome.kubernetes_events = left.events;
        outcome.violations.extend(left.violations);
        outcome.violations.extend(self.wrong.take());
        if !outcome.violations.is_empty() {
            self.folder.keep();
        }
        Ok(outcome)
    }
}

/// Starts the server again, with a proxy between it and etcd.
async fn through_store(cluster: &Cluster, real: &Real) -> Proxy {
    let store = real.store();
    cluster.kill_server().await;
    cluster.start_server().await;
    store
}
