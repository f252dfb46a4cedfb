//! Shared by the integration tests: fault injection, event logs, replicas as processes.

pub mod api;
pub mod log;
pub mod proxy;
