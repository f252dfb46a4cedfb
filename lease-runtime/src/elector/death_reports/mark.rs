//! Leaves the mark of this process in the termination message of its container.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use super::MARK;

/// Where the kubelet reads the termination message, unless the container names another file.
const TERMINATION_LOG: &str = "/dev/termination-log";

/// The termination message of the container, and what the process knows of its place in it.
#[derive(Debug)]
pub(crate) struct MarkPlace {
    pub(crate) log: PathBuf,
    /// The file system of processes.
    pub(crate) processes: PathBuf,
    /// This is the first process of its namespace.
    pub(crate) is_first: bool,
}

impl Default for MarkPlace {
    fn default() -> MarkPlace {
        MarkPlace { log: TERMINATION_LOG.into(), processes: "/proc".into(), is_first: std::process::id() == 1 }
    }
}

/// Why the mark was not left. Elections then go on without it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unmarked {
    #[error(
        "the identity does not begin with the name and the uid of the pod: set POD_NAME and POD_UID by the downward API, and no other \
         `identity`"
    )]
    Identity,
    #[error(
        "process 1 is not known to be of this container, so the end of the container would not prove that this process is dead: run \
         the container without `shareProcessNamespace` and `hostPID`, and with process 1 as the same user"
    )]
    NotOfFirst,
    #[error(
        "there is no {TERMINATION_LOG}: run the process in a container of Kubernetes, without another `terminationMessagePath`"
    )]
    Missing,
    #[error("{TERMINATION_LOG} cannot be written ({reason}): let the user of the process write there")]
    Unwritable { reason: String },
}

impl MarkPlace {
    /// Appends the mark of `identity`. `pod` is the name and the uid of the pod. Call it before the identity is sent anywhere. Blocks
    /// for a few system calls.
    ///
    /// # Errors
    ///
    /// If the end of the container would prove nothing, or the mark cannot be written. Others then wait for this process as long as
    /// its leases run.
    pub(crate) fn leave(&self, identity: &str, pod: Option<(&str, &str)>) -> Result<(), Unmarked> {
        if !pod.is_some_and(|(name, uid)| identity.starts_with(&format!("{name}_{uid}_"))) {
            return Err(Unmarked::Identity);
        }
        if !self.is_first && !self.is_with_first() {
            return Err(Unmarked::NotOfFirst);
        }
        self.append(identity).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => Unmarked::Missing,
            _ => Unmarked::Unwritable { reason: cause.to_string() },
        })
    }

    /// Whether process 1 has the mounts of this process, so that it is the first of the same container, and ends all processes of it
    /// with itself. With shared process ids it is that of another container or of the node. What cannot be read is a no.
    fn is_with_first(&self) -> bool {
        let mounts = |process: &str| fs::read_link(self.processes.join(process).join("ns/mnt"));
        matches!((mounts("1"), mounts("self")), (Ok(first), Ok(own)) if first == own)
    }

    fn append(&self, identity: &str) -> io::Result<()> {
        // A pipe in its place would block.
        let metadata = fs::metadata(&self.log)?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        // What is there may end within a line.
        let line = format!("{}{MARK}{identity}\n", if metadata.len() > 0 { "\n" } else { "" });
        OpenOptions::new().append(true).open(&self.log)?.write_all(line.as_bytes())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    const IDENTITY: &str = "pod-7_8f1c2f5e_00000000000000aa";
    const POD: Option<(&str, &str)> = Some(("pod-7", "8f1c2f5e"));

    fn scratch(test: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("lease-runtime-mark-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        path
    }

    /// The place of a process whose process 1 has these mounts.
    fn place(path: &Path, first: Option<&str>) -> MarkPlace {
        for (process, mounts) in [("self", Some("mnt:[7]")), ("1", first)] {
            fs::create_dir_all(path.join(process).join("ns")).unwrap();
            mounts.iter().for_each(|mounts| symlink(mounts, path.join(process).join("ns/mnt")).unwrap());
        }
        fs::write(path.join("log"), "").unwrap();
        MarkPlace { log: path.join("log"), processes: path.to_owned(), is_first: false }
    }

    #[test]
    fn the_mark_is_a_line_of_its_own() {
        let path = scratch("line");
        let place = place(&path, Some("mnt:[7]"));
        place.leave(IDENTITY, POD).unwrap();
        let mark = format!("{MARK}{IDENTITY}\n");
        assert_eq!(fs::read_to_string(&place.log).unwrap(), mark);
        fs::write(&place.log, "said before").unwrap();
        place.leave(IDENTITY, POD).unwrap();
        assert_eq!(fs::read_to_string(&place.log).unwrap(), format!("said before\n{mark}"));
    }

    /// Process 1 is another one with `shareProcessNamespace` and `hostPID`: it may end later than this process, or earlier.
    #[test]
    fn no_mark_is_left_beside_the_first_process_of_others() {
        for (test, first) in [("other", Some("mnt:[8]")), ("unreadable", None)] {
            let path = scratch(test);
            let place = place(&path, first);
            assert!(matches!(place.leave(IDENTITY, POD), Err(Unmarked::NotOfFirst)), "{test}");
            assert_eq!(fs::read_to_string(&place.log).unwrap(), "", "{test}");
            MarkPlace { is_first: true, ..place }.leave(IDENTITY, POD).unwrap();
        }
    }

    #[test]
    fn an_identity_that_does_not_name_the_pod_leaves_no_mark() {
        let path = scratch("identity");
        let place = place(&path, Some("mnt:[7]"));
        for pod in [None, Some(("pod-8", "8f1c2f5e")), Some(("pod-7", "8f1c2f5")), Some(("pod-7", "aa"))] {
            assert!(matches!(place.leave(IDENTITY, pod), Err(Unmarked::Identity)), "{pod:?}");
        }
        assert_eq!(fs::read_to_string(&place.log).unwrap(), "");
    }

    /// The kubelet makes the file. One that this process made would be read by nobody.
    #[test]
    fn the_file_is_not_made() {
        let path = scratch("missing");
        let place = place(&path, Some("mnt:[7]"));
        fs::remove_file(&place.log).unwrap();
        assert!(matches!(place.leave(IDENTITY, POD), Err(Unmarked::Missing)));
        assert!(!place.log.exists());
        fs::create_dir(&place.log).unwrap();
        assert!(matches!(place.leave(IDENTITY, POD), Err(Unmarked::Unwritable { .. })));
    }
}
