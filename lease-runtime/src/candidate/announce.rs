//! Prepares the proofs of the death of this process, before its identity is sent anywhere.

use std::path::PathBuf;
use std::sync::Arc;

use crate::elector::{MarkPlace, StateDir};
use crate::spec::OwnPod;
use lease_protocol::election::shown;

/// Announces the identity in the state directory, on another thread, since the disk may be slow.
pub(super) async fn announce(path: Option<PathBuf>, identity: &Arc<str>) -> Option<StateDir> {
    let path = path?;
    let shown_path = shown(&path.display().to_string()).to_string();
    let announcing = Arc::clone(identity);
    let announced = tokio::task::spawn_blocking(move || StateDir::announce(&path, &announcing)).await;
    let problem = match announced {
        Ok(Ok(state_dir)) => {
            let said = "other processes that use the state directory find out at once when this one is dead";
            tracing::info!(target: "lease_runtime", identity = %shown(identity), state_dir = %shown_path, "{said}");
            return Some(state_dir);
        }
        Ok(Err(unusable)) => unusable.to_string(),
        Err(panic) => panic.to_string(),
    };
    tracing::warn!(
        target: "lease_runtime",
        identity = %shown(identity),
        state_dir = %shown_path,
        "the state directory cannot be used, so after a crash the next leader waits until the lease has run out: {problem}"
    );
    None
}

/// Leaves the mark of this process in the termination message of its container, on another thread, since that is a file.
pub(super) async fn leave_mark(place: MarkPlace, identity: &Arc<str>, pod: &OwnPod) {
    let (marking, pod) = (Arc::clone(identity), pod.clone());
    let marked = tokio::task::spawn_blocking(move || place.leave(&marking, pod.name_and_uid())).await;
    let problem = match marked {
        Ok(Ok(())) => return,
        Ok(Err(unmarked)) => unmarked.to_string(),
        Err(panic) => panic.to_string(),
    };
    tracing::warn!(
        target: "lease_runtime",
        identity = %shown(identity),
        "this process cannot leave its mark in the termination message of its container, so after a crash the next leader waits until \
         the lease has run out: {problem}"
    );
}
