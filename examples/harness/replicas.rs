//! Where the replicas play: an API, a folder, processes, and a log that is read while they write to it.

use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use lease_runtime::clock::{Clock, Moment, SystemClock};
use lease_runtime::embedded::{EmbeddedApi, Server};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::log::Script;
use super::{Entry, Outcome};

/// A bound for everything that is waited for: far above what it takes.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(5);

/// The replicas and the log of their work.
#[derive(Debug)]
pub struct Stage {
    kubeconfig: PathBuf,
    folder: PathBuf,
    script: Script,
    replicas: Vec<Replica>,
    began: Moment,
    /// Serves for as long as it is kept.
    _server: Option<Server>,
}

#[derive(Debug)]
struct Replica {
    name: String,
    process: Child,
}

/// How a replica is ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// It may end in order.
    Sigterm,
    /// It may not.
    Sigkill,
}

impl Stage {
    /// Finds the API to play against: the cluster of `--kubeconfig FILE`, or else the embedded one.
    ///
    /// # Errors
    ///
    /// Arguments that are not understood, a file that is not there, a port that is not to be had.
    pub async fn open(name: &str) -> Outcome<Stage> {
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
        let script = Script::create(folder.join("work.log"))?;
        Ok(Stage { kubeconfig, folder, script, replicas: Vec::new(), began: SystemClock.now(), _server: server })
    }

    /// Starts a replica: this same program, which finds out from its environment that it is one.
    ///
    /// # Errors
    ///
    /// A process that cannot be started.
    pub fn start(&mut self, name: &str) -> Outcome<()> {
        let process = Command::new(std::env::current_exe()?)
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| ["PATH", "HOME", "RUST_LOG", "TMPDIR"].contains(&name.as_str())))
            .env("KUBECONFIG", &self.kubeconfig)
            .env("POD_NAME", name)
            .envs([self.script.for_replica()])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        self.replicas.push(Replica { name: name.to_owned(), process });
        Ok(())
    }

    /// Sends a signal, and returns a moment before that and the end of the process, to be waited for.
    ///
    /// # Errors
    ///
    /// A replica that is not there.
    pub fn end(&mut self, name: &str, how: End) -> Outcome<(Moment, impl Future<Output = Outcome<()>> + use<>)> {
        let found = self.replicas.iter().position(|replica| replica.name == name);
        let mut replica = self.replicas.remove(found.ok_or_else(|| format!("there is no {name} to end"))?);
        let id = replica.process.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).ok_or("it has ended")?;
        let at = SystemClock.now();
        kill_process(id, if how == End::Sigterm { Signal::TERM } else { Signal::KILL })?;
        let gone = async move {
            let name = &replica.name;
            let waited = tokio::time::timeout(PATIENCE, replica.process.wait()).await;
            let status = waited.map_err(|_| format!("{name} does not end after {how}"))??;
            if how == End::Sigterm && !status.success() {
                return Err(format!("{name} did not end in order after {how}: {status}").into());
            }
            Ok(())
        };
        Ok((at, gone))
    }

    /// Puts a thing on the stage, for [`WorkLog::sees`](super::WorkLog::sees). Returns a moment before it was there.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub fn put(&self, prop: &str) -> Outcome<Moment> {
        let at = SystemClock.now();
        std::fs::write(self.folder.join(prop), "")?;
        Ok(at)
    }

    /// Takes it away again.
    ///
    /// # Errors
    ///
    /// A thing that is not there.
    pub fn take_away(&self, prop: &str) -> Outcome<Moment> {
        let at = SystemClock.now();
        std::fs::remove_file(self.folder.join(prop))?;
        Ok(at)
    }

    /// Waits until `look` finds something in the log.
    ///
    /// # Errors
    ///
    /// Nothing to be found within a minute, or a replica that ends by itself meanwhile.
    pub async fn wait<T>(&mut self, what: &str, look: impl Fn(&[Entry]) -> Option<T>) -> Outcome<T> {
        let deadline = SystemClock.now() + PATIENCE;
        loop {
            if let Some(found) = look(self.script.read()?) {
                return Ok(found);
            }
            for replica in &mut self.replicas {
                if let Some(status) = replica.process.try_wait()? {
                    return Err(format!("{} has ended by itself ({status})", replica.name).into());
                }
            }
            if SystemClock.now() > deadline {
                return Err(format!("waited {PATIENCE:?} in vain for {what}").into());
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// As [`wait`](Self::wait), for the first entry that is like this.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn wait_for(&mut self, what: &str, wanted: impl Fn(&Entry) -> bool) -> Outcome<Entry> {
        self.wait(what, |entries| entries.iter().find(|entry| wanted(entry)).cloned()).await
    }

    /// The log so far.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or a line that nobody wrote like that.
    pub fn log(&mut self) -> Outcome<&[Entry]> {
        Ok(self.script.read()?)
    }

    /// Tells the audience what happened when.
    pub fn say(&self, at: Moment, what: &str) {
        println!("{:>6.2} s  {what}", at.since(self.began).as_secs_f64());
    }

    /// Stops the replicas that are left, in order. The log can be read as before.
    ///
    /// # Errors
    ///
    /// A replica that does not end in order.
    pub async fn close(&mut self) -> Outcome<()> {
        let names: Vec<String> = self.replicas.iter().map(|replica| replica.name.clone()).collect();
        let mut ends = Vec::new();
        for name in names {
            ends.push(self.end(&name, End::Sigterm)?.1);
        }
        for end in ends {
            end.await?;
        }
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Whatever went wrong, nothing stays behind; what cannot be removed is in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == End::Sigterm { "SIGTERM" } else { "SIGKILL" })
    }
}
