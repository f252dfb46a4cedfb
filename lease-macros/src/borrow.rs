//! Finds arguments that borrow from the caller. A task may outlive its caller, so it cannot have them.

use quote::ToTokens as _;
use syn::punctuated::Punctuated;
use syn::{GenericArgument, Lifetime, Path, PathArguments, Token, Type, TypeParamBound, TypeReference};

use crate::args::Mistakes;

/// Why a task cannot borrow. Messages append the remedy.
pub(crate) const CANNOT_BORROW: &str = "a leader task may outlive its caller, so it cannot borrow";

/// Adds a mistake for each borrow in `ty`, but not for those of a function's own arguments: `fn(&str)`, `impl Fn(&str)`,
/// `for<'a> Handler<&'a str>`.
pub(crate) fn check(ty: &Type, mistakes: &mut Mistakes) {
    match ty {
        Type::Reference(reference) => match &reference.lifetime {
            Some(lifetime) if lifetime.ident == "static" => check(&reference.elem, mistakes),
            _ => mistakes.at(reference, borrowed(reference)),
        },
        Type::Path(path) => {
            if let Some(qself) = &path.qself {
                check(&qself.ty, mistakes);
            }
            check_path(&path.path, mistakes);
        }
        Type::Array(array) => check(&array.elem, mistakes),
        Type::Group(group) => check(&group.elem, mistakes),
        Type::Paren(paren) => check(&paren.elem, mistakes),
        Type::Slice(slice) => check(&slice.elem, mistakes),
        Type::Tuple(tuple) => tuple.elems.iter().for_each(|elem| check(elem, mistakes)),
        Type::TraitObject(object) => check_bounds(&object.bounds, mistakes),
        Type::ImplTrait(object) => check_bounds(&object.bounds, mistakes),
        _ => {}
    }
}

fn check_path(path: &Path, mistakes: &mut Mistakes) {
    for segment in &path.segments {
        let PathArguments::AngleBracketed(arguments) = &segment.arguments else { continue };
        for argument in &arguments.args {
            match argument {
                GenericArgument::Lifetime(lifetime) => check_lifetime(lifetime, mistakes),
                GenericArgument::Type(ty) => check(ty, mistakes),
                GenericArgument::AssocType(assoc) => check(&assoc.ty, mistakes),
                GenericArgument::Constraint(constraint) => check_bounds(&constraint.bounds, mistakes),
                _ => {}
            }
        }
    }
}

fn check_bounds(bounds: &Punctuated<TypeParamBound, Token![+]>, mistakes: &mut Mistakes) {
    for bound in bounds {
        match bound {
            TypeParamBound::Trait(bound) if bound.lifetimes.is_none() => check_path(&bound.path, mistakes),
            TypeParamBound::Lifetime(lifetime) => check_lifetime(lifetime, mistakes),
            _ => {}
        }
    }
}

fn check_lifetime(lifetime: &Lifetime, mistakes: &mut Mistakes) {
    // A named lifetime of the function is reported at its declaration. For one of the `impl`, the compiler reports it if it
    // does not live long enough.
    if lifetime.ident == "_" {
        mistakes.at(lifetime, format_args!("{CANNOT_BORROW}: take an owned value, or one that is `'static`"));
    }
}

/// The reason and the type to take instead.
fn borrowed(reference: &TypeReference) -> String {
    let owned = match &*reference.elem {
        Type::Slice(slice) => Some(format!("Vec<{}>", slice.elem.to_token_stream())),
        Type::Path(path) => path.path.segments.last().filter(|last| last.arguments.is_none()).map(|last| {
            match last.ident.to_string().as_str() {
                "str" => "String".to_owned(),
                "Path" => "PathBuf".to_owned(),
                name if reference.mutability.is_some() => format!("Arc<Mutex<{name}>>"),
                name => format!("Arc<{name}>"),
            }
        }),
        _ => None,
    };
    let owned = owned.map_or_else(|| "an owned value".to_owned(), |ty| format!("`{ty}`"));
    format!("{CANNOT_BORROW}: take {owned} instead")
}
