//! `on_failure`: one word out of a few.

use super::Value;
use crate::keys::Key;
use crate::meaning;
use crate::written::Written;

/// A word, what it does, and what other systems call it.
pub(crate) type Word = (&'static str, &'static str, &'static str);

pub(super) fn read(key: &'static Key, words: &'static [Word], written: &Written<'_>) -> syn::Result<Value> {
    let text = written.text();
    let is_quoted = written.literal().is_some();
    if let Some((word, ..)) = words.iter().find(|(word, ..)| *word == text)
        && !is_quoted
    {
        return Ok(Value::Word { word, span: written.span() });
    }
    let choice = meaning::list(words.iter().map(|(word, ..)| *word), "or");
    // `Restart::OnFailure` is `OnFailure`.
    let last = text.rsplit([':', '.', '/']).next().unwrap_or(&text);
    let meant = words
        .iter()
        .find(|(word, _, others)| meaning::is_among(last, word) || meaning::is_among(last, others))
        .map(|(word, ..)| *word)
        .or_else(|| meaning::closest(last, words.iter().map(|(word, ..)| (*word, *word))));
    let remedy = match meant {
        Some(meant) => {
            let quotes = if is_quoted { ", without quotes" } else { "" };
            format!("write `{}`{quotes}", key.form(meant))
        }
        None => {
            let meanings: Vec<_> = words.iter().map(|(word, does, _)| format!("`{word}` {does}")).collect();
            meanings.join(", ")
        }
    };
    Err(written.wrong(format_args!("`{}` is {choice}: {remedy}", key.name)))
}
