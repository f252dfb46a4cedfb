//! What the compiler says to each mistake, word for word: one mistake a file, its `.stderr` beside it.
//!
//! `TRYBUILD=overwrite cargo test -p lease-attribute-tests --test ui` writes them anew; read them before you commit them, since they
//! are what users get to see. The words are those of one version of the compiler, without the `rust-src` component, which
//! adds excerpts of the standard library.

use std::env;
use std::io::Write as _;
use std::process::Command;

/// The compiler whose words are checked in.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn mistakes_are_explained() {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("cargo has found rustc, so it is here");
    let version = String::from_utf8_lossy(&version.stdout);
    if !version.starts_with(COMPILER) {
        // Not by `eprintln!`, which the test harness would keep to itself.
        let _ = writeln!(
            std::io::stderr(),
            "not covered: the words of compile errors, which are checked with {COMPILER}x and not with {}",
            version.trim()
        );
        return;
    }
    trybuild::TestCases::new().compile_fail("ui/*/*.rs");
}
