//! What is wrong with a text, and what to write instead.

use crate::keys::Key;

/// Why a text is not a value of a kind, and what to do about it.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) what: &'static str,
    pub(super) remedy: Remedy,
}

#[derive(Debug)]
pub(super) enum Remedy {
    /// To write this value.
    Write(String),
    /// To write a value that fits.
    WriteExample,
    /// To leave the argument out, or to write a value that fits.
    LeaveOut,
    /// This.
    Say(String),
}

impl Remedy {
    pub(super) fn of(self, key: &Key) -> String {
        match self {
            Remedy::Write(value) => format!("write `{}`", key.form(&format!("{value:?}"))),
            Remedy::WriteExample => format!("write `{}`", key.example()),
            Remedy::LeaveOut => format!("leave `{}` out, or write `{}`", key.name, key.example()),
            Remedy::Say(remedy) => remedy,
        }
    }
}
