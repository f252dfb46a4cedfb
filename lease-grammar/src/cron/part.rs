//! Parts of an expression.

use super::error::{PartRemedy, WrongPart};

/// A part of an expression, and the position where it begins.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Part<'a> {
    pub(super) fn split(self, separators: &'static [char]) -> impl Iterator<Item = Part<'a>> {
        let mut at = self.at;
        self.text.split(separators).map(move |text| {
            let part = Part { text, at };
            // All separators are one byte long.
            at += text.len() + 1;
            part
        })
    }

    pub(super) fn split_once(self, separator: char) -> Option<(Part<'a>, Part<'a>)> {
        let (before, behind) = self.text.split_once(separator)?;
        Some((Part { text: before, at: self.at }, Part { text: behind, at: self.at + before.len() + 1 }))
    }

    /// The range from the start of this part to the end of `last`.
    pub(super) fn through(self, last: Part<'_>, text: &'a str) -> Part<'a> {
        Part { text: &text[self.at..last.at + last.text.len()], at: self.at }
    }
}

impl Part<'_> {
    pub(super) fn wrong(self, what: impl Into<String>, remedy: PartRemedy) -> WrongPart {
        WrongPart { at: self.at..self.at + self.text.len(), what: what.into(), remedy }
    }
}

/// A number that consists of digits only. Leading zeros are allowed.
pub(super) fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}
