//! What is wrong with a text, and what to write instead.

use crate::keys::Key;

/// Why a text is not a value of a kind, and what to do about it.
#[derive(Debug)]
pub(super) struct WrongValue {
    pub(super) what: &'static str,
    pub(super) remedy: Suggestion,
}

/// What to do about a wrong value.
#[derive(Debug)]
pub(super) enum Suggestion {
    /// To write this value.
    Write(String),
    /// To write a value that fits.
    WriteExample,
    /// To leave the argument out, or to write a value that fits.
    LeaveOut,
    /// This.
    Say(String),
}

impl Suggestion {
    /// The suggestion in words, for `key`.
    pub(super) fn of(self, key: &Key) -> String {
        match self {
            Suggestion::Write(value) => format!("write `{}`", key.form(&format!("{value:?}"))),
            Suggestion::WriteExample => format!("write `{}`", key.example()),
            Suggestion::LeaveOut => format!("leave `{}` out, or write `{}`", key.name, key.example()),
            Suggestion::Say(remedy) => remedy,
        }
    }
}
