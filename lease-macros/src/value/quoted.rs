//! Reads values in quotes.

use proc_macro2::Span;

use super::suggestion::remedy_for;
use crate::keys::Key;
use crate::written::Written;
use lease_grammar::cron;
use lease_grammar::value::{Remedy, Wrong};

/// Reads a text in quotes.
pub(super) fn quoted<T>(
    key: &Key,
    noun: &str,
    written: &Written<'_>,
    parse: impl Fn(&str) -> Result<T, Wrong>,
) -> syn::Result<(T, Span)> {
    let text = written.text();
    match parse(&text) {
        Ok(value) if written.literal().is_some() => Ok((value, written.span())),
        Ok(_) => {
            let remedy = remedy_for(Remedy::Write(text), key);
            Err(written.wrong(format_args!("{noun} is a string: {remedy}")))
        }
        Err(_) if key.of == key.name && cron::parse(&text).is_ok() => {
            let name = key.name;
            Err(written.wrong(format_args!("this is a cron expression: write `cron = {text:?}` instead of `{name}`")))
        }
        Err(Wrong { what, remedy }) => Err(written.wrong(format_args!("{what}: {}", remedy_for(remedy, key)))),
    }
}
