//! The process of a replica.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Mutex;

use lease_runtime::clock::Moment;
use rustix::process::{Pid, Signal};
use tokio::process::{Child, Command};

use super::Settings;
use crate::log::{PATIENCE, until};
use crate::proxy::Proxy;

/// A replica that is running or has ended. Dropping it kills the process.
pub struct Replica {
    /// Its name in the test.
    pub name: String,
    /// Its process.
    pub pid: u32,
    /// Its link to the API server.
    pub link: Proxy,
    /// Its settings.
    pub settings: Settings,
    stderr: PathBuf,
    child: Mutex<Child>,
}

impl Replica {
    /// Starts `program`.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub fn spawn(
        program: &Path,
        args: &[String],
        name: &str,
        link: Proxy,
        settings: &Settings,
        env: &[(&str, String)],
        dir: &Path,
    ) -> Replica {
        let stderr = dir.join(format!("{name}.stderr"));
        let words = std::fs::File::create(&stderr).expect("a file for stderr cannot be created");
        // Some programs write their log to stdout.
        let also = words.try_clone().expect("a file for stdout cannot be opened");
        let mut command = Command::new(program);
        command.args(args);
        // The replica must not find a cluster through the environment of the test.
        for variable in ["KUBECONFIG", "KUBERNETES_SERVICE_HOST", "POD_NAME", "POD_NAMESPACE", "HOSTNAME", "RUST_LOG"] {
            command.env_remove(variable);
        }
        command.envs(env.iter().map(|(key, value)| (key, value)));
        command.stdin(Stdio::null()).stdout(also).stderr(words).kill_on_drop(true);
        let child = command.spawn().unwrap_or_else(|error| panic!("{} cannot be started: {error}", program.display()));
        let pid = child.id().expect("a process that was just started has an id");
        Replica { name: name.to_owned(), pid, link, settings: settings.clone(), stderr, child: Mutex::new(child) }
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Sends a signal. Returns the time right before that.
    ///
    /// # Panics
    ///
    /// If the process has ended.
    pub fn signal(&self, signal: Signal) -> Moment {
        let at = crate::log::now();
        // Only `ended` reaps the process, so the id has not been reused.
        assert!(self.ended().is_none(), "{self:?} has ended, and cannot be sent {signal:?}");
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).expect("a process id");
        rustix::process::kill_process(pid, signal).expect("a signal cannot be sent");
        at
    }

    /// Its exit status, if it has ended.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.child().try_wait().expect("a child cannot be waited for")
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// If it does not end in time.
    pub async fn end(&self) -> ExitStatus {
        until(&format!("the end of {self:?}"), async || self.ended()).await
    }

    /// Sends SIGKILL and waits for the end of the process. Returns a time after that.
    ///
    /// # Panics
    ///
    /// If it does not end.
    pub async fn kill(&self) -> Moment {
        if self.ended().is_none() {
            self.signal(Signal::KILL);
        }
        self.end().await;
        crate::log::now()
    }

    /// Whether this signal ended it.
    pub fn was_ended_by(&self, signal: Signal) -> bool {
        self.ended().is_some_and(|status| status.signal() == Some(signal.as_raw()))
    }

    /// Its log so far.
    pub fn said(&self) -> String {
        std::fs::read(&self.stderr).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Waits until its log contains this.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub async fn says(&self, words: &str) {
        until(&format!("{self:?} to say {words:?} (within {PATIENCE:?})"), async || {
            self.said().contains(words).then_some(())
        })
        .await;
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.pid)
    }
}
