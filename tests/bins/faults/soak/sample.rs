//! What a replica has at one moment.

use std::path::Path;
use std::time::Duration;

use crate::crew::Member;
use crate::role::Tasks;
use crate::scene::Scene;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sample {
    pub(crate) member: String,
    /// Since the beginning.
    pub(crate) at: Duration,
    pub(crate) threads: u64,
    /// Tasks of the runtime of its bodies. `None` until it has counted them.
    pub(crate) tasks: Option<Tasks>,
    pub(crate) sockets: u64,
    /// All open files, with the sockets.
    pub(crate) files: u64,
    /// Resident memory, in KiB.
    pub(crate) memory: u64,
}

pub(crate) fn print_head() {
    println!("\n   time  replica     threads          tasks  sockets  files  memory");
}

impl Sample {
    pub(crate) fn print(&self) {
        let Sample { member, at, threads, tasks, sockets, files, memory } = self;
        let at = at.as_secs();
        let tasks = tasks.map_or_else(|| "-".to_owned(), |tasks| tasks.to_string());
        println!("{at:5} s  {member:10} {threads:8} {tasks:>14} {sockets:8} {files:6} {memory:7} KiB");
    }
}

/// `None` if the process has ended.
pub(crate) fn of(scene: &Scene, member: &Member, at: Duration) -> Option<Sample> {
    let pid = member.pid()?;
    let folder = Path::new("/proc").join(pid.to_string());
    let status = std::fs::read_to_string(folder.join("status")).ok()?;
    let field = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let files: Vec<_> = std::fs::read_dir(folder.join("fd")).ok()?.flatten().collect();
    let is_socket = |file: &&std::fs::DirEntry| {
        std::fs::read_link(file.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"))
    };
    let tasks = scene.log.look(0, |events| {
        let last = events.iter().rev().find(|event| event.pid == pid && event.is("tasks"));
        last.and_then(|event| event.detail.parse().ok())
    });
    Some(Sample {
        member: member.name.clone(),
        at,
        threads: field("Threads:")?,
        tasks,
        sockets: files.iter().filter(is_socket).count() as u64,
        files: files.len() as u64,
        memory: field("VmRSS:")?,
    })
}
