//! The input of an expansion, and where it puts the body.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::{ToTokens, format_ident};
use syn::ext::IdentExt as _;
use syn::{Ident, Pat};

use super::names::Names;
use crate::args::Args;
use crate::item::{AnnotatedItem, Param};

/// The input of an expansion: the function and the arguments.
pub(super) struct Expansion<'a> {
    pub(super) item: &'a AnnotatedItem,
    pub(super) args: &'a Args,
    /// The path of the runtime.
    pub(super) runtime: TokenStream,
}

impl Expansion<'_> {
    /// Whether the function uses `Self`. Searches the text of the body first: most bodies do not use it, and walking through
    /// tokens is slow.
    pub(super) fn needs_sibling(&self) -> bool {
        let AnnotatedItem { sig, body, .. } = self.item;
        sig.receiver().is_some()
            || names_self(sig.to_token_stream(), false)
            || (body.to_string().contains("Self") && names_self(body.stream(), true))
    }

    /// The name of the body's function: that of the constructor, unless a parameter has this name or the body is beside the
    /// constructor.
    ///
    /// In the `impl` of a trait there can be no other function beside the constructor, and a macro cannot see that it is in one.
    /// The compiler's message contains only this name, so the name says where the attribute can be used.
    pub(super) fn body_name(&self) -> Ident {
        let ident = &self.item.sig.ident;
        let Names { term, tick } = Names::of(self.item);
        let is_taken = term.into_iter().chain(tick).any(|name| name == *ident);
        let is_taken = is_taken
            || self.item.params().any(|param| match param {
                Param::Receiver(_) | Param::Term(_) | Param::Tick(_) => false,
                Param::Argument(param) => matches!(&*param.pat, Pat::Ident(pat) if pat.ident == *ident),
            });
        if self.needs_sibling() {
            format_ident!("__{}_in_inherent_impl", ident.unraw(), span = ident.span())
        } else if is_taken {
            format_ident!("__{}", ident.unraw(), span = ident.span())
        } else {
            ident.clone()
        }
    }
}

/// Whether the tokens use the `Self` of the surrounding `impl`. With `in_body`, skips items that have their own `Self`.
fn names_self(tokens: TokenStream, in_body: bool) -> bool {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(word) if word == "Self" => return true,
            TokenTree::Ident(word) if in_body && begins_item(&word, tokens.peek()) => {
                let is_end = |token: &TokenTree| match token {
                    TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                    TokenTree::Punct(punct) => punct.as_char() == ';',
                    _ => false,
                };
                tokens.by_ref().find(is_end);
            }
            TokenTree::Group(group) if names_self(group.stream(), in_body) => return true,
            _ => {}
        }
    }
    false
}

fn begins_item(word: &Ident, next: Option<&TokenTree>) -> bool {
    match word.to_string().as_str() {
        "impl" | "trait" | "struct" | "enum" => true,
        // An item, not the type `fn(A) -> B`.
        "fn" => matches!(next, Some(TokenTree::Ident(_))),
        _ => false,
    }
}
