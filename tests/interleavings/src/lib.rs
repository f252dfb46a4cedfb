//! The threads of a term in all orders.
//!
//! The modules `clock`, `lease`, `policy`, `term` and `tick` are the files of `lease-runtime`, unchanged. They take their
//! primitives from `crate::sync`, and here these are loom's. loom runs a case again and again, until it has tried each order of the
//! operations on these primitives, and each value that a load may return by the memory model. The README of this package says what
//! that covers.

mod sync;
#[allow(dead_code, unreachable_pub, reason = "a part of lease-runtime")]
pub mod term;

#[path = "../../../lease-runtime/src/clock.rs"]
pub mod clock;
#[allow(dead_code, unexpected_cfgs, unreachable_pub, reason = "a part of lease-runtime")]
#[path = "../../../lease-runtime/src/lease.rs"]
mod lease;
#[allow(dead_code, unreachable_pub, reason = "a part of lease-runtime")]
#[path = "../../../lease-runtime/src/policy.rs"]
mod policy;
#[allow(dead_code, unreachable_pub, reason = "a part of lease-runtime")]
#[path = "../../../lease-runtime/src/tick.rs"]
mod tick;
