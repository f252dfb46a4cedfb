//! Reads one of the words of a key: `on_failure`.

use super::Value;
use crate::keys::{Key, Words, last_word};
use crate::written::Written;
use lease_grammar::suggest;

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
    Err(written.wrong(wrong(key, of, &text, is_quoted)))
}

/// The message about `text`.
fn wrong(key: &Key, of: &Words, text: &str, is_quoted: bool) -> String {
    let words = of.words.iter().map(|(word, ..)| of.form(word, None));
    let words: Vec<_> = words.collect();
    let choice = suggest::list(words.iter().map(String::as_str), "or");
    let quotes = if is_quoted { ", without quotes" } else { "" };
    let name = key.name;
    let (last, number) = last_word(text);
    if let Some((_, answer)) = of.absent.iter().find(|(words, _)| suggest::is_among(last, words)) {
        return format!("`{name}` is {choice}: {answer}");
    }
    match (of.find(last), of.counted) {
        (Some(meant), Some((_, least, most))) if of.is_counted(meant) && !is_quoted => {
            let form = key.form(&of.form(meant, number));
            format!("`{meant}` takes a number of runs, from {least} to {most}: write `{form}`")
        }
        (Some(meant), _) => {
            format!("`{name}` is {choice}: write `{}`{quotes}", key.form(&of.form(meant, number)))
        }
        (None, _) => {
            let meanings = of.words.iter().zip(&words).map(|((_, does, _), word)| format!("`{word}` {does}"));
            format!("`{name}` is {choice}: {}", meanings.collect::<Vec<_>>().join(", "))
        }
    }
}
