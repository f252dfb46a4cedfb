//! The processes of a run: a process group whose leader is a guard.
//!
//! The guard is this program again, see `guard.rs`. It exists before the program of the user does, and it is not waited for while
//! the group is in use. So the id of the group cannot belong to other processes.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use lease_runtime::Term;
use lease_runtime::clock::{Clock, Moment, SystemClock};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::sleep;

/// How often the guard learns the deadline. A renewal of the lease extends it.
const NEWS: Duration = Duration::from_millis(250);

/// A process group. Its processes are killed when it is dropped.
pub(super) struct ProcessGroup {
    id: Pid,
    guard: Child,
    to_guard: ChildStdin,
    /// What the guard was told, and what it was told before that: it may have acted before it read the last one.
    deadlines: [Moment; 2],
}

impl ProcessGroup {
    /// Starts the guard, and waits until it is ready.
    pub(super) async fn start(term: &Term) -> io::Result<ProcessGroup> {
        let mut command = Command::new(own_program()?);
        command.arg(super::guard::ARGUMENT).process_group(0).kill_on_drop(true);
        let mut guard = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let gone = || io::Error::other("it ended at once");
        let id = guard.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw).ok_or_else(gone)?;
        let (to_guard, from_guard) = (guard.stdin.take().ok_or_else(gone)?, guard.stdout.take().ok_or_else(gone)?);
        let mut group = ProcessGroup { id, guard, to_guard, deadlines: [Moment::FAR; 2] };
        group.tell(term).await?;
        match BufReader::new(from_guard).lines().next_line().await? {
            Some(_) => Ok(group),
            None => Err(gone()),
        }
    }

    pub(super) fn id(&self) -> i32 {
        self.id.as_raw_nonzero().get()
    }

    /// Tells the guard the deadline again and again. Returns when the guard has ended.
    pub(super) async fn guarded(&mut self, term: &Term) {
        loop {
            tokio::select! {
                biased;
                _ = self.guard.wait() => return,
                () = sleep(NEWS) => {}
            }
            if self.tell(term).await.is_err() {
                return;
            }
        }
    }

    /// The deadline by the clock of the machine, which the guard reads too.
    async fn tell(&mut self, term: &Term) -> io::Result<()> {
        // The clock first: the deadline must not come out too late if this process pauses in between.
        let now = SystemClock.now();
        let deadline = now + term.remaining();
        self.deadlines = [self.deadlines[1], deadline];
        self.to_guard.write_all(format!("{}\n", deadline.as_nanos()).as_bytes()).await
    }

    /// Whether the guard has killed the group, or is about to: this process was late with a later deadline.
    pub(super) fn is_overdue(&self) -> bool {
        self.deadlines.iter().any(|deadline| SystemClock.now() >= *deadline)
    }

    pub(super) fn signal(&self, signal: Signal) {
        // An error means that the group is gone.
        let _ = kill_process_group(self.id, signal);
    }

    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The file of this program, also if it was replaced since it was started.
fn own_program() -> io::Result<std::path::PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}
