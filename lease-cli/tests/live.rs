//! `list --watch`, into a pipe.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::time::timeout;

use crate::world::World;

/// A running `list --watch`.
struct Live {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Live {
    fn start(world: &World) -> Live {
        let mut child =
            world.command(&["list", "-w"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let out = child.stdout.take().expect("a pipe");
        Live { child, lines: BufReader::new(out).lines() }
    }

    /// The words of the next line.
    async fn next(&mut self) -> Vec<String> {
        let line = timeout(Duration::from_secs(60), self.lines.next_line()).await.expect("a line in time");
        let line = line.unwrap().expect("it goes on");
        assert!(line.chars().all(|c| !c.is_control()), "{line:?}");
        line.split_whitespace().map(str::to_owned).collect()
    }
}

/// The holder renews.
fn renew(world: &World, name: &str, time: &str) {
    assert!(world.api.edit_lease("jobs", name, |lease| lease["spec"]["renewTime"] = time.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_appended_when_its_lease_changes() {
    let world = World::new("live").await;
    world.lease("jobs", "billing", "pod-7_8f1c", &json!({}));
    world.lease("jobs", "free", "", &json!({}));
    let mut live = Live::start(&world);
    assert_eq!(live.next().await[..3], ["NAMESPACE", "NAME", "HOLDER"]);
    let billing = live.next().await;
    assert_eq!(billing[1..3], ["billing", "pod-7_8f1c"]);
    assert!(billing[5].starts_with('~') && billing[6] == "expired", "{billing:?}");
    assert_eq!(live.next().await[1..3], ["free", "-"]);

    // It has seen this renewal, so it knows the time since then by its own clock, whatever the clock of the holder says.
    renew(&world, "billing", "1971-01-01T00:00:00.000000Z");
    let billing = live.next().await;
    assert_eq!(billing[1..3], ["billing", "pod-7_8f1c"]);
    assert!(["0s", "1s", "2s", "3s"].contains(&&*billing[5]), "{billing:?}");
    assert!(["15s", "14s", "13s", "12s"].contains(&&*billing[6]), "{billing:?}");

    // A connection that breaks is resumed, and what happened meanwhile is shown.
    world.api.break_watches(|_| true);
    renew(&world, "billing", "1971-01-01T00:00:05.000000Z");
    assert_eq!(live.next().await[1], "billing");
    world.lease("jobs", "another", "pod-8", &json!({}));
    assert_eq!(live.next().await[1..3], ["another", "pod-8"]);
    assert!(world.api.delete_lease("jobs", "another"));
    assert_eq!(live.next().await[1..3], ["another", "deleted"]);

    // It ends as kubectl does, at Ctrl-C. If a script has put the test into the background, the shell makes all programs ignore that
    // signal.
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;

        use rustix::process::Signal;
        let signal = if ignores(Signal::INT) { Signal::TERM } else { Signal::INT };
        let id = live.child.id().expect("it runs");
        let id = rustix::process::Pid::from_raw(id.try_into().unwrap()).unwrap();
        rustix::process::kill_process(id, signal).unwrap();
        let status = timeout(Duration::from_secs(30), live.child.wait()).await.expect("it ends").unwrap();
        assert_eq!(status.signal(), Some(signal.as_raw()), "a shell reports 128 more");
    }
}

/// Whether this process, and so those that it starts, ignores a signal. Only Linux shows it.
#[cfg(unix)]
fn ignores(signal: rustix::process::Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    ignored >> (signal.as_raw() - 1) & 1 == 1
}

/// `list -w | head -1` ends without an error.
#[tokio::test(flavor = "multi_thread")]
async fn it_ends_with_the_reader_of_its_output() {
    let world = World::new("live-head").await;
    world.lease("jobs", "billing", "pod-7_8f1c", &json!({}));
    let mut live = Live::start(&world);
    live.next().await;
    live.next().await;
    let Live { mut child, lines } = live;
    drop(lines);
    renew(&world, "billing", "1971-01-01T00:00:00.000000Z");
    let status = timeout(Duration::from_secs(30), child.wait()).await.expect("it ends").unwrap();
    assert!(status.success(), "{status}");
}
