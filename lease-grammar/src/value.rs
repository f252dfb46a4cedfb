//! What is wrong with a value, whatever its key is called.

/// Why a text is not a value of a kind, and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// What is wrong, as half a sentence.
    pub what: &'static str,
    /// What to do about it.
    pub remedy: Remedy,
}

/// What to do about a wrong value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Remedy {
    /// To write this value.
    Write(String),
    /// To write a value that fits.
    WriteExample,
    /// To leave the argument out, or to write a value that fits.
    LeaveOut,
    /// This.
    Say(String),
}
