//! Scopes in which processes are killed. The others may learn of it or not (rule C6), so each of these scopes contains the one
//! without proofs.

use super::config::Config;
use super::{brisk, check, large};

/// A process is killed, and the others may learn it at any time after that, while they see a record of it. What it has sent may
/// land before or after.
pub(crate) fn proofs(name: &'static str) -> Config {
    Config { crashes: 1, orphans: 1, unknowns: 0, proofs: true, ..brisk(name) }
}

/// The same, and they may learn it before they see a record.
pub(crate) fn early_proofs(name: &'static str) -> Config {
    Config { early_proofs: true, ..proofs(name) }
}

#[test]
fn a_process_is_killed_and_started_again() {
    check(proofs("crash"));
}

/// `MODEL=large cargo test --test model large_proofs -- --nocapture`
#[test]
fn large_proofs() {
    large(early_proofs("crash, early proofs"));
    large(Config { deletions: 1, ..early_proofs("crash, deletion") });
    large(Config { unknowns: 1, ..proofs("crash, unknown outcomes") });
    large(Config { late_answers: true, ..proofs("crash, slow network") });
    large(Config { crashes: 2, ..proofs("two crashes") });
    large(Config { withdrawals: 1, ..proofs("crash, leaving") });
    large(Config { withdrawals: 1, returns: 1, anew: true, ..proofs("crash, absence, new election") });
    large(Config { replacements: 1, ..proofs("crash, replacement") });
    large(Config { watch: &[false, true], ..proofs("crash, watch") });
}
