#![doc = include_str!("../README.md")]

#[cfg(fuzzing_libfuzzer)]
mod guided;
mod json;
mod script;
mod session;

pub use session::{Target, run};
