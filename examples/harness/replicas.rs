//! What the replicas need: an API, a folder, processes, and a log that is read while they write to it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use lease_runtime::clock::{Clock, Moment, SystemClock};
use lease_runtime::embedded::{EmbeddedApi, Server};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::log::LogReader;
use super::{Entry, Outcome};

/// The limit for each wait, far above the expected time.
const TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The replicas and the log of their work.
#[derive(Debug)]
pub struct Harness {
    kubeconfig: PathBuf,
    folder: PathBuf,
    reader: LogReader,
    replicas: Vec<Replica>,
    /// For the environment of each replica.
    given: Vec<(&'static str, String)>,
    began: Moment,
    /// The embedded API serves until this is dropped.
    _server: Option<Server>,
}

#[derive(Debug)]
struct Replica {
    name: String,
    process: Child,
}

impl Replica {
    fn pid(&self) -> Outcome<Pid> {
        let id = self.process.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok(id.ok_or("it has ended")?)
    }
}

/// How a replica is ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The replica shuts down.
    Sigterm,
    /// The replica is killed.
    Sigkill,
}

impl Harness {
    /// Chooses the API: the cluster of `--kubeconfig FILE`, otherwise the embedded one.
    ///
    /// # Errors
    ///
    /// If the arguments are wrong, the file does not exist, or no port is free.
    pub async fn open(name: &str) -> Outcome<Harness> {
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
        let reader = LogReader::create(folder.join("work.log"))?;
        Ok(Harness {
            kubeconfig,
            folder,
            reader,
            replicas: Vec::new(),
            given: Vec::new(),
            began: SystemClock.now(),
            _server: server,
        })
    }

    /// Gives the replicas that are started from now on a variable in their environment.
    pub fn give(&mut self, name: &'static str, value: String) {
        self.given.push((name, value));
    }

    /// A folder for files of the example. It is removed when this is dropped.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts a replica: a process of this program. Its environment tells it that it is a replica.
    ///
    /// # Errors
    ///
    /// If the process cannot be started.
    pub fn start(&mut self, name: &str) -> Outcome<()> {
        let process = Command::new(std::env::current_exe()?)
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| ["PATH", "HOME", "RUST_LOG", "TMPDIR"].contains(&name.as_str())))
            .env("KUBECONFIG", &self.kubeconfig)
            .env("POD_NAME", name)
            .envs([self.reader.for_replica()])
            .envs(self.given.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        self.replicas.push(Replica { name: name.to_owned(), process });
        Ok(())
    }

    /// Sends a signal. Returns the time right before that, and a future that waits for the end of the process.
    ///
    /// # Errors
    ///
    /// If there is no such replica.
    pub fn end(&mut self, name: &str, how: End) -> Outcome<(Moment, impl Future<Output = Outcome<()>> + use<>)> {
        let found = self.replicas.iter().position(|replica| replica.name == name);
        let mut replica = self.replicas.remove(found.ok_or_else(|| format!("there is no {name} to end"))?);
        let id = replica.pid()?;
        let at = SystemClock.now();
        kill_process(id, if how == End::Sigterm { Signal::TERM } else { Signal::KILL })?;
        let gone = async move {
            let name = &replica.name;
            let waited = tokio::time::timeout(TIMEOUT, replica.process.wait()).await;
            let status = waited.map_err(|_| format!("{name} does not end after {how}"))??;
            if how == End::Sigterm && !status.success() {
                return Err(format!("{name} failed after {how}: {status}").into());
            }
            Ok(())
        };
        Ok((at, gone))
    }

    /// Stops a replica, until [`go_on`](Self::go_on): it does nothing, and learns of nothing. Returns the time right before that.
    ///
    /// # Errors
    ///
    /// If there is no such replica.
    pub fn stop(&self, name: &str) -> Outcome<Moment> {
        self.signal(name, Signal::STOP)
    }

    /// Lets a stopped replica continue. Returns the time right before that.
    ///
    /// # Errors
    ///
    /// If there is no such replica.
    pub fn go_on(&self, name: &str) -> Outcome<Moment> {
        self.signal(name, Signal::CONT)
    }

    fn signal(&self, name: &str, signal: Signal) -> Outcome<Moment> {
        let found = self.replicas.iter().find(|replica| replica.name == name);
        let id = found.ok_or_else(|| format!("there is no {name}"))?.pid()?;
        let at = SystemClock.now();
        kill_process(id, signal)?;
        Ok(at)
    }

    /// Creates a flag, for [`WorkLog::has_flag`](super::WorkLog::has_flag). Returns the time right before that.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn set_flag(&self, flag: &str) -> Outcome<Moment> {
        let at = SystemClock.now();
        std::fs::write(self.folder.join(flag), "")?;
        Ok(at)
    }

    /// Removes a flag.
    ///
    /// # Errors
    ///
    /// If there is no such flag.
    pub fn clear_flag(&self, flag: &str) -> Outcome<Moment> {
        let at = SystemClock.now();
        std::fs::remove_file(self.folder.join(flag))?;
        Ok(at)
    }

    /// Waits until `look` finds something in the log.
    ///
    /// # Errors
    ///
    /// If nothing is found within a minute, or a replica ends by itself meanwhile.
    pub async fn wait<T>(&mut self, what: &str, look: impl Fn(&[Entry]) -> Option<T>) -> Outcome<T> {
        let deadline = SystemClock.now() + TIMEOUT;
        loop {
            if let Some(found) = look(self.reader.read()?) {
                return Ok(found);
            }
            for replica in &mut self.replicas {
                if let Some(status) = replica.process.try_wait()? {
                    return Err(format!("{} has ended by itself ({status})", replica.name).into());
                }
            }
            if SystemClock.now() > deadline {
                return Err(format!("{what} did not come within {TIMEOUT:?}").into());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Like [`wait`](Self::wait), for the first `wanted` entry.
    ///
    /// # Errors
    ///
    /// Like [`wait`](Self::wait).
    pub async fn wait_for(&mut self, what: &str, wanted: impl Fn(&Entry) -> bool) -> Outcome<Entry> {
        self.wait(what, |entries| entries.iter().find(|entry| wanted(entry)).cloned()).await
    }

    /// The log so far.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or a line is malformed.
    pub fn log(&mut self) -> Outcome<&[Entry]> {
        Ok(self.reader.read()?)
    }

    /// Prints what happened and when.
    pub fn say(&self, at: Moment, what: &str) {
        println!("{:>6.2} s  {what}", at.since(self.began).as_secs_f64());
    }

    /// Stops the remaining replicas. The log can still be read.
    ///
    /// # Errors
    ///
    /// If a replica fails.
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

impl Drop for Harness {
    fn drop(&mut self) {
        // Cleans up also after an error. A file that cannot be removed remains in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == End::Sigterm { "SIGTERM" } else { "SIGKILL" })
    }
}
