//! Where generated tokens point and how they resolve.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};

/// Points at `there`, resolves at the attribute.
pub(super) fn at(there: Span) -> Span {
    Span::call_site().located_at(there)
}

/// Points at `there`, resolves to itself alone: for names that must not meet the user's.
pub(super) fn own(there: Span) -> Span {
    Span::mixed_site().located_at(there)
}

/// The tokens, pointing at `there` and resolving as before: a path may say `$crate`.
pub(super) fn relocate(tokens: TokenStream, there: Span) -> TokenStream {
    let relocated = tokens.into_iter().map(|mut token| {
        if let TokenTree::Group(group) = &token {
            let mut inner = Group::new(group.delimiter(), relocate(group.stream(), there));
            inner.set_span(group.span().located_at(there));
            return TokenTree::Group(inner);
        }
        token.set_span(token.span().located_at(there));
        token
    });
    relocated.collect()
}

/// A name of the user's with another span. What resolves at the attribute is of the attribute's edition, in which `gen` is a
/// keyword; in the user's it may be a name.
pub(super) fn respan(name: &Ident, span: Span) -> Ident {
    if name == "gen" {
        return Ident::new_raw("gen", span);
    }
    let mut name = name.clone();
    name.set_span(span);
    name
}
