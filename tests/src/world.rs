//! The parts of a scenario: an API server, a lease, replicas and their links, an event log.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lease_protocol::election::Timing;
use lease_runtime::clock::Moment;
use rustix::process::Signal;

use crate::cluster::{Caller, Cluster};
use crate::invariants::{Excuses, broken, broken_requests};
use crate::log::{Event, Log, now, until};
use crate::proxy::Link;
use crate::replica::{Replica, Settings};

/// The parts of one scenario.
pub struct World {
    /// The API server.
    pub cluster: Cluster,
    /// The lease.
    pub lease: String,
    /// The event log.
    pub log: Log,
    /// The folder for files.
    pub dir: PathBuf,
    program: PathBuf,
    replicas: Mutex<Vec<Arc<Replica>>>,
    excuses: Mutex<Excuses>,
}

impl World {
    /// A world without replicas. `program` is the path of the replica's program.
    ///
    /// # Panics
    ///
    /// If its files cannot be created.
    pub fn new(cluster: Cluster, program: &Path, dir: PathBuf) -> World {
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("no folder for a scenario");
        let log = Log::open(&dir.join("events")).expect("no event log");
        World {
            cluster,
            lease: "ledger".to_owned(),
            log,
            dir,
            program: program.to_owned(),
            replicas: Mutex::default(),
            excuses: Mutex::default(),
        }
    }

    /// Settings of a well-behaved replica for this world's lease.
    pub fn settings(&self) -> Settings {
        Settings::new(&self.lease)
    }

    /// Starts a replica and waits until it takes part.
    pub async fn start(&self, name: &str) -> Arc<Replica> {
        self.start_with(name, &self.settings()).await
    }

    /// Starts a replica with these settings, and waits until it takes part.
    pub async fn start_with(&self, name: &str, settings: &Settings) -> Arc<Replica> {
        let replica = self.launch(name, settings, Plan::default());
        self.ready(&replica).await;
        replica
    }

    /// Starts three replicas. The first leads and has these settings. The others have its timings, behave well, and know who
    /// leads.
    pub async fn start_three(&self, settings: &Settings) -> [Arc<Replica>; 3] {
        let leader = self.start_with("a", settings).await;
        self.leads(&leader).await;
        let good = Settings { timing: settings.timing, ..self.settings() };
        let followers = [self.start_with("b", &good).await, self.start_with("c", &good).await];
        for follower in &followers {
            follower.says("new leader observed").await;
        }
        let [second, third] = followers;
        [leader, second, third]
    }

    /// Starts a replica and does not wait.
    pub fn launch(&self, name: &str, settings: &Settings, plan: Plan<'_>) -> Arc<Replica> {
        let link = self.cluster.link(plan.link);
        let through = (!plan.direct).then_some(&link);
        let kubeconfig = match plan.kubeconfig {
            Some(kubeconfig) => kubeconfig.to_owned(),
            None => {
                let caller = plan.token.map_or(Caller::Admin(name), Caller::Token);
                self.cluster.kubeconfig(through, caller, plan.namespace.unwrap_or(&self.cluster.namespace))
            }
        };
        let path = self.dir.join(format!("{name}.kubeconfig"));
        std::fs::write(&path, kubeconfig).expect("a kubeconfig cannot be written");
        let mut env = vec![
            ("POD_NAME", plan.pod_name.unwrap_or(name).to_owned()),
            ("REPLICA_LOG", self.log.path().display().to_string()),
            // A folder without the developer's kubeconfig.
            ("HOME", self.dir.display().to_string()),
        ];
        if !plan.no_cluster {
            env.push(("KUBECONFIG", path.display().to_string()));
        }
        env.extend(plan.env.iter().map(|(variable, value)| (*variable, (*value).to_owned())));
        let program = plan.program.unwrap_or(&self.program);
        let mut args: Vec<String> = plan.before.iter().map(|&arg| arg.to_owned()).collect();
        if !plan.bare {
            args.extend(settings.to_args());
        }
        let replica = Arc::new(Replica::spawn(program, &args, name, link, settings, &env, &self.dir));
        self.replicas.lock().unwrap_or_else(PoisonError::into_inner).push(replica.clone());
        replica
    }

    /// Waits until a replica takes part.
    pub async fn ready(&self, replica: &Replica) {
        let find = |events: &[Event]| {
            events.iter().find(|event| event.pid == replica.pid && (event.is("ready") || event.is("exited"))).cloned()
        };
        let event = self.log.find(&format!("{replica:?} to be ready"), find).await;
        assert!(event.is("ready"), "{replica:?} ended: {}\n{}", event.detail, replica.said());
    }

    /// Waits until a replica leads for the first time. Returns the beginning of its term.
    pub async fn leads(&self, replica: &Replica) -> Event {
        self.log.wait("started", |event| event.pid == replica.pid).await
    }

    /// Waits for the first term with a higher token than this one. Returns its beginning.
    pub async fn next_term(&self, after: u64) -> Event {
        let find = |events: &[Event]| events.iter().find(|event| event.is("started") && event.token > after).cloned();
        self.log.find(&format!("a term after {after}"), find).await
    }

    /// Waits for this many more beats of a term.
    pub async fn beats(&self, token: u64, count: usize) {
        let what = format!("{count} more beats of term {token}");
        self.log
            .find_from(self.log.mark(), &what, |events| {
                let beats = events.iter().filter(|event| event.is("beat") && event.token == token).count();
                (beats >= count).then_some(())
            })
            .await;
    }

    /// Waits for this event of a term.
    pub async fn wait_in(&self, token: u64, what: &str) -> Event {
        self.log.wait(what, |event| event.token == token).await
    }

    /// Waits for this many more renewals of the lease. Renewals show that a term continues. The passing of time does not.
    ///
    /// Returns a time before the last of these renewals: at that time, the API server still returned the one before. So no
    /// candidate can count from an earlier time.
    pub async fn renewals(&self, count: usize) -> Moment {
        let mut seen: Option<serde_json::Value> = None;
        let mut left = count + 1;
        let (mut asked, mut before) = (now(), now());
        until(&format!("{count} renewals"), async || {
            let previous = std::mem::replace(&mut asked, now());
            let renewed = self.cluster.lease(&self.lease).await.map(|mut lease| lease["spec"]["renewTime"].take());
            if renewed.is_some() && renewed != seen {
                seen = renewed;
                before = previous;
                left -= 1;
            }
            (left == 0).then_some(())
        })
        .await;
        before
    }

    /// Waits until all requests of a replica have been answered and its connections are idle. This assumes that an answer is the
    /// last one if no bytes follow for a while: with TLS, a new connection begins with several answers.
    pub async fn answered(&self, replica: &Replica) {
        const WHILE: Duration = Duration::from_millis(250);
        let link = &replica.link;
        until("an answer", async || {
            let (asked, answered) = (link.last_up(), link.last_down());
            (answered > asked && now().since(answered) > WHILE).then_some(())
        })
        .await;
    }

    /// All events of a process.
    pub fn events_of(&self, replica: &Replica) -> Vec<Event> {
        self.log.events().into_iter().filter(|event| event.pid == replica.pid).collect()
    }

    /// The last event of a term so far.
    ///
    /// # Panics
    ///
    /// If there was no such term.
    pub fn last_of(&self, token: u64) -> Event {
        let events = self.log.events();
        events.into_iter().rev().find(|event| event.token == token).expect("there was no such term")
    }

    /// The tokens of all terms so far, in order.
    pub fn tokens(&self) -> Vec<u64> {
        self.log.events().into_iter().filter(|event| event.is("started")).map(|event| event.token).collect()
    }

    /// Declares why a term may overlap with later ones in this scenario.
    pub fn excuse(&self, token: u64, why: &'static str) {
        self.excuses.lock().unwrap_or_else(PoisonError::into_inner).overlap.insert(token, why);
    }

    /// Shuts down all running replicas and checks their ends: exit code 0, and the lease released.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub async fn finish(&self) {
        let replicas = self.replicas.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let running: Vec<_> = replicas.iter().filter(|replica| replica.ended().is_none()).collect();
        for replica in &running {
            replica.signal(Signal::TERM);
        }
        for replica in &running {
            let end = replica.end().await;
            assert!(end.success(), "{replica:?} ended with {end} at SIGTERM\n{}", replica.said());
        }
        let events = self.log.events();
        let leases: BTreeSet<String> = running.iter().flat_map(|replica| replica.settings.leases()).collect();
        for lease in leases {
            // A replica that was killed may still hold the lease.
            let Some(holder) = self.cluster.holder(&lease).await else { continue };
            let ended = |replica: &&&Arc<Replica>| events.iter().any(|e| e.pid == replica.pid && e.identity == holder);
            assert!(!running.iter().any(|replica| ended(&replica)), "{holder} has shut down and still holds {lease}");
        }
    }

    /// Checks the properties that must hold in every scenario.
    ///
    /// # Panics
    ///
    /// If one does not hold.
    pub fn check(&self) {
        let events = self.log.events();
        let excuses = self.excuses.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut wrong = broken(&events, &excuses);
        if let Some(api) = self.cluster.hooks() {
            let replicas = self.replicas.lock().unwrap_or_else(PoisonError::into_inner);
            let callers: BTreeMap<u32, String> = replicas.iter().map(|r| (r.pid, r.name.clone())).collect();
            let timings: BTreeMap<u32, Timing> = replicas.iter().map(|r| (r.pid, r.settings.timing)).collect();
            wrong.extend(broken_requests(&events, &api.requests().entries(), &callers, &timings, &excuses));
        }
        assert!(wrong.is_empty(), "the log violates what must hold in every scenario:\n  {}", wrong.join("\n  "));
    }

    /// A report about a scenario that failed.
    pub fn report(&self) -> String {
        let events = self.log.events();
        let mut lines = vec![format!("files: {}", self.dir.display())];
        if let Some(api) = self.cluster.hooks() {
            let requests = api.requests().entries();
            let lines: Vec<String> = requests
                .iter()
                .map(|entry| {
                    let (at, call) = (entry.at.as_nanos(), &entry.call);
                    format!("{at} {} {} {} {:?} {}\n", call.caller, call.verb, call.uri, entry.outcome, call.body)
                })
                .collect();
            // An error here is ignored: the report is only for people.
            let _ = std::fs::write(self.dir.join("requests"), lines.concat());
        }
        let transitions =
            events.iter().filter(|e| !matches!(e.what.as_str(), "beat" | "child" | "blocking" | "thread"));
        lines.extend(transitions.map(|event| format!("  {event}")));
        for replica in self.replicas.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let said = replica.said();
            let tail: Vec<&str> = said.lines().collect();
            let from = tail.len().saturating_sub(25);
            lines.push(format!("  {replica:?}, ended: {:?}, end of its log:", replica.ended()));
            lines.extend(tail.iter().skip(from).map(|line| format!("    {line}")));
        }
        lines.join("\n")
    }
}

/// Unusual ways to start a replica.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// The initial state of its link.
    pub link: Link,
    /// It connects to the API server directly and not through the link.
    pub direct: bool,
    /// Its bearer token.
    pub token: Option<&'a str>,
    /// The pod's name, if it differs from the replica's.
    pub pod_name: Option<&'a str>,
    /// The namespace of its kubeconfig.
    pub namespace: Option<&'a str>,
    /// Its kubeconfig, as text.
    pub kubeconfig: Option<&'a str>,
    /// No kubeconfig.
    pub no_cluster: bool,
    /// Another program.
    pub program: Option<&'a Path>,
    /// Arguments before the settings.
    pub before: &'a [&'a str],
    /// The settings are not passed as arguments.
    pub bare: bool,
    /// More variables of its environment.
    pub env: &'a [(&'a str, &'a str)],
}

impl Default for Plan<'_> {
    fn default() -> Self {
        Plan {
            link: Link::PASS,
            direct: false,
            token: None,
            pod_name: None,
            namespace: None,
            kubeconfig: None,
            no_cluster: false,
            program: None,
            before: &[],
            bare: false,
            env: &[],
        }
    }
}
