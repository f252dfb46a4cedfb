//! Common code of the integration tests: fault injection, event logs, replicas as processes.

pub mod api;
pub mod cargo;
#[cfg(unix)]
pub mod cluster;
pub mod error;
pub mod invariants;
pub mod log;
#[cfg(unix)]
pub mod program;
pub mod proxy;
#[cfg(unix)]
pub mod replica;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod service;
pub mod ticks;
#[cfg(unix)]
pub mod world;
