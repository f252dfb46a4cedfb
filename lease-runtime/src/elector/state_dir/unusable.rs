//! Why a state directory cannot be used, and what to do about it.

use std::io::{Error, ErrorKind};

/// Why a state directory cannot be used. Elections then go on without it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "elsewhere the directory is never looked at"))]
pub(crate) enum Unusable {
    #[error("there is no such directory: mount an `emptyDir` there, or create it")]
    Missing,
    #[error("it is no directory: name the directory itself")]
    NoDirectory,
    #[error(
        "this process may not {what} in it: let the user of the process write there, as every user may in an `emptyDir`"
    )]
    NotAllowed { what: &'static str },
    #[error("it cannot be written, because its file system is mounted read-only: mount an `emptyDir` there")]
    ReadOnly,
    #[error("there is no room in it for a file of 1 KiB: raise its `sizeLimit` or quota, or remove what fills it")]
    Full,
    #[error("{}", of_file_system(*name, *magic))]
    FileSystem { name: Option<&'static str>, magic: u32 },
    #[error(
        "the system does not say which start of the machine this is (/proc/sys/kernel/random/boot_id: {reason}): nothing can be done \
         about it in a sandbox like gVisor, so set no state directory there"
    )]
    NoBootId { reason: String },
    #[error("the identity does not end with `_` and 16 hexadecimal digits: this is a bug in lease-runtime, report it")]
    Identity,
    #[error("this process cannot {what} in it ({reason}): see what the system says")]
    Other { what: &'static str, reason: String },
    #[error("it works on Linux only: set no state directory here")]
    #[cfg_attr(target_os = "linux", allow(dead_code, reason = "for other systems"))]
    System,
}

impl Unusable {
    /// The system has refused to do this.
    pub(in crate::elector::state_dir) fn at(what: &'static str, cause: impl Into<Error>) -> Unusable {
        let cause = cause.into();
        match cause.kind() {
            ErrorKind::PermissionDenied => Unusable::NotAllowed { what },
            ErrorKind::ReadOnlyFilesystem => Unusable::ReadOnly,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Unusable::Full,
            _ => Unusable::Other { what, reason: cause.to_string() },
        }
    }

    /// The directory itself could not be opened.
    pub(in crate::elector::state_dir) fn open(cause: impl Into<Error>) -> Unusable {
        let cause = cause.into();
        match cause.kind() {
            ErrorKind::NotFound => Unusable::Missing,
            ErrorKind::NotADirectory => Unusable::NoDirectory,
            _ => Unusable::at("look", cause),
        }
    }
}

fn of_file_system(name: Option<&str>, magic: u32) -> String {
    let remedy = "use an `emptyDir`, or a local disk";
    match name {
        Some(name) => {
            format!("its file system is {name}, whose locks do not prove that a process is dead: {remedy}")
        }
        None => format!("its file system is unknown ({magic:#x}), so its locks prove nothing: {remedy}"),
    }
}
