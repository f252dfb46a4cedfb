#![doc = include_str!("../README.md")]

mod json;
mod script;
mod session;

pub use session::{Target, run};
