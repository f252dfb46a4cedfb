//! What is wrong with a value, independently of its key.

/// Why a text is not a value of a kind, and the remedy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// What is wrong, as half a sentence.
    pub what: &'static str,
    /// The remedy.
    pub remedy: Remedy,
}

/// The remedy for a wrong value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Remedy {
    /// Write this value.
    Write(String),
    /// Write a value that fits.
    WriteExample,
    /// Leave the argument out, or write a value that fits.
    LeaveOut,
    /// The remedy in words.
    Say(String),
}
