//! The Rust samples of the documentation, which `build.rs` turns into functions. They must compile. The test does not run them.
//!
//! A sample that uses another crate is marked `rust,ignore`.

#![allow(
    unused,
    unnameable_test_items,
    clippy::all,
    clippy::disallowed_methods,
    reason = "samples are written for readers"
)]

mod context;
mod manifests;
mod recipes;

include!(concat!(env!("OUT_DIR"), "/pages.rs"));

#[test]
fn samples_are_found() {
    assert!(SAMPLES >= 20, "{SAMPLES} samples: does `build.rs` still find them?");
}
