//! The engine: processes with paused runtimes and clocks of their own, an API server, and the network between them.
//!
//! Global time advances by steps. A step is as long as the smallest latency of the network. What is sent in one step arrives in a
//! later one, so the processes can run one after the other within a step. Within its step, a process runs each of its timers at
//! the right instant of its own clock.

mod client;
mod clock;
mod here;
mod message;
mod network;
mod process;
mod runtime;
mod server;
mod wire;
mod world;

pub(crate) use client::NetworkService;
pub(crate) use clock::{MILLI, Nanos, SECOND, wall_at};
pub(crate) use here::Here;
pub(crate) use message::Who;
pub(crate) use network::{Link, Network, NetworkFaults};
pub(crate) use process::Process;
pub(crate) use server::NAMESPACE;
pub(crate) use world::World;
