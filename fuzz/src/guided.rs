//! Runs a target with libFuzzer, which keeps the inputs that reach new code. `fuzz/guided` builds this, chooses the options of the
//! engine, and takes what it has found into the corpus.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::panic;

use crate::script::LONGEST;
use crate::session::{Run, Target, keep};

/// Whether `fuzz/guided` has started this process: the engine reads its options here.
pub(crate) fn is_asked() -> bool {
    env::var_os("BOLERO_LIBFUZZER_ARGS").is_some()
}

/// Hands the target to the engine, which ends the process. An input that fails is made smaller, kept and told, and ends it at once.
pub(crate) fn run(target: &Target) {
    if let Some(path) = env::var_os("FUZZ_WORDS") {
        fs::write(path, dictionary(target)).expect("the words of the target cannot be written for the engine");
    }
    let mut run = Run::new(target);
    let mut is_begun = false;
    bolero::check!().with_max_len(LONGEST).for_each(|input: &[u8]| {
        if !is_begun {
            is_begun = true;
            // The engine keeps the messages of panics for itself, and would show them at the end only, without ours.
            panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
        }
        if run.attempt(input).is_err() {
            let smaller = run.shrink(input.to_vec());
            // The last panic that is told is that of the input which is kept.
            let _ = run.attempt(&smaller);
            keep(target, &smaller);
            std::process::abort();
        }
    });
}

/// The words of the target, in the form that the engine reads.
fn dictionary(target: &Target) -> String {
    let mut lines = String::new();
    // The engine refuses a dictionary with an empty word, and with it the run.
    for word in target.words.iter().filter(|word| !word.is_empty()) {
        lines.push('"');
        for byte in word.bytes() {
            let _ = write!(lines, "\\x{byte:02X}");
        }
        lines.push_str("\"\n");
    }
    lines
}
