//! Takes processor time away from a process.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Context, Result};

/// Of each fifth of a second, a process has this much: in microseconds. It is the least that the kernel allows.
const LEFT: u32 = 1_000;
const PERIOD: u32 = 200_000;

/// How this machine lets us do it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Means {
    /// `cpu.max` of a control group below this folder.
    GroupsV2(PathBuf),
    /// `cpu.cfs_quota_us` of a control group below this folder.
    GroupsV1(PathBuf),
    /// Twice as many busy threads as processors, and the lowest priority for the process.
    BusyLoops,
}

impl Means {
    pub(crate) fn find() -> Means {
        let may = |folder: &Path| {
            let probe = folder.join(format!("lease-faults-probe-{}", std::process::id()));
            std::fs::create_dir(&probe).is_ok() && std::fs::remove_dir(&probe).is_ok()
        };
        let (unified, cpu) = (Path::new("/sys/fs/cgroup"), Path::new("/sys/fs/cgroup/cpu"));
        let controllers = std::fs::read_to_string(unified.join("cgroup.subtree_control")).unwrap_or_default();
        if controllers.split_whitespace().any(|name| name == "cpu") && may(unified) {
            return Means::GroupsV2(unified.to_owned());
        }
        if cpu.join("cpu.cfs_quota_us").exists() && may(cpu) {
            return Means::GroupsV1(cpu.to_owned());
        }
        Means::BusyLoops
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Means::GroupsV2(_) => "quota of a control group (version 2)",
            Means::GroupsV1(_) => "quota of a control group (version 1)",
            Means::BusyLoops => "busy loops and the lowest priority",
        }
    }

    /// Takes the time away from a process until the value is dropped.
    pub(crate) fn starve(&self, pid: u32) -> Result<Starved> {
        match self {
            Means::GroupsV2(root) => {
                Group::make(root, pid, &[("cpu.max", format!("{LEFT} {PERIOD}"))]).map(Starved::Group)
            }
            Means::GroupsV1(root) => {
                let settings = [("cpu.cfs_period_us", PERIOD.to_string()), ("cpu.cfs_quota_us", LEFT.to_string())];
                Group::make(root, pid, &settings).map(Starved::Group)
            }
            Means::BusyLoops => Loops::start(pid).map(Starved::Loops),
        }
    }
}

/// Keeps a process short of time.
pub(crate) enum Starved {
    Group(#[expect(dead_code, reason = "it gives the time back when it is dropped")] Group),
    Loops(#[expect(dead_code, reason = "it ends the loops when it is dropped")] Loops),
}

/// A control group with one process.
pub(crate) struct Group {
    root: PathBuf,
    folder: PathBuf,
}

impl Group {
    fn make(root: &Path, pid: u32, settings: &[(&str, String)]) -> Result<Group> {
        let folder = root.join(format!("lease-faults-{pid}-{:06x}", fastrand::u32(..0x100_0000)));
        std::fs::create_dir(&folder).context(|| format!("cannot create {}", folder.display()))?;
        let group = Group { root: root.to_owned(), folder };
        for (name, value) in settings {
            std::fs::write(group.folder.join(name), value).context(|| (*name).to_owned())?;
        }
        // It may have ended: then there is nothing to take away.
        let _ = std::fs::write(group.folder.join("cgroup.procs"), pid.to_string());
        Ok(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let pids = std::fs::read_to_string(self.folder.join("cgroup.procs")).unwrap_or_default();
        for pid in pids.lines() {
            let _ = std::fs::write(self.root.join("cgroup.procs"), pid);
        }
        let _ = std::fs::remove_dir(&self.folder);
    }
}

/// Busy threads.
pub(crate) struct Loops {
    over: Arc<AtomicBool>,
}

impl Loops {
    fn start(pid: u32) -> Result<Loops> {
        // All threads of the process, each of which has a priority of its own.
        for thread in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let _ = std::process::Command::new("renice").args(["-n", "19", "-p"]).arg(thread.file_name()).output()?;
        }
        let over = Arc::<AtomicBool>::default();
        for _ in 0..2 * std::thread::available_parallelism()?.get() {
            let over = over.clone();
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop()
                }
            });
        }
        Ok(Loops { over })
    }
}

impl Drop for Loops {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
