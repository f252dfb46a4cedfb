//! The tokens of a value, before it is read.

use std::fmt::Display;
use std::ops::Range;

use proc_macro2::{Delimiter, Span, TokenTree};
use syn::buffer::Cursor;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Error, Ident, Lit, LitStr, Token};

/// The tokens of a value.
pub(crate) struct Written<'a>(Range<Cursor<'a>>);

/// Whether the argument ends at this token.
pub(crate) fn at_end(input: ParseStream<'_>) -> bool {
    input.is_empty() || input.peek(Token![,])
}

/// Whether `key =` begins at this token.
pub(crate) fn at_key(input: ParseStream<'_>) -> bool {
    input.peek(Ident::peek_any) && input.peek2(Token![=]) && !input.peek2(Token![==])
}

impl<'a> Written<'a> {
    /// Takes the rest of an argument: up to a comma, or up to the next key if the comma is missing.
    pub(crate) fn take(input: ParseStream<'a>) -> Written<'a> {
        Written::take_from(input.cursor(), input)
    }

    /// Takes the rest of an argument, including the tokens that were read since `begin`.
    pub(crate) fn take_from(begin: Cursor<'a>, input: ParseStream<'a>) -> Written<'a> {
        let mut first = true;
        while !at_end(input) && (first || !at_key(input)) {
            first = false;
            // The stream is not at its end, so this cannot fail.
            let _ = input.parse::<TokenTree>();
        }
        Written(begin..input.cursor())
    }

    /// The tokens that were read since `begin`.
    pub(crate) fn since(begin: Cursor<'a>, input: ParseStream<'a>) -> Written<'a> {
        Written(begin..input.cursor())
    }

    /// A mistake that underlines the whole value.
    pub(crate) fn wrong(&self, says: impl Display) -> Error {
        Error::new_range(self.0.clone(), says)
    }

    /// The place of its first token.
    pub(crate) fn span(&self) -> Span {
        self.0.start.span()
    }

    /// The string literal, if the value is one.
    pub(crate) fn literal(&self) -> Option<LitStr> {
        let (literal, next) = self.0.start.literal()?;
        match Lit::new(literal) {
            Lit::Str(text) if next == self.0.end => Some(text),
            _ => None,
        }
    }

    /// The text of the value, without quotes.
    pub(crate) fn text(&self) -> String {
        match self.literal() {
            Some(text) => text.value(),
            None => self.tokens().map(|token| token.to_string()).collect::<Vec<_>>().join(" "),
        }
    }

    /// The number in parentheses, if the value is `word` with a number: `allow_all(3)`.
    pub(crate) fn number_of(&self, word: &str) -> Option<u32> {
        let (ident, next) = self.0.start.ident()?;
        let (inside, _, end) = next.group(Delimiter::Parenthesis)?;
        let (number, rest) = inside.literal()?;
        let is_it = ident == word && rest.eof() && end == self.0.end;
        number.to_string().parse().ok().filter(|_| is_it)
    }

    /// Whether the value contains the word.
    pub(crate) fn mentions(&self, word: &str) -> bool {
        self.tokens().any(|token| matches!(token, TokenTree::Ident(ident) if ident == word))
    }

    /// Its tokens. Each group is replaced by the tokens inside.
    fn tokens(&self) -> impl Iterator<Item = TokenTree> {
        let Range { start, end } = self.0;
        let mut at = start;
        std::iter::from_fn(move || {
            if at == end {
                return None;
            }
            let (token, next) = at.token_tree()?;
            at = next;
            Some(token)
        })
        .flat_map(flat)
    }
}

fn flat(token: TokenTree) -> Vec<TokenTree> {
    match token {
        TokenTree::Group(group) => group.stream().into_iter().flat_map(flat).collect(),
        token => vec![token],
    }
}
