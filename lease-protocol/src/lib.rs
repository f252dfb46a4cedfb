//! The protocol of leader tasks on Kubernetes Leases, without I/O: no socket, no clock, no thread, no randomness of its own.
//!
//! * [`election`]: who may hold a lease, and until when. Answers, observations and time in; requests and the ends of terms out.
//! * [`ticks`]: which runs of scheduled tasks the holder takes, each by a write that also renews.
//! * [`schedule`]: when a task is due.
//! * [`clock`]: points in time, as these compute with them.
//!
//! `lease-runtime` drives it against an API server, a model checker and a simulation drive it in its tests. Programs use
//! `lease-runtime`; the API of this crate may change with each of its releases.

pub mod clock;
pub mod election;
pub mod schedule;
pub mod ticks;
