//! What a candidate is called.

use std::sync::Arc;

/// `prefix`, or the pod's or host's name, and a random part.
///
/// The random part is new at every start of the process and cannot be turned off: a process that could mistake another's
/// record for its own would run beside it.
pub(super) fn unique(prefix: Option<String>) -> Arc<str> {
    let prefix = prefix.as_deref().and_then(usable).or_else(from_env).unwrap_or_else(|| "unknown".to_owned());
    format!("{prefix}_{:016x}", fastrand::u64(..)).into()
}

fn from_env() -> Option<String> {
    let variable = |name| std::env::var(name).ok().as_deref().and_then(usable);
    // COMPUTERNAME is what Windows calls it.
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
        let (a, b) = (unique(Some(" pod-7 ".to_owned())), unique(Some("pod-7".to_owned())));
        assert!(a.starts_with("pod-7_") && b.starts_with("pod-7_"));
        assert_eq!(a.len(), "pod-7_".len() + 16);
        assert_ne!(a, b);
    }

    #[test]
    fn without_a_prefix_there_is_a_name() {
        let name = unique(Some("  ".to_owned()));
        assert!(name.len() > 17 && !name.starts_with('_'), "{name}");
    }
}
