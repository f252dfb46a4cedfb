//! The engine: processes with paused runtimes and clocks of their own, an API server, and the network between them.
//!
//! Global time advances by steps. Nothing arrives sooner than the smallest latency after it was sent. So the processes, one after
//! the other, run until a latency after the time of the server, and then the server until a latency after theirs. Within its
//! step, each runs its timers at the right instant of its own clock.

mod client;
mod clock;
mod here;
mod message;
mod network;
mod process;
mod runtime;
mod server;
mod signs;
mod wire;
mod world;

pub(crate) use client::NetworkService;
pub(crate) use clock::{MILLI, Nanos, SECOND, wall_at};
pub(crate) use here::Here;
pub(crate) use message::Who;
pub(crate) use network::{EventFate, Link, Network, NetworkFaults};
pub(crate) use process::Process;
pub(crate) use server::NAMESPACE;
pub(crate) use signs::put_pods_and_services;
pub(crate) use world::World;
