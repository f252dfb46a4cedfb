//! What is wrong with an expression.

use std::fmt;
use std::ops::Range;

/// Why a text is no cron expression, and what to write instead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CronError {
    pub(super) at: Range<usize>,
    pub(super) message: String,
}

impl CronError {
    /// The part that is wrong, in bytes of the text.
    pub fn at(&self) -> Range<usize> {
        self.at.clone()
    }
}

/// The part, what is wrong with it, and the remedy.
impl fmt::Display for CronError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CronError {}

/// What is wrong with an expression, before it is put into words.
#[derive(Debug)]
pub(super) struct WrongPart {
    /// The part that is wrong, in bytes.
    pub(super) at: Range<usize>,
    /// What is wrong with it, as half a sentence.
    pub(super) what: String,
    pub(super) remedy: PartRemedy,
}

#[derive(Debug)]
pub(super) enum PartRemedy {
    /// To write this instead of the part.
    Replace(String),
    /// To write this instead of the whole expression.
    Write(String),
    /// This.
    Say(String),
    /// What is said depends on whether something else is an expression.
    IfRead { expression: String, then: String, otherwise: String },
}
