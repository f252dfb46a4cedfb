//! The identity of a candidate.

use std::io;
use std::sync::Arc;

use crate::elector::cut;
use crate::error::Error;

/// The longest identity, in bytes.
const LONGEST: usize = 255;
/// The longest part of it that comes from `POD_UID`. Kubernetes sets one of 36 bytes.
const LONGEST_UID: usize = 64;

/// `POD_NAME_POD_UID_NONCE`: `prefix`, or the name of the pod or host, then the uid of the pod if it is known, then 64 bits
/// from the operating system.
///
/// The last part is new for every candidate and cannot be turned off. A process that took another's record for its own would
/// run beside it. The bits come from no generator that the program can seed or a fork can copy.
///
/// # Errors
///
/// If the operating system gives no random numbers.
pub(super) fn unique(prefix: Option<String>) -> Result<Arc<str>, Error> {
    let prefix = prefix.as_deref().and_then(usable).or_else(from_env).unwrap_or_else(|| "unknown".to_owned());
    with_nonce(&prefix, variable("POD_UID").as_deref())
}

/// The same for this pod, whatever the environment says.
pub(super) fn of_pod(name: &str, uid: &str) -> Result<Arc<str>, Error> {
    with_nonce(name, Some(uid))
}

fn with_nonce(prefix: &str, uid: Option<&str>) -> Result<Arc<str>, Error> {
    let mut nonce = [0; 8];
    getrandom::getrandom(&mut nonce).map_err(|error| Error::Random(Arc::new(io::Error::from(error))))?;
    Ok(joined(prefix, uid, u64::from_ne_bytes(nonce)))
}

fn joined(prefix: &str, uid: Option<&str>, nonce: u64) -> Arc<str> {
    let uid = uid.map(|uid| format!("_{}", cut(uid, LONGEST_UID))).unwrap_or_default();
    let end = format!("{uid}_{nonce:016x}");
    format!("{}{end}", cut(prefix, LONGEST - end.len())).into()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().as_deref().and_then(usable)
}

fn from_env() -> Option<String> {
    // Windows calls it COMPUTERNAME.
    variable("POD_NAME").or_else(|| variable("HOSTNAME")).or_else(host_name).or_else(|| variable("COMPUTERNAME"))
}

#[cfg(unix)]
fn host_name() -> Option<String> {
    usable(&rustix::system::uname().nodename().to_string_lossy())
}

#[cfg(not(unix))]
fn host_name() -> Option<String> {
    None
}

fn usable(name: &str) -> Option<String> {
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same_and_the_prefix_is_kept() {
        let [a, b] = [" pod-7 ", "pod-7"].map(|prefix| unique(Some(prefix.to_owned())).unwrap());
        assert!(a.starts_with("pod-7_") && b.starts_with("pod-7_"));
        assert_ne!(a, b);
    }

    #[test]
    fn the_pod_is_in_it_where_it_is_known() {
        let uid = "8f1c2f5e-5d0a-4a43-9d6f-0a3c5b1c9e77";
        assert_eq!(&*joined("pod-7", Some(uid), 0xf), format!("pod-7_{uid}_000000000000000f"));
        assert_eq!(&*joined("pod-7", None, u64::MAX), "pod-7_ffffffffffffffff");
    }

    #[test]
    fn it_is_bounded_and_ends_with_the_nonce() {
        for (prefix, uid) in [("p".repeat(1000), "u".repeat(1000)), ("é".repeat(1000), "é".repeat(1000))] {
            let name = joined(&prefix, Some(&uid), 0xf);
            assert!((LONGEST - 1..=LONGEST).contains(&name.len()), "{}", name.len());
            assert!(name.ends_with("_000000000000000f"));
        }
    }

    #[test]
    fn a_program_that_seeds_its_generator_does_not_choose_the_identity() {
        let seeded = || {
            fastrand::seed(42);
            unique(Some("pod-7".to_owned())).unwrap()
        };
        assert_ne!(seeded(), seeded());
    }

    #[test]
    fn without_a_prefix_there_is_a_name() {
        let name = unique(Some("  ".to_owned())).unwrap();
        assert!(name.len() > 17 && !name.starts_with('_'), "{name}");
    }
}
