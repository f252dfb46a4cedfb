//! Reads a count: `3`.

use super::Value;
use crate::keys::Key;
use crate::written::Written;
use lease_grammar::suggest;

pub(super) fn read(key: &Key, from: u32, to: u32, written: &Written<'_>) -> syn::Result<Value> {
    let text = written.text();
    let is_quoted = written.literal().is_some();
    let count = text.replace('_', "").parse::<u32>().ok();
    if let Some(count) = count
        && (from..=to).contains(&count)
        && !is_quoted
    {
        return Ok(Value::Count { count, span: written.span() });
    }
    let meant = match count {
        Some(count) => Some(count.clamp(from, to)),
        None if suggest::is_among(&text, "unlimited infinite infinity inf forever always unbounded max") => Some(to),
        None if suggest::is_among(&text, "never none no off false zero") => Some(from),
        None => None,
    };
    let quotes = if is_quoted && meant.is_some() { ", without quotes" } else { "" };
    let form = meant.map_or_else(|| key.example(), |count| key.form(&count.to_string()));
    Err(written.wrong(format_args!("`{}` is a number from {from} to {to}: write `{form}`{quotes}", key.name)))
}
