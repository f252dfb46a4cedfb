//! What is wrong with an expression.

use std::fmt;
use std::ops::Range;

/// Why a text is not a cron expression, and what to write instead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CronError {
    pub(super) at: Range<usize>,
    pub(super) message: String,
}

impl CronError {
    /// The byte range of the part that is wrong.
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

/// What is wrong with an expression, before it is formatted.
#[derive(Debug)]
pub(super) struct WrongPart {
    /// The byte range of the part that is wrong.
    pub(super) at: Range<usize>,
    /// What is wrong with it, as half a sentence.
    pub(super) what: String,
    pub(super) remedy: PartRemedy,
}

#[derive(Debug)]
pub(super) enum PartRemedy {
    /// Write this instead of the part.
    Replace(String),
    /// Write this instead of the whole expression.
    Write(String),
    /// The remedy in words.
    Say(String),
    /// The remedy depends on whether another text is a valid expression.
    IfRead { expression: String, then: String, otherwise: String },
}
