//! Proves that a process is dead, by what the kubelet reports about its container.
//!
//! A process leaves a mark with its identity in the termination message of its container. The kubelet copies the message into the
//! status of the pod when the container has terminated, and not before. So where the status of a terminated container has the mark of
//! an identity, its process is dead (rule D3). No clock takes part in this.

mod asker;
mod mark;
mod problem;
mod verdict;

pub(super) use asker::{PodAsker, PodInquiry};
pub(crate) use mark::MarkPlace;

/// What begins the line that a process leaves in the termination message of its container. Its identity follows.
const MARK: &str = "lease-runtime.dev/identity=";
