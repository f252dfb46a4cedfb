//! Replicas as processes of this machine, ended in several ways, and what their work's own log says about it.

mod log;
mod report;

use std::error::Error;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use lease_runtime::clock::{Clock, SystemClock};
use lease_runtime::embedded::{EmbeddedApi, Server};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

pub use log::{Entry, What, WorkLog};
use report::{Handover, Report};

/// A bound for everything that is waited for: far above what it takes.
const PATIENCE: Duration = Duration::from_secs(60);

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Three replicas, and the log of their work.
#[derive(Debug)]
pub struct Drama {
    kubeconfig: PathBuf,
    namespace: String,
    folder: PathBuf,
    log: WorkLog,
    replicas: Vec<Replica>,
    started: u32,
    report: Report,
    /// Serves for as long as it is kept.
    _server: Option<Server>,
}

#[derive(Debug)]
struct Replica {
    name: String,
    process: Child,
}

impl Drama {
    /// Finds the API to play against: the cluster of `--kubeconfig FILE`, or else the embedded one.
    ///
    /// # Errors
    ///
    /// Arguments that are not understood, a file that is not there, a port that is not to be had.
    pub async fn begin(name: &str) -> Outcome<Drama> {
        let folder = std::env::temp_dir().join(format!("lease-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let (kubeconfig, server) = match &arguments[..] {
            [] => {
                let server = EmbeddedApi::new().serve(([127, 0, 0, 1], 0)).await?;
                let kubeconfig = folder.join("kubeconfig");
                std::fs::write(&kubeconfig, server.kubeconfig())?;
                println!("The Lease API is embedded in this process, http://{}.", server.addr());
                (kubeconfig, Some(server))
            }
            [flag, file] if flag == "--kubeconfig" => {
                println!("The Lease API is that of {file}.");
                (std::fs::canonicalize(file).map_err(|error| format!("cannot read {file}: {error}"))?, None)
            }
            other => return Err(format!("expected nothing or `--kubeconfig FILE`, not `{}`", other.join(" ")).into()),
        };
        Ok(Drama {
            kubeconfig,
            namespace: "default".to_owned(),
            log: WorkLog::create(folder.join("work.log"))?,
            folder,
            replicas: Vec::new(),
            started: 0,
            report: Report::default(),
            _server: server,
        })
    }

    /// Starts replicas, and waits for one of them to lead.
    ///
    /// # Errors
    ///
    /// A process that does not start, or no leader within a minute.
    pub async fn start_replicas(&mut self, count: usize) -> Outcome<()> {
        let since = SystemClock.now();
        for _ in 0..count {
            self.start_replica()?;
        }
        let first = self.wait_for(|entry| entry.what == What::Started).await?;
        println!("{:>7}  {} leads, the others stand by", self.report.clock(first.at), first.replica);
        self.report.began(since, first.at);
        Ok(())
    }

    fn start_replica(&mut self) -> Outcome<()> {
        self.started += 1;
        let name = format!("replica-{}", self.started);
        let process = Command::new(std::env::current_exe()?)
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| ["PATH", "HOME", "RUST_LOG", "TMPDIR"].contains(&name.as_str())))
            .env("KUBECONFIG", &self.kubeconfig)
            .env("POD_NAME", &name)
            .env("POD_NAMESPACE", &self.namespace)
            .envs(self.log.for_replica())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        self.replicas.push(Replica { name, process });
        Ok(())
    }

    /// SIGTERM to the leader, and a new replica in its place.
    ///
    /// # Errors
    ///
    /// No leader, or no successor within a minute.
    pub async fn stop_leader(&mut self) -> Outcome<()> {
        self.end_leader("SIGTERM", Signal::TERM).await
    }

    /// SIGKILL to the leader, and a new replica in its place.
    ///
    /// # Errors
    ///
    /// No leader, or no successor within a minute.
    pub async fn kill_leader(&mut self) -> Outcome<()> {
        self.end_leader("SIGKILL", Signal::KILL).await
    }

    async fn end_leader(&mut self, how: &'static str, signal: Signal) -> Outcome<()> {
        let term = self.log.read()?.last().cloned().ok_or("nobody has worked yet")?;
        // Let it be seen at work.
        let work = self.wait_for(|entry| entry.token == term.token && entry.at > term.at + WORK_SHOWN).await?;
        println!("{:>7}  {} works (fencing token {})", self.report.clock(work.at), work.replica, work.token);

        let index =
            self.replicas.iter().position(|replica| replica.name == term.replica).ok_or("the leader is gone")?;
        let mut leader = self.replicas.remove(index);
        let at = SystemClock.now();
        let pid = leader.process.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).ok_or("it has no pid")?;
        kill_process(pid, signal)?;
        println!("{:>7}  {how} to {}", self.report.clock(at), term.replica);

        let next = self.wait_for(|entry| entry.what == What::Started && entry.token > term.token).await?;
        let took = next.at.since(at);
        println!("{:>7}  {} leads, {} ms later", self.report.clock(next.at), next.replica, took.as_millis());
        self.report.handovers.push(Handover { how, from: term.replica, to: next.replica, took });
        tokio::time::timeout(PATIENCE, leader.process.wait()).await??;
        self.start_replica()
    }

    /// Stops the replicas and prints the table.
    ///
    /// # Errors
    ///
    /// An overlap in the log, or a replica that does not end.
    pub async fn finish(mut self) -> Outcome<()> {
        for replica in &mut self.replicas {
            if let Some(pid) = replica.process.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
                kill_process(pid, Signal::TERM)?;
            }
        }
        for replica in &mut self.replicas {
            tokio::time::timeout(PATIENCE, replica.process.wait())
                .await
                .map_err(|_| format!("{} does not end after SIGTERM", replica.name))??;
        }
        let overlaps = self.report.print(&self.log.read()?);
        std::fs::remove_dir_all(&self.folder)?;
        if overlaps == 0 { Ok(()) } else { Err(format!("{overlaps} overlaps: two leaders worked at once").into()) }
    }

    /// The first entry of the log that is `wanted`, as soon as it is there.
    async fn wait_for(&mut self, wanted: impl Fn(&Entry) -> bool) -> Outcome<Entry> {
        let deadline = SystemClock.now() + PATIENCE;
        loop {
            if let Some(entry) = self.log.read()?.into_iter().find(&wanted) {
                return Ok(entry);
            }
            for replica in &mut self.replicas {
                if let Some(status) = replica.process.try_wait()? {
                    return Err(format!("{} has ended by itself ({status})", replica.name).into());
                }
            }
            if SystemClock.now() > deadline {
                return Err(format!("what was waited for did not happen within {PATIENCE:?}").into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

const WORK_SHOWN: Duration = Duration::from_millis(800);

impl Drop for Drama {
    fn drop(&mut self) {
        // Whatever went wrong, nothing stays behind; what cannot be removed is in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
