//! Writes each argument as a call of the method with the same name.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::ext::IdentExt as _;

use super::spans::{at, relocate};
use crate::args::Argument;
use crate::value::{Duration, Named, Value};

/// `.key(value)`, pointing at the user's code.
pub(super) fn method(argument: &Argument, runtime: &TokenStream) -> Option<TokenStream> {
    let (there, value) = match &argument.value {
        Value::Name(Named::Constant(value)) | Value::Cron { value, .. } | Value::TimeZone(value) => {
            let first = value.to_token_stream().into_iter().next();
            (first.map_or_else(|| argument.ident.span(), |token| token.span()), value.to_token_stream())
        }
        Value::Duration(timed) => (timed.span, duration(timed.duration, timed.span)),
        Value::Range { from, to, span } => {
            let (from, to) = (duration(*from, *span), duration(*to, *span));
            (*span, quote_spanned!(at(*span)=> #from..=#to))
        }
        Value::Rate { count, within, span } => {
            let (count, within) = (number(u64::from(*count), *span), duration(*within, *span));
            (*span, quote_spanned!(at(*span)=> #count, #within))
        }
        Value::Flag(span) => (*span, TokenStream::new()),
        Value::Count { count, span } => (*span, number(u64::from(*count), *span).to_token_stream()),
        Value::Word { word, with, span } => {
            let of = Ident::new(&camel_case(argument.key.name), at(*span));
            let variant = Ident::new(&camel_case(word), at(*span));
            let runtime = relocate(runtime.clone(), *span);
            let with = with.map(|with| number(u64::from(with), *span)).into_iter();
            (*span, quote_spanned!(at(*span)=> #runtime::#of::#variant #((#with))*))
        }
        // The expansion handles these keys elsewhere.
        Value::Name(Named::Pattern(_)) | Value::TaskName(_) | Value::Path(_) => return None,
    };
    let mut key = argument.ident.unraw();
    key.set_span(at(key.span()));
    let value = quote_spanned!(at(there)=> (#value));
    Some(quote_spanned!(key.span()=> .#key #value))
}

fn duration(duration: Duration, there: Span) -> TokenStream {
    match duration {
        Duration::Secs(secs) => {
            let secs = number(secs, there);
            quote_spanned!(at(there)=> ::core::time::Duration::from_secs(#secs))
        }
        Duration::Millis(millis) => {
            let millis = number(millis, there);
            quote_spanned!(at(there)=> ::core::time::Duration::from_millis(#millis))
        }
    }
}

fn number(number: u64, there: Span) -> Literal {
    let mut number = Literal::u64_unsuffixed(number);
    number.set_span(at(there));
    number
}

/// A key has the name of a type of the runtime, and its words have the names of the variants: `on_loss` is an `OnLoss`.
fn camel_case(word: &str) -> String {
    let capitalised = word.split('_').map(|part| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    });
    capitalised.collect()
}
