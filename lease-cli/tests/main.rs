//! The program on the embedded API, over TCP.

#[cfg(target_os = "linux")]
mod exec;
mod reading;
mod world;
