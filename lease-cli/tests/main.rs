//! The program on the embedded API, over TCP.

mod reading;
mod world;
