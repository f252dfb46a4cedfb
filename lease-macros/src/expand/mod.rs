//! Writes the constructor: it contains the annotated function and makes the task from the arguments.
//!
//! Generated tokens resolve as if they were written at the attribute. Their spans point at the user's code: the function's name,
//! a parameter, the value of an argument. The compiler then reports mistakes there, and lints know that the code is generated.

mod attrs;
mod expansion;
mod lease;
mod names;
mod spans;
mod task;
mod values;

use proc_macro2::{Delimiter, Group, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, Error, ReceiverKind, ReturnType, Token};

use self::attrs::Place;
use self::expansion::Expansion;
use self::names::{argument_name, receiver_name};
use self::spans::{at, relocate};
use crate::args::Args;
use crate::item::{AnnotatedItem, Param, is_never};
use crate::rules;
use crate::value::Value;

pub(crate) fn leader_only(args: TokenStream, tokens: TokenStream) -> TokenStream {
    let item = match AnnotatedItem::read(tokens.clone()) {
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
    rules::require_lease(&mut args, &item.sig.ident);
    rules::check_task_name(&mut args, &item.sig.ident);
    rules::check(&mut args, &item);
    if let Some(mistake) = rules::check_output(&args, &item) {
        // Expanding it would make the compiler report the same mistake again.
        args.mistakes.add(mistake);
        return args.mistakes.into_error().map_or_else(TokenStream::new, |mistake| beside(&mistake, tokens));
    }
    let task = Expansion { item: &item, args: &args, runtime: runtime(&args, &item) }.expand();
    match args.mistakes.into_error() {
        Some(mistake) => beside(&mistake, task),
        None => task,
    }
}

fn beside(mistake: &Error, tokens: TokenStream) -> TokenStream {
    let mistake = mistake.to_compile_error();
    quote!(#mistake #tokens)
}

/// The path of the runtime, pointing at the function's name wherever it is used.
fn runtime(args: &Args, item: &AnnotatedItem) -> TokenStream {
    let here = at(item.sig.ident.span());
    match args.get("crate").map(|argument| &argument.value) {
        Some(Value::Path(path)) => relocate(path.to_token_stream(), here),
        _ => quote_spanned!(here=> ::lease_runtime),
    }
}

impl Expansion<'_> {
    fn expand(&self) -> TokenStream {
        let AnnotatedItem { attrs, vis, sig, body } = self.item;
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
            // A nested function cannot name `Self`, so the body is written beside the constructor.
            let on_constructor = self.documented(attrs::split(attrs, Place::ConstructorBesideBody));
            let on_body = attrs::split(attrs, Place::BodyBesideConstructor);
            let block = self.block(quote_spanned!(here=> #lease #task));
            quote_spanned! {here=>
                #(#on_constructor)*
                #vis #fn_token #ident #generics (#params) #output #where_clause #block
                #(#on_body)*
                #[doc(hidden)]
                #body_sig #body
            }
        } else {
            let on_constructor = self.documented(attrs::split(attrs, Place::ConstructorAroundBody));
            let on_body = attrs::split(attrs, Place::BodyInConstructor);
            let block = self.block(quote_spanned!(here=> #(#on_body)* #body_sig #body #lease #task));
            quote_spanned! {here=>
                #(#on_constructor)*
                #vis #fn_token #ident #generics (#params) #output #where_clause #block
            }
        }
    }

    /// The constructor's block, with the span of the user's closing brace. The compiler hides most lints in generated code, and
    /// treats a function as generated if its last token is. `dead_code` must be shown for a task that is never added.
    fn block(&self, statements: TokenStream) -> Group {
        let mut block = Group::new(Delimiter::Brace, statements);
        block.set_span(self.item.body.span_close());
        block
    }

    /// The attributes. Appends notes to the documentation if the arguments together have an effect that may be unexpected.
    fn documented(&self, attrs: impl Iterator<Item = Attribute>) -> Vec<TokenStream> {
        let mut attrs: Vec<_> = attrs.collect();
        let here = at(self.item.sig.ident.span());
        let docs = attrs.iter().rposition(|attr| attr.path().is_ident("doc")).map_or(0, |last| last + 1);
        let rest = attrs.split_off(docs);
        let mut before: Vec<_> = attrs.into_iter().map(ToTokens::into_token_stream).collect();
        for note in rules::notes(self.args) {
            let text = format!(" {note}");
            let paragraph = (!before.is_empty()).then(|| quote_spanned!(here=> #[doc = ""]));
            before.extend(paragraph.into_iter().chain([quote_spanned!(here=> #[doc = #text])]));
        }
        before.into_iter().chain(rest.into_iter().map(ToTokens::into_token_stream)).collect()
    }

    /// The parameters without the term and the tick. A pattern is replaced by a name.
    fn constructor_params(&self) -> TokenStream {
        let comma = quote_spanned!(at(self.item.sig.ident.span())=> ,);
        let params = self.item.params().enumerate().filter_map(|(index, param)| match param {
            Param::Term(_) | Param::Tick(_) => None,
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
        let sig = &self.item.sig;
        let here = at(sig.ident.span());
        // The user's token, so that lints are shown. See `block`.
        let close = Token![>](sig.paren_token.span.close());
        match &sig.output {
            ReturnType::Default => quote_spanned!(here=> -> #runtime::LeaderTask<() #close),
            ReturnType::Type(arrow, ty) if is_never(ty) => {
                quote_spanned!(here=> #arrow #runtime::LeaderTask<::core::convert::Infallible #close)
            }
            ReturnType::Type(arrow, ty) => quote_spanned!(here=> #arrow #runtime::LeaderTask<#ty #close),
        }
    }
}
