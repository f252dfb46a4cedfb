//! The protocol of leader tasks on Kubernetes Leases, without I/O: no socket, no clock, no thread, no randomness of its own.
//!
//! * [`election`]: who may hold a lease, and until when. It is given answers, observations and times, and returns
//!   requests and the ends of terms.
//! * [`ticks`]: which runs of scheduled tasks the holder takes. Each take is part of a write that also renews.
//! * [`handover`]: what an operator asks of a holder, and which candidate is to follow.
//! * [`schedule`]: when a task is due.
//! * [`clock`]: the points in time that the other modules compute with.
//!
//! `lease-runtime` runs this crate against an API server. Its tests run it under a model checker and in a simulation.
//! Programs use `lease-runtime`: the API of this crate may change with each of its releases.

pub mod clock;
pub mod election;
pub mod handover;
pub mod schedule;
pub mod ticks;
