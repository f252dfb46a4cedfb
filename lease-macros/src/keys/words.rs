//! The words that are values of a key, and the words of other systems.

use lease_grammar::suggest;

/// A word, what it does, and its names in other systems.
pub(crate) type Word = (&'static str, &'static str, &'static str);

/// The words that a key accepts.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    pub(crate) words: &'static [Word],
    /// Words of other systems for something that this key does not offer, and the answer to each.
    pub(crate) absent: &'static [(&'static str, &'static str)],
    /// The word that takes a number in parentheses, the smallest number and the largest.
    pub(crate) counted: Option<(&'static str, u32, u32)>,
}

impl Words {
    /// Whether the word takes a number.
    pub(crate) fn is_counted(&self, word: &str) -> bool {
        self.counted.is_some_and(|(counted, ..)| counted == word)
    }

    /// The word that was meant by `text`.
    pub(crate) fn meant(&self, text: &str) -> Option<String> {
        let (last, number) = last_word(text);
        match (last, number, self.counted) {
            ("", Some(count), Some((word, least, _))) if count >= least => Some(self.form(word, number)),
            _ => self.find(last).map(|word| self.form(word, number)),
        }
    }

    /// Finds the word that was meant: by its meaning in other systems, otherwise by its spelling.
    pub(crate) fn find(&self, text: &str) -> Option<&'static str> {
        let is_it = |(word, _, others): &&Word| suggest::is_among(text, word) || suggest::is_among(text, others);
        let by_meaning = self.words.iter().find(is_it).map(|(word, ..)| *word);
        by_meaning.or_else(|| suggest::closest(text, self.words.iter().map(|(word, ..)| (*word, *word))))
    }

    /// The word, with a valid number if it takes one.
    pub(crate) fn form(&self, word: &str, number: Option<u32>) -> String {
        match self.counted {
            Some((counted, least, most)) if counted == word => {
                format!("{word}({})", number.unwrap_or(least).clamp(least, most))
            }
            _ => word.to_owned(),
        }
    }
}

/// Splits `allow_all(3)` into `allow_all` and 3, and returns `OnFailure` for `Restart::OnFailure`.
pub(crate) fn last_word(text: &str) -> (&str, Option<u32>) {
    let text = text.trim_end_matches([' ', ')']);
    let (text, number) = text.split_at(text.trim_end_matches(|c: char| c.is_ascii_digit()).len());
    (text.rsplit([':', '.', '/']).next().unwrap_or(text), number.parse().ok())
}
