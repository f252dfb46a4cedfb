//! The task itself: its name, its settings, and the closure that starts its body.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{GenericParam, Ident, LitStr, ReturnType};

use super::expansion::Expansion;
use super::names::{Names, argument_name, receiver_name};
use super::spans::{at, own, relocate, respan};
use super::{attrs, values};
use crate::item::{Param, is_never};
use crate::keys::Sets;
use crate::rules;
use crate::value::Value;

impl Expansion<'_> {
    /// `LeaderTask::new(..)`, or `LeaderTask::scheduled(..)`, with its settings.
    pub(super) fn task(&self) -> TokenStream {
        let runtime = &self.runtime;
        let here = at(self.item.sig.ident.span());
        let made = self.made_names();
        let (statements, names) = (made.iter().map(|made| &made.statement), made.iter().map(|made| &made.setting));
        let settings = self.args.all().filter(|argument| argument.key.sets == Sets::Task);
        let settings = settings.filter_map(|argument| values::method(argument, runtime));
        let task = self.constructed();
        quote_spanned!(here=> #(#statements)* #task #(#names)* #(#settings)*)
    }

    /// The call of the runtime. It points at the return type, because the compiler reports here that a task cannot return it.
    fn constructed(&self) -> TokenStream {
        let sig = &self.item.sig;
        let there = match &sig.output {
            ReturnType::Type(_, ty) if !is_never(ty) => at(ty.span()),
            _ => at(sig.ident.span()),
        };
        let runtime = relocate(self.runtime.clone(), there);
        let new = Ident::new(if self.is_scheduled() { "scheduled" } else { "new" }, there);
        let (name, start) = (self.name(), self.start());
        quote_spanned!(there=> #runtime::LeaderTask::#new(#name, __LEASE, #start))
    }

    /// Whether ticks start the body.
    fn is_scheduled(&self) -> bool {
        rules::trigger(self.args).is_some() || self.item.tick().is_some()
    }

    /// The name of the task in logs and status: the key `name`, otherwise the function's name.
    fn name(&self) -> LitStr {
        match self.args.get("name").map(|argument| &argument.value) {
            Some(Value::TaskName(name)) => LitStr::new(&name.value(), at(name.span())),
            _ => {
                let ident = &self.item.sig.ident;
                LitStr::new(&ident.unraw().to_string(), at(ident.span()))
            }
        }
    }

    /// The closure that starts the body, once for each run.
    fn start(&self) -> TokenStream {
        let sig = &self.item.sig;
        let here = at(sig.ident.span());
        let names = Names::of(self.item);
        let mut arguments = Vec::new();
        for (index, param) in self.item.params().enumerate() {
            let (cfgs, value) = match param {
                Param::Term(param) => (attrs::cfgs(&param.attrs).collect(), names.term.to_token_stream()),
                Param::Tick(param) => (attrs::cfgs(&param.attrs).collect(), names.tick.to_token_stream()),
                Param::Receiver(receiver) => (Vec::new(), clone_of(receiver_name(receiver))),
                Param::Argument(param) => (attrs::cfgs(&param.attrs).collect(), clone_of(argument_name(index, param))),
            };
            arguments.push(quote!(#(#cfgs)* #value));
        }
        let or_nothing = |name: Option<Ident>| name.map_or_else(|| quote_spanned!(here=> _), Ident::into_token_stream);
        let tick = self.is_scheduled().then(|| or_nothing(names.tick)).into_iter();
        let term = or_nothing(names.term);
        let params = quote_spanned!(here=> #term #(, #tick)*);
        let body = respan(&self.body_name(), at(sig.ident.span()));
        let of_self = self.needs_sibling().then(|| quote_spanned!(here=> Self::));
        let turbofish = self.turbofish();
        let call = quote_spanned!(here=> #of_self #body #turbofish (#(#arguments),*));
        match &sig.output {
            // The call is outside of the `async` block, which would otherwise move the arguments out of the closure.
            ReturnType::Type(_, ty) if is_never(ty) => {
                let future = Ident::new("body", own(sig.ident.span()));
                quote_spanned!(here=> move |#params| { let #future = #call; async move { #future.await } })
            }
            _ => quote_spanned!(here=> move |#params| #call),
        }
    }

    /// The function's generic arguments, including those that the compiler cannot infer.
    fn turbofish(&self) -> Option<TokenStream> {
        let here = at(self.item.sig.ident.span());
        let names = self.item.sig.generics.params.iter().filter_map(|param| match param {
            GenericParam::Type(param) => Some(&param.ident),
            GenericParam::Const(param) => Some(&param.ident),
            GenericParam::Lifetime(_) => None,
        });
        let names: Vec<_> = names.collect();
        (!names.is_empty()).then(|| quote_spanned!(here=> ::<#(#names),*>))
    }
}

/// With the full path: `name.clone()` on a `&'static T` would clone the `T`.
fn clone_of(name: impl ToTokens) -> TokenStream {
    let there = name.to_token_stream().into_iter().next().map_or_else(Span::call_site, |token| token.span());
    quote_spanned!(there=> ::core::clone::Clone::clone(&#name))
}
