//! Puts into words what is wrong with an expression.

use super::error::{CronError, Remedy, Wrong};
use super::read::read;

/// What is wrong with `text`, and what to write.
pub(super) fn explain(wrong: Wrong, text: &str) -> CronError {
    let Wrong { at, what, remedy } = wrong;
    let remedy = match remedy {
        Remedy::Say(remedy) => remedy,
        Remedy::IfRead { expression, then, otherwise } => {
            if read(&expression).is_ok() {
                then
            } else {
                otherwise
            }
        }
        Remedy::Write(instead) => format!("write `cron = {instead:?}`"),
        Remedy::Replace(instead) => {
            let whole = [&text[..at.start], &instead, &text[at.end..]].concat();
            match read(&whole) {
                Ok(_) => format!("write `cron = {whole:?}`"),
                // Something else is wrong, too.
                Err(_) => format!("write `{instead}`"),
            }
        }
    };
    let message = match &text[at.clone()] {
        "" => format!("a cron expression {what}: {remedy}"),
        part => format!("`{part}` {what}: {remedy}"),
    };
    CronError { at, message }
}
