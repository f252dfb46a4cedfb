//! The second half of a message: what to write instead of a wrong value.

use lease_grammar::value::Remedy;

use crate::keys::Key;

/// The remedy for a wrong value of this key, in words.
pub(super) fn remedy_for(remedy: Remedy, key: &Key) -> String {
    match remedy {
        Remedy::Write(value) => format!("write `{}`", key.form(&format!("{value:?}"))),
        Remedy::WriteExample => format!("write `{}`", key.example()),
        Remedy::LeaveOut => format!("leave `{}` out, or write `{}`", key.name, key.example()),
        Remedy::Say(remedy) => remedy,
    }
}
