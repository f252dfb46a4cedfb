//! Where PostgreSQL is on this machine, and as whom it runs.

use std::path::PathBuf;

/// The programs of one installation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Programs {
    /// The folder with `initdb` and `postgres`.
    pub(crate) folder: PathBuf,
    /// The user and group that they run as, if not as ours: PostgreSQL does not run as root.
    pub(crate) user: Option<(u32, u32)>,
}

/// PostgreSQL, if it is installed and can be run.
pub(crate) fn find() -> Option<Programs> {
    let user = if rustix::process::geteuid().is_root() {
        Some(user_of(&std::fs::read_to_string("/etc/passwd").ok()?)?)
    } else {
        None
    };
    let folder =
        folders().into_iter().find(|folder| ["initdb", "postgres"].iter().all(|name| folder.join(name).exists()))?;
    Some(Programs { folder, user })
}

/// Those where Debian puts each version, newest first, and those where commands are searched.
fn folders() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    folders
}

/// The user that the package of PostgreSQL has made.
fn user_of(passwd: &str) -> Option<(u32, u32)> {
    let line = passwd.lines().find(|line| line.starts_with("postgres:"))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
