//! Values in quotes.

use proc_macro2::Span;

use super::cron;
use super::suggestion::{Suggestion, WrongValue};
use crate::keys::Key;
use crate::written::Written;

/// Reads a text that stands in quotes.
pub(super) fn quoted<T>(
    key: &Key,
    noun: &str,
    written: &Written<'_>,
    parse: impl Fn(&str) -> Result<T, WrongValue>,
) -> syn::Result<(T, Span)> {
    let text = written.text();
    match parse(&text) {
        Ok(value) if written.literal().is_some() => Ok((value, written.span())),
        Ok(_) => {
            let remedy = Suggestion::Write(text).of(key);
            Err(written.wrong(format_args!("{noun} is a string: {remedy}")))
        }
        Err(_) if key.of == key.name && cron::parse(&text).is_ok() => {
            let name = key.name;
            Err(written.wrong(format_args!("this is a cron expression: write `cron = {text:?}` instead of `{name}`")))
        }
        Err(WrongValue { what, remedy }) => Err(written.wrong(format_args!("{what}: {}", remedy.of(key)))),
    }
}
