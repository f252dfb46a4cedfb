//! The guard of a process group: it kills the group when the process that runs `exec` is gone, or is late.
//!
//! Rust code without `unsafe` cannot ask the system to kill a child with its parent. So the guard reads from a pipe whose other end only
//! the parent has: the system closes it when the parent ends, whatever ends it. The parent writes the deadline of its term into
//! the pipe. If it is stopped or starved, it writes no later one, and the guard kills the group at the deadline.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use lease_runtime::clock::{Clock, Moment, SystemClock};
use rustix::process::{Signal, kill_current_process_group};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe::Receiver;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

/// The argument that makes this program a guard.
pub(crate) const ARGUMENT: &str = "__guard";
/// How often the guard looks at the clock. A timer would not notice that the machine was suspended.
const LOOK: Duration = Duration::from_millis(50);

/// Returns only if it cannot guard. Otherwise it ends with its group.
pub(crate) async fn run() -> io::Result<()> {
    // The group is signalled as a whole, and the guard must outlive what the others end at.
    let kinds = [
        SignalKind::hangup(),
        SignalKind::interrupt(),
        SignalKind::quit(),
        SignalKind::terminate(),
        SignalKind::user_defined1(),
        SignalKind::user_defined2(),
        SignalKind::alarm(),
    ];
    let _ignored = kinds.into_iter().map(signal).collect::<io::Result<Vec<_>>>()?;
    let pipe = Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    let mut lines = BufReader::new(pipe).lines();
    let mut deadline = moment(lines.next_line().await?);
    // From here on, the parent may start the program.
    io::stdout().write_all(b"ready\n")?;
    while SystemClock.now() < deadline {
        tokio::select! {
            biased;
            line = lines.next_line() => deadline = moment(line.unwrap_or_default()),
            () = sleep(LOOK) => {}
        }
    }
    Ok(kill_current_process_group(Signal::KILL)?)
}

/// The deadline in a line. The end of the pipe is a deadline that has passed.
fn moment(line: Option<String>) -> Moment {
    Moment::from_nanos(line.and_then(|line| line.parse().ok()).unwrap_or(0))
}
