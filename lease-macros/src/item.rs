//! Reads the annotated function and checks that it can be a leader task.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{
    Attribute, Error, FnArg, GenericParam, Ident, Pat, PatType, Receiver, ReceiverKind, Safety, Signature, Token, Type,
    Visibility,
};

use crate::args::Mistakes;
use crate::borrow::{self, CANNOT_BORROW};

/// The annotated function. Its body is not parsed, so that the compiler reports the mistakes in it, and only once.
pub(crate) struct AnnotatedItem {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) body: Group,
}

/// A parameter of the annotated function.
pub(crate) enum Param<'a> {
    Receiver(&'a Receiver),
    Term(&'a PatType),
    Tick(&'a PatType),
    Argument(&'a PatType),
}

impl AnnotatedItem {
    /// Parses all but the body. The body is split off first: it is usually the larger part, and parsing it would cost time.
    pub(crate) fn read(tokens: TokenStream) -> syn::Result<AnnotatedItem> {
        let mut tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let body = tokens.last().and_then(body);
        if body.is_some() {
            tokens.pop();
        }
        let signature = |input: ParseStream<'_>| {
            let attrs = input.call(Attribute::parse_outer)?;
            let vis: Visibility = input.parse()?;
            if let Some(mistake) = not_a_function(input) {
                return Err(mistake);
            }
            let sig: Signature = input.parse()?;
            if input.peek(Token![;]) {
                return Err(input.error("a leader task needs a body: write it here, in braces"));
            }
            Ok((attrs, vis, sig))
        };
        let (attrs, vis, sig) = signature.parse2(tokens.into_iter().collect())?;
        let body =
            body.ok_or_else(|| Error::new(sig.fn_token.span, "a leader task needs a body: write one, in braces"))?;
        Ok(AnnotatedItem { attrs, vis, sig, body })
    }
}

/// The braces, also if a `macro_rules!` fragment has put invisible delimiters around them.
fn body(token: &TokenTree) -> Option<Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.clone()),
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            group.stream().into_iter().next().as_ref().and_then(body)
        }
        _ => None,
    }
}

/// A mistake that names the item, if it is not a function.
fn not_a_function(input: ParseStream<'_>) -> Option<Error> {
    let ahead = input.fork();
    // Skips the qualifiers before `fn`. `check_qualifiers` checks later which of them a task may have.
    while ahead.peek(Token![const])
        || ahead.peek(Token![async])
        || ahead.peek(Token![unsafe])
        || ahead.peek(Token![extern])
    {
        let _ = ahead.parse::<TokenTree>();
        let _ = ahead.parse::<Option<syn::LitStr>>();
    }
    if ahead.peek(Token![fn]) {
        return None;
    }
    let found = match ahead.call(Ident::parse_any) {
        Ok(word) => format!(", not on `{word} ..`"),
        Err(_) => String::new(),
    };
    Some(input.error(format_args!(
        "`#[leader_only]` goes on an `async fn`{found}: put it on the function that does the work"
    )))
}

impl AnnotatedItem {
    /// Reports all reasons why this function cannot be a task.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let mut mistakes = Mistakes::default();
        self.check_attributes(&mut mistakes);
        self.check_qualifiers(&mut mistakes);
        self.check_generics(&mut mistakes);
        self.check_params(&mut mistakes);
        mistakes.into_error().map_or(Ok(()), Err)
    }

    fn check_attributes(&self, mistakes: &mut Mistakes) {
        for attr in &self.attrs {
            if attr.path().segments.last().is_some_and(|last| last.ident == "leader_only") {
                mistakes.at(attr, "a task has one lease: remove one of the two `#[leader_only]`");
            }
        }
    }

    fn check_qualifiers(&self, mistakes: &mut Mistakes) {
        let sig = &self.sig;
        if sig.ident == "main" && sig.receiver().is_none() {
            mistakes.at(
                &sig.ident,
                "`main` runs in every replica: move the work to another `async fn` and let a `Candidate` run it",
            );
        } else if sig.asyncness.is_none() {
            mistakes.at(
                sig.fn_token,
                "a leader task has to stop when the lease is lost, and only async code can be stopped: write `async fn`",
            );
        }
        if let Safety::Unsafe(token) = &sig.safety {
            mistakes.at(
                token,
                "the runtime calls this function, and cannot meet the conditions of an `unsafe fn`: use `unsafe` blocks inside",
            );
        }
        if let Some(abi) = &sig.abi {
            mistakes.at(abi, "only the runtime calls this function, so an ABI has no effect: remove it");
        }
    }

    fn check_generics(&self, mistakes: &mut Mistakes) {
        for param in &self.sig.generics.params {
            if let GenericParam::Lifetime(param) = param {
                let lifetime = &param.lifetime;
                mistakes.at(lifetime, format_args!("{CANNOT_BORROW}: take owned values and remove `{lifetime}`"));
            }
        }
    }

    fn check_params(&self, mistakes: &mut Mistakes) {
        let (mut has_term, mut has_tick) = (false, false);
        for param in self.params() {
            match param {
                Param::Receiver(receiver) => match &receiver.kind {
                    ReceiverKind::Value => {}
                    ReceiverKind::Typed(_, ty) if !matches!(&**ty, Type::Reference(_)) => borrow::check(ty, mistakes),
                    _ => mistakes.at(
                        receiver,
                        format_args!("{CANNOT_BORROW}: take `self: Arc<Self>`, or `self` if it is cheap to clone"),
                    ),
                },
                Param::Term(param) => {
                    if has_term {
                        mistakes.at(&param.ty, "a task runs in one term at a time: remove the second `Term`");
                    }
                    has_term = true;
                }
                Param::Tick(param) => {
                    if has_tick {
                        mistakes.at(&param.ty, "a run is for one tick: remove the second `Tick`");
                    }
                    has_tick = true;
                }
                Param::Argument(param) => match &*param.ty {
                    Type::Reference(reference) if is_term(&reference.elem) => {
                        mistakes.at(reference, "a task owns its term: take the `Term` by value");
                    }
                    Type::Reference(reference) if is_tick(&reference.elem) => {
                        mistakes.at(reference, "a run owns its tick: take the `Tick` by value");
                    }
                    ty => borrow::check(ty, mistakes),
                },
            }
        }
    }

    /// The parameters, each with its kind.
    pub(crate) fn params(&self) -> impl Iterator<Item = Param<'_>> {
        self.sig.inputs.iter().map(|input| match input {
            FnArg::Receiver(receiver) => Param::Receiver(receiver),
            FnArg::Typed(param) if is_term(&param.ty) => Param::Term(param),
            FnArg::Typed(param) if is_tick(&param.ty) => Param::Tick(param),
            FnArg::Typed(param) => Param::Argument(param),
        })
    }

    /// The parameter that is the tick.
    pub(crate) fn tick(&self) -> Option<&PatType> {
        self.params().find_map(|param| match param {
            Param::Tick(param) => Some(param),
            _ => None,
        })
    }

    /// The parameter that is the term.
    pub(crate) fn term(&self) -> Option<&PatType> {
        self.params().find_map(|param| match param {
            Param::Term(param) => Some(param),
            _ => None,
        })
    }

    /// The parameter with this name, if it is also a parameter of the constructor.
    pub(crate) fn argument(&self, name: &Ident) -> Option<&Ident> {
        self.argument_called(&name.unraw().to_string())
    }

    /// The parameter with this name, with or without `r#`.
    pub(crate) fn argument_called(&self, name: &str) -> Option<&Ident> {
        self.params().find_map(|param| match param {
            Param::Argument(PatType { pat, .. }) => match &**pat {
                Pat::Ident(pat) if pat.ident.unraw() == *name => Some(&pat.ident),
                _ => None,
            },
            _ => None,
        })
    }

    /// Whether this is a `const async fn`, which the compiler has already refused.
    pub(crate) fn is_const(&self) -> bool {
        self.sig.constness.is_some()
    }
}

/// Whether this is how `lease_runtime::Term` is written.
fn is_term(ty: &Type) -> bool {
    ends_in(ty, "Term")
}

/// Whether this is how `lease_runtime::Tick` is written.
fn is_tick(ty: &Type) -> bool {
    ends_in(ty, "Tick")
}

/// Whether it is a path that ends in this name.
fn ends_in(ty: &Type, name: &str) -> bool {
    match ty {
        Type::Path(path) if path.qself.is_none() => {
            path.path.segments.last().is_some_and(|last| last.ident == name && last.arguments.is_none())
        }
        Type::Group(group) => ends_in(&group.elem, name),
        Type::Paren(paren) => ends_in(&paren.elem, name),
        _ => false,
    }
}

/// Whether it is `!`.
pub(crate) fn is_never(ty: &Type) -> bool {
    match ty {
        Type::Never(_) => true,
        Type::Group(group) => is_never(&group.elem),
        _ => false,
    }
}
