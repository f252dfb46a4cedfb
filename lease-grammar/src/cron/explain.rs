//! Formats what is wrong with an expression.

use super::error::{CronError, PartRemedy, WrongPart};
use super::read::read;

/// What is wrong with `text`, and what to write.
pub(super) fn explain(wrong: WrongPart, text: &str) -> CronError {
    let WrongPart { at, what, remedy } = wrong;
    let remedy = match remedy {
        PartRemedy::Say(remedy) => remedy,
        PartRemedy::IfRead { expression, then, otherwise } => {
            if read(&expression).is_ok() {
                then
            } else {
                otherwise
            }
        }
        PartRemedy::Write(instead) => format!("write `cron = {instead:?}`"),
        PartRemedy::Replace(instead) => {
            let whole = [&text[..at.start], &instead, &text[at.end..]].concat();
            match read(&whole) {
                Ok(_) => format!("write `cron = {whole:?}`"),
                // The suggestion is not valid either, because something else is wrong too.
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
