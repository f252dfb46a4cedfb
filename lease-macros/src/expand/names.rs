//! The names of the parameters in the constructor and in the closure.

use quote::format_ident;
use syn::spanned::Spanned as _;
use syn::{Ident, Pat, PatType, Receiver, Token};

use super::attrs;
use super::spans::{at, own, respan};
use crate::item::AnnotatedItem;

/// The parameter's name without `mut` and `ref`. A pattern gets a name with its position.
pub(super) fn argument_name(index: usize, param: &PatType) -> Ident {
    match &*param.pat {
        Pat::Ident(pat) => respan(&pat.ident, at(pat.ident.span())),
        pat => Ident::new(&format!("arg{index}"), own(pat.span())),
    }
}

pub(super) fn receiver_name(receiver: &Receiver) -> Token![self] {
    Token![self](at(receiver.self_token.span))
}

/// The names of the closure's parameters.
pub(super) struct Names {
    pub(super) term: Option<Ident>,
    pub(super) tick: Option<Ident>,
}

impl Names {
    /// The user's names, if the parameters are not patterns.
    pub(super) fn of(item: &AnnotatedItem) -> Names {
        let function = &item.sig.ident;
        let term = item.term().map(|param| closure_name(function, param, "term"));
        let tick = item.tick().map(|param| closure_name(function, param, "tick"));
        let tick = tick.map(|tick| if term.as_ref() == Some(&tick) { format_ident!("{}_", tick) } else { tick });
        Names { term, tick }
    }
}

/// The user's name for the parameter, otherwise `name`.
fn closure_name(function: &Ident, param: &PatType, name: &str) -> Ident {
    let name = match &*param.pat {
        // If a `cfg` removes the user's parameter, the closure's parameter is unused. The `_` avoids a warning.
        _ if attrs::cfgs(&param.attrs).next().is_some() => format_ident!("_{}", name),
        Pat::Ident(pat) if !pat.ident.to_string().starts_with('_') => pat.ident.clone(),
        _ => format_ident!("{}", name),
    };
    respan(&name, own(function.span()))
}
