//! The annotated function and the arguments become a constructor with the function inside.
//!
//! Generated tokens resolve as if they stood at the attribute, and point at what the user wrote: at the function's name, at a
//! parameter, at an argument's value. A mistake found by the compiler is then shown there, and lints know that nobody wrote
//! the code.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Error, GenericParam, Ident, LitStr, Pat, PatType, Receiver, ReceiverKind, ReturnType, Type};

use crate::args::{Args, Timed};
use crate::attrs::{self, Place};
use crate::duration;
use crate::item::{Item, Param};
use crate::keys;

/// Points at `there`, resolves at the attribute.
fn at(there: Span) -> Span {
    Span::call_site().located_at(there)
}

/// Points at `there`, resolves to itself alone: for names that must not meet the user's.
fn own(there: Span) -> Span {
    Span::mixed_site().located_at(there)
}

pub(crate) fn leader_only(args: TokenStream, tokens: TokenStream) -> TokenStream {
    let item: Item = match syn::parse2(tokens.clone()) {
        Ok(item) => item,
        Err(mistake) => return beside(&mistake, tokens),
    };
    if item.is_const() {
        return tokens;
    }
    if let Err(mistake) = item.check() {
        return beside(&mistake, tokens);
    }
    let mut args = Args::parse(args);
    require_lease(&mut args, &item);
    let name = task_name(&mut args, &item);
    let task = Expansion { item: &item, args: &args, name, runtime: runtime(&args, &item) }.expand();
    match args.mistakes.into_error() {
        Some(mistake) => beside(&mistake, task),
        None => task,
    }
}

fn beside(mistake: &Error, tokens: TokenStream) -> TokenStream {
    let mistake = mistake.to_compile_error();
    quote!(#mistake #tokens)
}

fn require_lease(args: &mut Args, item: &Item) {
    if args.lease_attempted {
        return;
    }
    let example = item.sig.ident.unraw().to_string().to_lowercase().replace('_', "-");
    let example = example.trim_matches('-');
    let says = match &args.name {
        Some(name) => format!("`name` is the task's: name the lease, too, as in `lease = {:?}`", name.value()),
        None => format!("a leader task runs under a lease: name it, as in `#[leader_only(lease = {example:?})]`"),
    };
    args.mistakes.add(Error::new(Span::call_site(), says));
}

/// The name under which the task is logged and observed: the key's, or else the function's.
fn task_name(args: &mut Args, item: &Item) -> LitStr {
    if let Some(name) = &args.name {
        return LitStr::new(&name.value(), at(name.span()));
    }
    let ident = &item.sig.ident;
    let name = ident.unraw().to_string();
    if let Err(says) = keys::check_task_name(&name) {
        let says = format_args!("{says}, unlike this function's: add `name = \"..\"` to `#[leader_only]`");
        args.mistakes.add(Error::new(ident.span(), says));
    }
    LitStr::new(&name, at(ident.span()))
}

/// The path of the runtime, pointing at the function's name wherever it is used.
fn runtime(args: &Args, item: &Item) -> TokenStream {
    let name = item.sig.ident.span();
    match &args.runtime {
        None => quote_spanned!(at(name)=> ::lease_runtime),
        // Resolves where it was written: it may say `$crate`.
        Some(path) => relocate(path.to_token_stream(), |span| span.located_at(name)),
    }
}

fn relocate(tokens: TokenStream, to: impl Fn(Span) -> Span + Copy) -> TokenStream {
    let relocated = tokens.into_iter().map(|mut token| {
        if let TokenTree::Group(group) = &token {
            let mut inner = Group::new(group.delimiter(), relocate(group.stream(), to));
            inner.set_span(to(group.span()));
            return TokenTree::Group(inner);
        }
        token.set_span(to(token.span()));
        token
    });
    relocated.collect()
}

struct Expansion<'a> {
    item: &'a Item,
    args: &'a Args,
    name: LitStr,
    runtime: TokenStream,
}

impl Expansion<'_> {
    fn expand(&self) -> TokenStream {
        let Item { attrs, vis, sig, body } = self.item;
        let here = at(sig.ident.span());
        let (ident, fn_token, generics) = (&sig.ident, sig.fn_token, &sig.generics);
        let where_clause = &generics.where_clause;
        let params = self.constructor_params();
        let output = self.output();
        let lease = self.lease();
        let task = self.task();
        let mut body_sig = sig.clone();
        body_sig.ident = self.body_name();
        if self.needs_sibling() {
            // A nested function cannot name `Self`, so that the body goes beside the constructor.
            let on_constructor = attrs::split(attrs, Place::ConstructorBesideBody);
            let on_body = attrs::split(attrs, Place::BodyBesideConstructor);
            quote_spanned! {here=>
                #(#on_constructor)*
                #vis #fn_token #ident #generics (#params) #output #where_clause {
                    #lease
                    #task
                }
                #(#on_body)*
                #[doc(hidden)]
                #body_sig #body
            }
        } else {
            let on_constructor = attrs::split(attrs, Place::ConstructorAroundBody);
            let on_body = attrs::split(attrs, Place::BodyInConstructor);
            quote_spanned! {here=>
                #(#on_constructor)*
                #vis #fn_token #ident #generics (#params) #output #where_clause {
                    #(#on_body)*
                    #body_sig #body
                    #lease
                    #task
                }
            }
        }
    }

    /// Whether the body needs to know what `Self` is.
    fn needs_sibling(&self) -> bool {
        let Item { sig, body, .. } = self.item;
        sig.receiver().is_some() || names_self(sig.to_token_stream(), false) || names_self(body.stream(), true)
    }

    /// The constructor's name, unless it is taken beside the constructor or by one of its parameters inside.
    fn body_name(&self) -> Ident {
        let ident = &self.item.sig.ident;
        let is_taken = self.item.params().any(|param| match param {
            Param::Receiver(_) => false,
            Param::Term(param) => term_name(ident, param) == *ident,
            Param::Argument(param) => matches!(&*param.pat, Pat::Ident(pat) if pat.ident == *ident),
        });
        if is_taken || self.needs_sibling() {
            format_ident!("__{}", ident.unraw(), span = ident.span())
        } else {
            ident.clone()
        }
    }

    /// The parameters without the term, and each with a name.
    fn constructor_params(&self) -> TokenStream {
        let comma = quote_spanned!(at(self.item.sig.ident.span())=> ,);
        let params = self.item.params().enumerate().filter_map(|(index, param)| match param {
            Param::Term(_) => None,
            Param::Receiver(receiver) => {
                let cfgs = attrs::cfgs(&receiver.attrs);
                let name = receiver_name(receiver);
                Some(match &receiver.kind {
                    ReceiverKind::Typed(colon, ty) => quote!(#(#cfgs)* #name #colon #ty #comma),
                    _ => quote!(#(#cfgs)* #name #comma),
                })
            }
            Param::Argument(param) => {
                let cfgs = attrs::cfgs(&param.attrs);
                let (name, colon, ty) = (argument_name(index, param), param.colon_token, &param.ty);
                Some(quote!(#(#cfgs)* #name #colon #ty #comma))
            }
        });
        params.collect()
    }

    fn output(&self) -> TokenStream {
        let runtime = &self.runtime;
        let here = at(self.item.sig.ident.span());
        match &self.item.sig.output {
            ReturnType::Default => quote_spanned!(here=> -> #runtime::LeaderTask<()>),
            ReturnType::Type(arrow, ty) if is_never(ty) => {
                quote_spanned!(here=> #arrow #runtime::LeaderTask<::core::convert::Infallible>)
            }
            ReturnType::Type(arrow, ty) => quote_spanned!(here=> #arrow #runtime::LeaderTask<#ty>),
        }
    }

    /// `const __LEASE`: an item, because the compiler evaluates items and names in the editor, too, and a `const { .. }` block
    /// only when the function is built.
    fn lease(&self) -> TokenStream {
        let runtime = &self.runtime;
        let here = at(self.item.sig.ident.span());
        let spec = match &self.args.lease {
            Some(value) => {
                let there = at(value.span());
                let runtime = relocate(runtime.clone(), |span| span.located_at(value.span()));
                quote_spanned!(there=> #runtime::LeaseSpec::new(#value))
            }
            // Wrong or missing, and reported.
            None => quote_spanned!(here=> #runtime::LeaseSpec::new("missing")),
        };
        let namespace = self.args.namespace.iter().map(|setting| method(&setting.key, &setting.value));
        let timings = self.args.timings.iter().flatten().map(|setting| method(&setting.key, timed(&setting.value)));
        let settings = namespace.chain(timings);
        quote_spanned!(here=> const __LEASE: #runtime::LeaseSpec = #spec #(#settings)*;)
    }

    fn task(&self) -> TokenStream {
        let Expansion { name, runtime, .. } = self;
        let here = at(self.item.sig.ident.span());
        let start = self.start();
        let grace = self.args.grace.iter().map(|setting| method(&setting.key, timed(&setting.value)));
        let on_overrun = self.args.on_overrun.iter().map(|setting| {
            let (there, mut variant) = (setting.value.span(), setting.value.clone());
            variant.set_span(at(there));
            let runtime = relocate(runtime.clone(), |span| span.located_at(there));
            method(&setting.key, quote_spanned!(at(there)=> #runtime::OnOverrun::#variant))
        });
        let settings = grace.chain(on_overrun);
        quote_spanned!(here=> #runtime::LeaderTask::new(#name, __LEASE, #start) #(#settings)*)
    }

    /// The closure that starts the body, once for each term.
    fn start(&self) -> TokenStream {
        let sig = &self.item.sig;
        let here = at(sig.ident.span());
        let mut term_name = quote_spanned!(here=> _);
        let mut arguments = Vec::new();
        for (index, param) in self.item.params().enumerate() {
            let (cfgs, value) = match param {
                Param::Term(param) => {
                    term_name = self::term_name(&sig.ident, param).to_token_stream();
                    (attrs::cfgs(&param.attrs).collect(), term_name.clone())
                }
                Param::Receiver(receiver) => (Vec::new(), clone_of(receiver_name(receiver))),
                Param::Argument(param) => (attrs::cfgs(&param.attrs).collect(), clone_of(argument_name(index, param))),
            };
            arguments.push(quote!(#(#cfgs)* #value));
        }
        let mut body = self.body_name();
        body.set_span(at(sig.ident.span()));
        let of_self = self.needs_sibling().then(|| quote_spanned!(here=> Self::));
        let turbofish = self.turbofish();
        let call = quote_spanned!(here=> #of_self #body #turbofish (#(#arguments),*));
        match &sig.output {
            // Called before the block, which would otherwise move the arguments out of the closure.
            ReturnType::Type(_, ty) if is_never(ty) => {
                let future = Ident::new("body", own(sig.ident.span()));
                quote_spanned!(here=> move |#term_name| { let #future = #call; async move { #future.await } })
            }
            _ => quote_spanned!(here=> move |#term_name| #call),
        }
    }

    /// The function's own generic arguments, those that the compiler could not infer included.
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

fn is_never(ty: &Type) -> bool {
    match ty {
        Type::Never(_) => true,
        Type::Group(group) => is_never(&group.elem),
        _ => false,
    }
}

/// The parameter's own name without `mut` and `ref`, or one by its place where it is a pattern.
fn argument_name(index: usize, param: &PatType) -> Ident {
    match &*param.pat {
        Pat::Ident(pat) => {
            let mut name = pat.ident.clone();
            name.set_span(at(name.span()));
            name
        }
        pat => Ident::new(&format!("arg{index}"), own(pat.span())),
    }
}

/// The closure's parameter: the term by the user's name for it, if that is one.
fn term_name(function: &Ident, param: &PatType) -> Ident {
    let mut name = match &*param.pat {
        // One that is configured away leaves the closure's parameter unused.
        _ if attrs::cfgs(&param.attrs).next().is_some() => Ident::new("_term", function.span()),
        Pat::Ident(pat) if !pat.ident.to_string().starts_with('_') => pat.ident.clone(),
        _ => Ident::new("term", function.span()),
    };
    name.set_span(own(function.span()));
    name
}

fn receiver_name(receiver: &Receiver) -> syn::Token![self] {
    syn::Token![self](at(receiver.self_token.span))
}

/// By full path: `name.clone()` would copy what a `&'static` points to.
fn clone_of(name: impl ToTokens) -> TokenStream {
    let there = name.to_token_stream().into_iter().next().map_or_else(Span::call_site, |token| token.span());
    quote_spanned!(there=> ::core::clone::Clone::clone(&#name))
}

fn method(key: &Ident, value: impl ToTokens) -> TokenStream {
    let mut key = key.unraw();
    key.set_span(at(key.span()));
    let there = at(value.to_token_stream().into_iter().next().map_or_else(|| key.span(), |token| token.span()));
    let value = quote_spanned!(there=> (#value));
    quote_spanned!(key.span()=> .#key #value)
}

fn timed(timed: &Timed) -> TokenStream {
    let there = at(timed.span);
    match timed.duration {
        duration::Span::Secs(secs) => {
            let secs = proc_macro2::Literal::u64_unsuffixed(secs);
            quote_spanned!(there=> ::core::time::Duration::from_secs(#secs))
        }
        duration::Span::Millis(millis) => {
            let millis = proc_macro2::Literal::u64_unsuffixed(millis);
            quote_spanned!(there=> ::core::time::Duration::from_millis(#millis))
        }
    }
}

/// Whether the tokens name the `Self` of the `impl` around them. `in_body`, items may have a `Self` of their own.
fn names_self(tokens: TokenStream, in_body: bool) -> bool {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(word) if word == "Self" => return true,
            TokenTree::Ident(word) if in_body && begins_item(&word, tokens.peek()) => {
                let is_end = |token: &TokenTree| match token {
                    TokenTree::Group(group) => group.delimiter() == proc_macro2::Delimiter::Brace,
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
        // And not the type `fn(A) -> B`.
        "fn" => matches!(next, Some(TokenTree::Ident(_))),
        _ => false,
    }
}
