//! Reads a deadline: `"5m"`, `unlimited`.

use super::quoted::quoted;
use super::{Timed, Value};
use crate::keys::Key;
use crate::written::Written;
use lease_grammar::duration;
use lease_grammar::suggest;

pub(super) fn read(key: &Key, written: &Written<'_>) -> syn::Result<Value> {
    let text = written.text();
    let is_quoted = written.literal().is_some();
    if text == "unlimited" && !is_quoted {
        return Ok(Value::Word { word: "unlimited", with: None, span: written.span() });
    }
    // `StartDeadline::Unlimited` counts as `Unlimited`.
    let last = text.rsplit([':', '.', ' ']).next().unwrap_or(&text);
    if suggest::is_among(last, "unlimited none never no off false infinite infinity inf forever unbounded always max") {
        let quotes = if is_quoted { ", without quotes" } else { "" };
        let form = key.form("unlimited");
        return Err(written.wrong(format_args!("`{}` is a duration or `unlimited`: write `{form}`{quotes}", key.name)));
    }
    quoted(key, "a duration", written, duration::parse)
        .map(|(duration, span)| Value::Duration(Timed { duration, span }))
}
