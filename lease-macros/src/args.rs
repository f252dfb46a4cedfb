//! Parses the arguments of the attribute: `lease = "ledger", grace = "30s"`.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Error, Ident, LitStr, Token};

use crate::keys::{self, Key, Kind};
use crate::value::{self, Value};
use crate::written::{Written, at_end, at_key};

/// The attribute's arguments and the mistakes in them.
///
/// A wrong argument is left out and reported in `mistakes`. The function still becomes a task: otherwise the compiler would also
/// report errors at its callers.
#[derive(Default)]
pub(crate) struct Args {
    given: Vec<Argument>,
    pub(crate) mistakes: Mistakes,
    /// The keys that the user meant, also those of wrong arguments, in the order of the text.
    attempted: Vec<(&'static str, Span)>,
}

/// An argument without mistakes.
pub(crate) struct Argument {
    pub(crate) key: &'static Key,
    /// The key in the user's code.
    pub(crate) ident: Ident,
    pub(crate) value: Value,
}

/// The mistakes found so far.
#[derive(Default)]
pub(crate) struct Mistakes(Option<Error>);

impl Mistakes {
    pub(crate) fn add(&mut self, mistake: Error) {
        match &mut self.0 {
            Some(mistakes) => mistakes.combine(mistake),
            none => *none = Some(mistake),
        }
    }

    /// Adds a mistake that underlines `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, says: impl Display) {
        self.add(Error::new_spanned(tokens, says));
    }

    pub(crate) fn into_error(self) -> Option<Error> {
        self.0
    }
}

impl Args {
    pub(crate) fn parse(tokens: TokenStream) -> Args {
        let mut args = Args::default();
        let parsed = (|input: ParseStream<'_>| {
            args.arguments(input);
            Ok(())
        })
        .parse2(tokens);
        if let Err(mistake) = parsed {
            args.mistakes.add(mistake);
        }
        args
    }

    /// The argument of `key`, if it is set and has no mistakes.
    pub(crate) fn get(&self, key: &str) -> Option<&Argument> {
        self.given.iter().find(|argument| argument.key.name == key)
    }

    /// The arguments without mistakes, in the order of the table.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Argument> {
        keys::KEYS.iter().filter_map(|key| self.get(key.name))
    }

    /// Removes an argument that a later check has found to be wrong.
    pub(crate) fn remove(&mut self, key: &str) {
        self.given.retain(|argument| argument.key.name != key);
    }

    /// The place of `key`, also if its argument is wrong.
    pub(crate) fn attempted(&self, key: &str) -> Option<Span> {
        self.attempted.iter().find(|(attempted, _)| *attempted == key).map(|(_, span)| *span)
    }

    fn arguments(&mut self, input: ParseStream<'_>) {
        let mut seen = Vec::new();
        while !input.is_empty() {
            match self.argument(input, &mut seen) {
                // If only the comma is missing, the next argument can still be parsed and checked.
                Ok(()) if at_key(input) => {
                    self.mistakes.add(input.error("a comma is missing: put a `,` before this argument"))
                }
                Ok(()) if at_end(input) => {}
                Ok(()) => {
                    let rest = Written::take(input);
                    self.mistakes.add(rest.wrong("this is not part of an argument: remove it, or put a `,` before it"));
                }
                Err(mistake) => {
                    self.mistakes.add(mistake);
                    Written::take(input);
                }
            }
            // The comma is absent only at the end, and where the loop above has reported it.
            let _ = input.parse::<Option<Token![,]>>();
        }
    }

    fn argument(&mut self, input: ParseStream<'_>, seen: &mut Vec<&'static str>) -> syn::Result<()> {
        if !input.peek(Ident::peek_any) {
            let is_string = input.peek(LitStr);
            let value = Written::take(input);
            if is_string {
                self.attempted.push(("lease", value.span()));
            }
            let name = value.literal().map_or_else(|| "ledger".to_owned(), |text| text.value());
            return Err(value.wrong(format_args!("an argument needs a key: write `lease = {name:?}`")));
        }
        let ident = input.call(Ident::parse_any)?;
        let Some(key) = keys::key(&ident.unraw().to_string()) else {
            let ahead = input.fork();
            let value = ahead.parse::<Token![=]>().ok().map(|_| Written::take(&ahead).text());
            let unknown = keys::unknown(&ident.unraw(), value.as_deref());
            self.attempted.extend(unknown.meant.map(|key| (key.name, ident.span())));
            return Err(Error::new(ident.span(), unknown.says));
        };
        let name = key.name;
        self.attempted.push((name, ident.span()));
        if seen.contains(&name) {
            return Err(Error::new(ident.span(), format_args!("`{name}` is given twice: remove one")));
        }
        seen.push(name);
        let is_flag = matches!(key.kind, Kind::Flag);
        if is_flag && (at_end(input) || at_key(input)) {
            let value = Value::Flag(ident.span());
            self.given.push(Argument { key, ident, value });
            return Ok(());
        }
        if is_flag && !input.peek(Token![=]) {
            return value::read(key, input).map(drop);
        }
        let needs_a_value = format_args!("`{name}` needs a value: write `{}`", key.example()).to_string();
        if !input.peek(Token![=]) || input.peek(Token![==]) {
            return Err(Error::new(ident.span(), needs_a_value));
        }
        let equals: Token![=] = input.parse()?;
        if at_end(input) && !is_flag {
            return Err(Error::new(equals.span, needs_a_value));
        }
        let value = value::read(key, input)?;
        self.given.push(Argument { key, ident, value });
        Ok(())
    }
}
