//! Distributes the function's attributes between the constructor and the body.

use quote::quote_spanned;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Meta, Path, Token};

/// An item that gets some of the attributes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The constructor with the body's function inside. The constructor's lint levels apply to both.
    ConstructorAroundBody,
    /// The body's function inside the constructor.
    BodyInConstructor,
    /// The constructor with the body's function beside it.
    ConstructorBesideBody,
    /// The body's function beside the constructor. It needs its own `cfg`s and lint levels.
    BodyBesideConstructor,
}

/// The attributes that belong to `place`.
pub(crate) fn split(attrs: &[Attribute], place: Place) -> impl Iterator<Item = Attribute> {
    attrs.iter().filter_map(move |attr| {
        let meta = split_meta(&attr.meta, place)?;
        Some(Attribute { meta, ..attr.clone() })
    })
}

/// The `#[cfg(..)]` of a parameter. They are needed wherever the parameter is written. Its other attributes are for the body.
pub(crate) fn cfgs(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
}

/// `#[cfg_attr(condition, attributes..)]` is split in the same way.
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
        // Either both functions exist or neither.
        ("cfg", Place::ConstructorBesideBody | Place::BodyBesideConstructor) => true,
        ("allow" | "warn" | "deny" | "forbid", Place::ConstructorBesideBody | Place::BodyBesideConstructor) => true,
        // An expectation must be fulfilled at each item that has it. The lint is most likely in the body.
        ("expect", Place::ConstructorBesideBody | Place::BodyBesideConstructor) => !on_constructor,
        ("doc" | "cfg" | "cfg_attr" | "deprecated" | "must_use" | "track_caller", _) => on_constructor,
        ("allow" | "warn" | "deny" | "forbid" | "expect", _) => on_constructor,
        _ => !on_constructor,
    }
}
