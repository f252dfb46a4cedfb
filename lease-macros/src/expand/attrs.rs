//! Which of the function's attributes belong to the constructor, which to the body.

use quote::quote_spanned;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Meta, Path, Token};

/// Where attributes are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The constructor, with the body's function inside it, where it feels the constructor's lint levels.
    ConstructorAroundBody,
    /// The body's function inside the constructor.
    BodyInConstructor,
    /// The constructor, with the body's function beside it.
    ConstructorBesideBody,
    /// The body's function beside the constructor, where it needs `cfg`s and lint levels of its own.
    BodyBesideConstructor,
}

/// The attributes that belong to `place`.
pub(crate) fn split(attrs: &[Attribute], place: Place) -> impl Iterator<Item = Attribute> {
    attrs.iter().filter_map(move |attr| {
        let meta = split_meta(&attr.meta, place)?;
        Some(Attribute { meta, ..attr.clone() })
    })
}

/// The `#[cfg(..)]` of a parameter, which go with it wherever it goes. Its other attributes concern its use in the body.
pub(crate) fn cfgs(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
}

/// `#[cfg_attr(condition, attributes..)]` is split, too.
fn split_meta(meta: &Meta, place: Place) -> Option<Meta> {
    let conditional = match meta {
        Meta::List(list) if list.path.is_ident("cfg_attr") => list.parse_args::<Conditional>().ok(),
        _ => None,
    };
    let (Meta::List(list), Some(Conditional { condition, attrs })) = (meta, conditional) else {
        return belongs(meta.path(), place).then(|| meta.clone());
    };
    let attrs: Vec<_> = attrs.iter().filter_map(|attr| split_meta(attr, place)).collect();
    let tokens = quote_spanned!(list.path.span()=> #condition, #(#attrs),*);
    (!attrs.is_empty()).then(|| Meta::List(syn::MetaList { tokens, ..list.clone() }))
}

struct Conditional {
    condition: Meta,
    attrs: Punctuated<Meta, Token![,]>,
}

impl Parse for Conditional {
    fn parse(input: ParseStream<'_>) -> syn::Result<Conditional> {
        let condition = input.parse()?;
        input.parse::<Token![,]>()?;
        Ok(Conditional { condition, attrs: Punctuated::parse_terminated(input)? })
    }
}

fn belongs(path: &Path, place: Place) -> bool {
    let on_constructor = matches!(place, Place::ConstructorAroundBody | Place::ConstructorBesideBody);
    let name = path.get_ident().map(ToString::to_string).unwrap_or_default();
    match (name.as_str(), place) {
        // There must be both or none.
        ("cfg", Place::ConstructorBesideBody | Place::BodyBesideConstructor) => true,
        ("allow" | "warn" | "deny" | "forbid", Place::ConstructorBesideBody | Place::BodyBesideConstructor) => true,
        // Fulfilled once, and most likely by the body.
        ("expect", Place::ConstructorBesideBody | Place::BodyBesideConstructor) => !on_constructor,
        ("doc" | "cfg" | "cfg_attr" | "deprecated" | "must_use" | "track_caller", _) => on_constructor,
        ("allow" | "warn" | "deny" | "forbid" | "expect", _) => on_constructor,
        _ => !on_constructor,
    }
}
