//! The lease of a task: a constant, and names that contain arguments.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::ext::IdentExt as _;
use syn::{Index, LitStr, Member, Token};

use super::expansion::Expansion;
use super::spans::{at, own, relocate, respan};
use super::values;
use crate::keys::Sets;
use crate::value::{Hole, Named, Pattern, Value};

/// A name that is formatted when the constructor is called.
pub(super) struct Made {
    /// `let lease = ::std::format!("shard-{shard}");`
    pub(super) statement: TokenStream,
    /// `.lease(lease)`
    pub(super) setting: TokenStream,
}

impl Expansion<'_> {
    /// `const __LEASE`. It is an item because the compiler always evaluates items, also in the editor. It evaluates a
    /// `const { .. }` block only when it generates code for the function.
    pub(super) fn lease(&self) -> TokenStream {
        let runtime = &self.runtime;
        let here = at(self.item.sig.ident.span());
        let spec = match self.args.get("lease").map(|argument| &argument.value) {
            Some(Value::Name(Named::Constant(value))) => {
                let there = at(syn::spanned::Spanned::span(value));
                let runtime = relocate(runtime.clone(), there);
                quote_spanned!(there=> #runtime::LeaseSpec::new(#value))
            }
            Some(_) => quote_spanned!(here=> #runtime::LeaseSpec::unnamed()),
            // A wrong or missing name has been reported.
            None => quote_spanned!(here=> #runtime::LeaseSpec::new("missing")),
        };
        let settings = self.args.all().filter(|argument| argument.key.sets == Sets::Lease);
        let settings = settings.filter_map(|argument| values::method(argument, runtime));
        quote_spanned!(here=> const __LEASE: #runtime::LeaseSpec = #spec #(#settings)*;)
    }

    /// The names that contain arguments. They are formatted before the closure takes the arguments.
    pub(super) fn made_names(&self) -> Vec<Made> {
        let patterns = self.args.all().filter_map(|argument| match &argument.value {
            Value::Name(Named::Pattern(pattern)) => Some((&argument.ident, pattern)),
            _ => None,
        });
        patterns.map(|(key, pattern)| self.made_name(key, pattern)).collect()
    }

    fn made_name(&self, key: &Ident, pattern: &Pattern) -> Made {
        let there = at(pattern.literal.span());
        let mut key = key.unraw();
        key.set_span(at(key.span()));
        let mut variable = if self.is_taken(&key) { quote::format_ident!("__{}", key) } else { key.clone() };
        variable.set_span(own(pattern.literal.span()));
        let (text, values) = self.format(pattern);
        let statement = quote_spanned!(there=> let #variable = ::std::format!(#text #(, #values)*););
        let value = quote_spanned!(there=> (#variable));
        Made { statement, setting: quote_spanned!(key.span()=> .#key #value) }
    }

    /// Whether the function or one of its parameters has this name.
    fn is_taken(&self, name: &Ident) -> bool {
        self.item.sig.ident == *name || self.item.argument(name).is_some()
    }

    /// The arguments of `format!`: it accepts names in braces, but fields only after the string.
    fn format(&self, pattern: &Pattern) -> (LitStr, Vec<TokenStream>) {
        let mut text = String::new();
        let mut values = Vec::new();
        for (before, hole) in &pattern.parts {
            let Hole { root, fields, spec } = hole;
            let name = if fields.is_empty() && root != "self" { root.as_str() } else { "" };
            text.push_str(&format!("{before}{{{name}{spec}}}"));
            if name.is_empty() {
                values.push(self.field(hole, pattern));
            }
        }
        text.push_str(&pattern.end);
        (LitStr::new(&text, at(pattern.literal.span())), values)
    }

    fn field(&self, hole: &Hole, pattern: &Pattern) -> TokenStream {
        let there = at(pattern.literal.span());
        let root = match self.item.sig.receiver() {
            Some(_) if hole.root == "self" => Token![self](there).to_token_stream(),
            _ => self
                .item
                .argument_called(&hole.root)
                .map(|name| respan(name, there).to_token_stream())
                .unwrap_or_default(),
        };
        let fields = hole.fields.iter().map(|field| match field {
            Member::Named(name) => Member::Named(respan(name, there)),
            Member::Unnamed(index) => Member::Unnamed(Index { index: index.index, span: there }),
        });
        quote_spanned!(there=> #root #(.#fields)*)
    }
}
