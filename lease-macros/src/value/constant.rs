//! Reads a string or a constant: `"ledger"`, `LEDGER`.

use syn::parse::ParseStream;
use syn::{Expr, Lit, LitStr};

use super::suggestion::remedy_for;
use crate::keys::Key;
use crate::written::Written;
use lease_grammar::value::Remedy;

/// Reads an expression, which may be a string or a constant.
pub(super) fn read<'a>(key: &Key, input: ParseStream<'a>) -> syn::Result<(Expr, Written<'a>)> {
    let begin = input.cursor();
    match input.parse::<Expr>() {
        Ok(value) => Ok((without_groups(value), Written::since(begin, input))),
        Err(_) => {
            let form = key.example();
            let written = Written::take_from(begin, input);
            Err(written.wrong(format_args!("`{}` takes a string or a constant: write `{form}`", key.name)))
        }
    }
}

/// Reads a string or a constant. `check` checks a string and returns a message if it is wrong. A constant is not known here, so
/// the runtime checks it when the task is added.
pub(super) fn checked<T>(
    key: &Key,
    input: ParseStream<'_>,
    check: impl Fn(&str) -> Result<T, String>,
) -> syn::Result<(Expr, Option<T>)> {
    let begin = input.cursor();
    let (expr, written) = read(key, input)?;
    if let Some(text) = string(&expr) {
        return match check(&text.value()) {
            Ok(checked) => Ok((expr, Some(checked))),
            Err(says) => Err(written.wrong(says)),
        };
    }
    if is_constant(&expr) {
        return Ok((expr, None));
    }
    // `0 2 * * *` and `Europe/Prague` begin like expressions.
    let written = Written::take_from(begin, input);
    let text = written.text().replace(" / ", "/").replace(" - ", "-");
    let remedy = match (check(&text), &expr) {
        (Ok(_), _) => remedy_for(Remedy::Write(text), key),
        (Err(_), Expr::Call(_) | Expr::MethodCall(_) | Expr::Macro(_)) => {
            format!(
                "{}, and set a computed value on the task, with `.{}(..)`",
                remedy_for(Remedy::WriteExample, key),
                key.name
            )
        }
        (Err(_), _) => remedy_for(Remedy::WriteExample, key),
    };
    Err(written.wrong(format_args!("`{}` takes a string or a constant: {remedy}", key.name)))
}

/// Whether this is a path or a macro such as `concat!`. `format!` does not make a constant.
fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Path(_) => true,
        Expr::Macro(call) => call.mac.path.segments.last().is_none_or(|last| last.ident != "format"),
        _ => false,
    }
}

/// The string literal, if the expression is one.
pub(super) fn string(expr: &Expr) -> Option<&LitStr> {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// The value without the invisible delimiters that `macro_rules!` puts around a fragment.
fn without_groups(value: Expr) -> Expr {
    match value {
        Expr::Group(group) => without_groups(*group.expr),
        value => value,
    }
}
