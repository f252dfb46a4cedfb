//! The candidates as processes, each with a link of its own to the API server.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use lease_tests::log::{Event, now};
use lease_tests::program::CANDIDATE;
use lease_tests::proxy::Proxy;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};

use crate::candidate::{Form, Settings, program};
use crate::error::{Context, Result};

/// How long a process may take to end.
const END: Duration = Duration::from_secs(30);

/// A candidate. It is one process after the other.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) link: Proxy,
    pub(crate) settings: Settings,
    pub(crate) kubeconfig: PathBuf,
    folder: PathBuf,
    process: RefCell<Option<Process>>,
    starts: Cell<usize>,
}

struct Process {
    child: Child,
    pid: u32,
    orders: Option<ChildStdin>,
    /// The ends that we have asked for, or made possible.
    allowed: Vec<End>,
    errors: PathBuf,
}

/// How a process may end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// After SIGTERM.
    Success,
    /// After SIGKILL.
    Killed,
    /// By the watchdog, after it was stopped, blocked or starved in the middle of a poll.
    Aborted,
    /// With this exit code, which is not 0.
    Exit(i32),
}

impl End {
    fn of(status: ExitStatus) -> Option<End> {
        match status.signal() {
            None if status.success() => Some(End::Success),
            Some(signal) if signal == Signal::KILL.as_raw() => Some(End::Killed),
            Some(signal) if signal == Signal::ABORT.as_raw() => Some(End::Aborted),
            Some(_) => None,
            None => status.code().map(End::Exit),
        }
    }
}

impl Member {
    pub(crate) fn new(name: String, link: Proxy, settings: Settings, kubeconfig: PathBuf, folder: &Path) -> Member {
        let (process, starts) = (RefCell::default(), Cell::new(0));
        Member { name, link, settings, kubeconfig, folder: folder.to_owned(), process, starts }
    }

    /// Starts a process, unless there is one.
    pub(crate) fn start(&self) -> Result<()> {
        if self.pid().is_some() {
            return Ok(());
        }
        self.starts.set(self.starts.get() + 1);
        let name = format!("{}-{}", self.name, self.starts.get());
        let errors = self.folder.join(format!("{name}.stderr"));
        let settings = Settings { log: self.folder.join(format!("{name}.jsonl")), ..self.settings.clone() };
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(CANDIDATE).arg(serde_json::to_string(&settings)?);
        // The environment of the run must not show a candidate a cluster, and must not configure it.
        for variable in
            ["KUBERNETES_SERVICE_HOST", "POD_NAMESPACE", "HOSTNAME", "RUST_LOG", "LEASE_PREFIX", "LEASE_LABELS"]
        {
            command.env_remove(variable);
        }
        command.env("KUBECONFIG", &self.kubeconfig).env("POD_NAME", &self.name).env("HOME", &self.folder);
        command.envs(self.settings.environment());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(File::create(&errors)?);
        // Ctrl-C is for the run to handle.
        let mut child =
            command.process_group(0).kill_on_drop(true).spawn().context(|| format!("cannot start {name}"))?;
        let (pid, orders) = (child.id().ok_or("a process without an id")?, child.stdin.take());
        *self.process.borrow_mut() = Some(Process { child, pid, orders, allowed: Vec::new(), errors });
        Ok(())
    }

    /// Whether it is `exec`, and so more than one process.
    pub(crate) fn is_exec(&self) -> bool {
        matches!(self.settings.form, Form::Exec(_))
    }

    /// The process, if there is one that has not been [reaped](Member::reap).
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.borrow().as_ref().map(|process| process.pid)
    }

    /// Allows the process that runs now to end like this.
    pub(crate) fn allow(&self, end: End) {
        if let Some(process) = &mut *self.process.borrow_mut() {
            process.allowed.push(end);
        }
    }

    /// Sends a signal, if the process runs.
    pub(crate) fn signal(&self, signal: Signal) {
        // Its id is its own until it is reaped.
        self.pid().into_iter().for_each(|pid| send(pid, signal));
    }

    /// Whether this is an event of the process that runs now, or of the program that it runs.
    pub(crate) fn wrote(&self, event: &Event) -> bool {
        self.pid().is_some_and(|pid| event.pid == pid || event.identity == program::identity(&self.name, pid))
    }

    /// Gives an order to the next effect of the process.
    pub(crate) async fn order(&self, order: &str) {
        let orders = self.process.borrow_mut().as_mut().and_then(|process| process.orders.take());
        let Some(mut orders) = orders else { return };
        // It may have ended.
        let _ = orders.write_all(format!("{order}\n").as_bytes()).await;
        if let Some(process) = &mut *self.process.borrow_mut() {
            process.orders = Some(orders);
        }
    }

    /// Forgets a process that has ended. An end that nobody has asked for is an error.
    pub(crate) fn reap(&self) -> Result<bool> {
        let mut slot = self.process.borrow_mut();
        let Some(process) = &mut *slot else { return Ok(true) };
        let Some(status) = process.child.try_wait()? else { return Ok(false) };
        let Some(process) = slot.take() else { return Ok(true) };
        if End::of(status).is_some_and(|end| process.allowed.contains(&end)) {
            return Ok(true);
        }
        let said = std::fs::read_to_string(&process.errors).unwrap_or_default();
        Err(format!("{} (process {}) ended by itself, {status}: {}", self.name, process.pid, said.trim()).into())
    }

    /// Waits until the process has ended.
    pub(crate) async fn end(&self) -> Result<()> {
        let begun = now();
        while !self.reap()? {
            if now().since(begun) > END {
                return Err(format!("{} does not end within {END:?}", self.name).into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

/// Sends a signal to a process, which may have ended.
pub(crate) fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}
