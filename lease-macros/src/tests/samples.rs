//! The annotated functions that `tests/attribute` compiles have every key.
//!
//! The tests of this crate never call the method that a key is expanded to. Only a compiled sample shows that the builder has
//! it.

use std::collections::BTreeSet;

use proc_macro2::TokenTree;
use syn::ext::IdentExt as _;

use super::*;
use crate::keys::Kind;

/// Compiled with unusual but valid settings.
const HYGIENE: [&str; 2] = [
    include_str!("../../../tests/attribute/hygiene/settings.rs"),
    include_str!("../../../tests/attribute/hygiene/schedules.rs"),
];
/// Compiled where every name of the expansion means something else.
const SHADOWS: [&str; 1] = [include_str!("../../../tests/attribute/hygiene.rs")];
/// Compiled under all lints.
const LINTS: [&str; 1] = [include_str!("../../../tests/attribute/lints.rs")];

/// The keys in all attributes of a text.
fn keys(text: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let tokens = text.parse().expect("a sample is Rust");
    collect(tokens, &mut keys);
    keys
}

fn collect(tokens: TokenStream, keys: &mut BTreeSet<String>) {
    let mut after_name = false;
    for token in tokens {
        match token {
            TokenTree::Group(arguments) if after_name => keys.extend(first_words(arguments.stream())),
            TokenTree::Group(group) => collect(group.stream(), keys),
            TokenTree::Ident(name) if name == "leader_only" => {
                after_name = true;
                continue;
            }
            _ => {}
        }
        after_name = false;
    }
}

/// The word at the beginning of each argument.
fn first_words(arguments: TokenStream) -> Vec<String> {
    let mut words = Vec::new();
    let mut at_start = true;
    for token in arguments {
        match &token {
            TokenTree::Ident(key) if at_start => words.push(key.unraw().to_string()),
            _ => {}
        }
        at_start = matches!(&token, TokenTree::Punct(comma) if comma.as_char() == ',');
    }
    words
}

/// The keys that no attribute of these texts has.
fn without(texts: &[&str]) -> Vec<&'static str> {
    let had: BTreeSet<String> = texts.iter().flat_map(|text| keys(text)).collect();
    crate::keys::KEYS.iter().map(|key| key.name).filter(|key| !had.contains(*key)).collect()
}

#[test]
fn hygiene_compiles_every_key() {
    assert_eq!(
        without(&HYGIENE),
        [""; 0],
        "add the key to `all_keys` in tests/attribute/hygiene/settings.rs or schedules.rs"
    );
}

#[test]
fn lints_compile_every_key() {
    // The tests of lints name the crate as users do.
    assert_eq!(without(&LINTS), ["crate"], "add the key to `all_keys` or `report` in tests/attribute/lints.rs");
}

/// Only a value that names an item could be shadowed: a word, or a duration.
#[test]
fn shadows_compile_every_key_whose_value_names_an_item() {
    let names_an_item = |key: &&&str| {
        let kind = crate::keys::key(key).map(|key| key.kind);
        matches!(kind, Some(Kind::Word(_) | Kind::Duration | Kind::Range | Kind::Rate | Kind::Deadline))
    };
    let missing: Vec<_> = without(&SHADOWS);
    let missing: Vec<_> = missing.iter().filter(names_an_item).collect();
    assert_eq!(missing, [&""; 0], "add the key to `shadowed` or `ticking` in tests/attribute/hygiene.rs");
}

#[test]
fn the_keys_of_a_text_are_found() {
    let text =
        r#"mod a { #[x::leader_only(lease = "a, b", r#once, overlap = allow_all(2), crate = y)] async fn f() {} }"#;
    assert_eq!(keys(text), ["crate", "lease", "once", "overlap"].map(str::to_owned).into());
}
