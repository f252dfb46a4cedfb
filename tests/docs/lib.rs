//! The test beside this file compiles the Rust samples of the documentation.
