//! `on_failure`: one word out of a few.

use super::Value;
use crate::keys::Key;
use crate::written::Written;
use lease_grammar::suggest;

/// A word, what it does, and what other systems call it.
pub(crate) type Word = (&'static str, &'static str, &'static str);

/// The words that a key takes.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    pub(crate) words: &'static [Word],
    /// What other systems have a word for, and this one has not: words and answers.
    pub(crate) absent: &'static [(&'static str, &'static str)],
    /// The word that takes a number in parentheses, and the least and the largest.
    pub(crate) counted: Option<(&'static str, u32, u32)>,
}

pub(super) fn read(key: &'static Key, of: &Words, written: &Written<'_>) -> syn::Result<Value> {
    let text = written.text();
    let is_quoted = written.literal().is_some();
    let span = written.span();
    if let Some((word, ..)) = of.words.iter().find(|(word, ..)| *word == text)
        && !of.is_counted(word)
        && !is_quoted
    {
        return Ok(Value::Word { word, with: None, span });
    }
    if let Some((word, least, most)) = of.counted
        && let Some(number) = written.number_of(word)
        && (least..=most).contains(&number)
    {
        return Ok(Value::Word { word, with: Some(number), span });
    }
    Err(written.wrong(of.wrong(key, &text, is_quoted)))
}

impl Words {
    fn is_counted(&self, word: &str) -> bool {
        self.counted.is_some_and(|(counted, ..)| counted == word)
    }

    /// Says what is wrong with `text`.
    fn wrong(&self, key: &Key, text: &str, is_quoted: bool) -> String {
        let words = self.words.iter().map(|(word, ..)| self.form(word, None));
        let words: Vec<_> = words.collect();
        let choice = suggest::list(words.iter().map(String::as_str), "or");
        let quotes = if is_quoted { ", without quotes" } else { "" };
        let name = key.name;
        let (last, number) = last_word(text);
        if let Some((_, answer)) = self.absent.iter().find(|(words, _)| suggest::is_among(last, words)) {
            return format!("`{name}` is {choice}: {answer}");
        }
        match (self.find(last), self.counted) {
            (Some(meant), Some((_, least, most))) if self.is_counted(meant) && !is_quoted => {
                let form = key.form(&self.form(meant, number));
                format!("`{meant}` takes how many at once, from {least} to {most}: write `{form}`")
            }
            (Some(meant), _) => {
                format!("`{name}` is {choice}: write `{}`{quotes}", key.form(&self.form(meant, number)))
            }
            (None, _) => {
                let meanings = self.words.iter().zip(&words).map(|((_, does, _), word)| format!("`{word}` {does}"));
                format!("`{name}` is {choice}: {}", meanings.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// The word that was meant by `text`, as it is written here.
    pub(crate) fn meant(&self, text: &str) -> Option<String> {
        let (last, number) = last_word(text);
        match (last, number, self.counted) {
            ("", Some(count), Some((word, least, _))) if count >= least => Some(self.form(word, number)),
            _ => self.find(last).map(|word| self.form(word, number)),
        }
    }

    fn find(&self, text: &str) -> Option<&'static str> {
        let is_it = |(word, _, others): &&Word| suggest::is_among(text, word) || suggest::is_among(text, others);
        let by_meaning = self.words.iter().find(is_it).map(|(word, ..)| *word);
        by_meaning.or_else(|| suggest::closest(text, self.words.iter().map(|(word, ..)| (*word, *word))))
    }

    /// The word with a number that fits, if it takes one.
    fn form(&self, word: &str, number: Option<u32>) -> String {
        match self.counted {
            Some((counted, least, most)) if counted == word => {
                format!("{word}({})", number.unwrap_or(least).clamp(least, most))
            }
            _ => word.to_owned(),
        }
    }
}

/// `allow_all(3)` is `allow_all` and 3, and `Restart::OnFailure` is `OnFailure`.
fn last_word(text: &str) -> (&str, Option<u32>) {
    let text = text.trim_end_matches([' ', ')']);
    let (text, number) = text.split_at(text.trim_end_matches(|c: char| c.is_ascii_digit()).len());
    (text.rsplit([':', '.', '/']).next().unwrap_or(text), number.parse().ok())
}
