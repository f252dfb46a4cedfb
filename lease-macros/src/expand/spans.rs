//! The spans of generated tokens: where they point, and how they resolve.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};

/// Points at `there`, resolves at the attribute.
pub(super) fn at(there: Span) -> Span {
    Span::call_site().located_at(there)
}

/// Points at `there`, resolves only to generated names. For names that must not clash with the user's.
pub(super) fn own(there: Span) -> Span {
    Span::mixed_site().located_at(there)
}

/// The tokens, pointing at `there`. They resolve as before, because a path may contain `$crate`.
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

/// A name of the user with another span. A token that resolves at the attribute has the edition of this crate, in which `gen` is
/// a keyword. In the user's edition it may be a name.
pub(super) fn respan(name: &Ident, span: Span) -> Ident {
    if name == "gen" {
        return Ident::new_raw("gen", span);
    }
    let mut name = name.clone();
    name.set_span(span);
    name
}
