#![doc = include_str!("../README.md")]

pub mod cron;
pub mod duration;
#[cfg(test)]
mod fuzz;
pub mod names;
mod rule;
pub mod schedule;
pub mod suggest;
pub mod timing;
pub mod value;
pub mod zone;

pub use rule::Rule;
