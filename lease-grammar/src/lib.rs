#![doc = include_str!("../README.md")]

pub mod cron;
pub mod duration;
pub mod suggest;
pub mod value;
