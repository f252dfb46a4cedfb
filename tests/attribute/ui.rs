//! The compiler's message about each mistake, word for word: one mistake in each file, with its `.stderr` beside it.
//!
//! `TRYBUILD=overwrite cargo test -p lease-attribute-tests --test ui` updates them. Read them before you commit them: users see
//! them. The words are those of one version of the compiler, without the component `rust-src`, which adds excerpts of the
//! standard library.

use std::env;
use std::io::Write as _;
use std::process::Command;

/// The version of the compiler that wrote the `.stderr` files.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn mistakes_are_explained() {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("rustc runs: cargo has found it");
    let version = String::from_utf8_lossy(&version.stdout);
    if !version.starts_with(COMPILER) {
        // Not `eprintln!`, which the test harness would hide.
        let _ = writeln!(
            std::io::stderr(),
            "not covered: the words of compile errors, which are checked with {COMPILER}x and not with {}",
            version.trim()
        );
        return;
    }
    trybuild::TestCases::new().compile_fail("ui/*/*.rs");
}
