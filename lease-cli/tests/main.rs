//! The program on the embedded API, over TCP.

mod doctor;
#[cfg(target_os = "linux")]
mod exec;
mod handover;
mod live;
#[cfg(unix)]
mod mistakes;
mod reading;
mod world;
