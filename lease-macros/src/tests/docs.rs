//! Compares the documentation of expansions and keys with the attribute.

use std::collections::HashMap;

use super::*;
use crate::keys::Kind;

const README: &str = include_str!("../../../README.md");
const PAGE: &str = include_str!("../../../docs/attribute.md");

/// The documentation of the attribute.
fn rustdoc() -> String {
    let lines = include_str!("../lib.rs").lines().filter_map(|line| line.strip_prefix("///"));
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned() + "\n").collect()
}

/// The text below the heading.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("there is no {heading}"));
    let level = format!("\n{} ", heading.split(' ').next().unwrap_or_default());
    rest.split_once(&level).map_or(rest, |(section, _)| section)
}

/// The functions in the code blocks.
fn functions(text: &str) -> Vec<syn::ItemFn> {
    let blocks = text.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').map_or("", |(_, code)| code));
    let items = blocks.filter_map(|code| syn::parse_file(code).ok()).flat_map(|file| file.items);
    let functions = items.filter_map(|item| match item {
        syn::Item::Fn(function) => Some(function),
        _ => None,
    });
    functions.collect()
}

/// Compares the functions of the section with the expansions of the annotated functions in the text. Ignores documentation, and
/// bodies that consist of a comment.
fn check_expansions(text: &str, section: &str) -> usize {
    let mut annotated = HashMap::new();
    for mut function in functions(text) {
        if let Some(args) = file::take_args(&mut function.attrs) {
            annotated.insert(function.sig.ident.to_string(), (args, function));
        }
    }
    let mut compared = 0;
    for mut said in functions(section) {
        let Some((args, function)) = annotated.get(&said.sig.ident.to_string()) else { continue };
        if file::take_args(&mut said.attrs).is_some() {
            continue;
        }
        let mut function = function.clone();
        let is_doc = |attr: &syn::Attribute| attr.path().is_ident("doc");
        function.attrs.retain(|attr| !is_doc(attr));
        said.attrs.retain(|attr| !is_doc(attr));
        if matches!(said.block.stmts.first(), Some(syn::Stmt::Item(syn::Item::Fn(body))) if body.block.stmts.is_empty())
        {
            function.block.stmts.clear();
        }
        let made = crate::expand::leader_only(args.clone(), quote!(#function));
        assert_eq!(print(quote!(#said)), print(made), "of `{}`", said.sig.ident);
        compared += 1;
    }
    compared
}

#[test]
fn the_page_shows_what_functions_expand_to() {
    assert_eq!(check_expansions(PAGE, section(PAGE, "## What the attribute expands to")), 2);
}

#[test]
fn the_rustdoc_shows_what_functions_expand_to() {
    let rustdoc = rustdoc();
    assert_eq!(check_expansions(&rustdoc, section(&rustdoc, "# What it expands to")), 3);
}

/// The rows of tables whose first cell is a key, and those keys.
fn key_rows(text: &str) -> Vec<(&str, &str)> {
    let cells = text.lines().filter_map(|line| Some((line, line.strip_prefix("| ")?.split_once(" |")?.0)));
    let words = cells.map(|(line, cell)| (line, cell.trim_matches(['[', ']', '`'])));
    words.filter(|(_, word)| crate::keys::KEYS.iter().any(|key| key.name == *word)).collect()
}

#[test]
fn the_rustdoc_lists_the_keys_in_their_order() {
    let rustdoc = rustdoc();
    let listed: Vec<_> = key_rows(section(&rustdoc, "# Keys")).into_iter().map(|(_, key)| key).collect();
    let known: Vec<_> = crate::keys::KEYS.iter().map(|key| key.name).collect();
    assert_eq!(listed, known);
}

/// Rustdoc does not check these addresses: the crate of the method depends on this crate.
#[test]
fn the_rustdoc_links_each_key_to_the_method_of_its_name() {
    let rustdoc = rustdoc();
    for (row, key) in key_rows(section(&rustdoc, "# Keys")).into_iter().filter(|(_, key)| *key != "crate") {
        assert!(row.starts_with(&format!("| [`{key}`] |")), "the row of `{key}` has no link: {row}");
        let link = format!("\n[`{key}`]: ../lease_runtime/struct.LeaderTask.html#method.{key}\n");
        assert!(rustdoc.contains(&link), "add the line{link}below the table of keys in lease-macros/src/lib.rs");
    }
}

#[test]
fn the_rustdoc_lists_the_values_of_a_key() {
    let rustdoc = rustdoc();
    for (row, name) in key_rows(section(&rustdoc, "# Keys")) {
        let has = |value: &str| assert!(row.contains(value), "`{value}` is missing in {row}");
        match crate::keys::key(name).map(|key| key.kind) {
            Some(Kind::Word(words)) => words.words.iter().for_each(|(word, ..)| has(word)),
            Some(Kind::Count(from, to)) => has(&format!("{from} to {to}")),
            _ => {}
        }
    }
}

#[test]
fn no_other_page_lists_the_keys() {
    for page in [README, PAGE] {
        assert!(key_rows(page).is_empty(), "{:?}", key_rows(page));
    }
}

/// The first block of Rust.
fn program(text: &str) -> &str {
    text.split_once("\n```rust\n").and_then(|(_, rest)| rest.split_once("\n```")).map_or("", |(program, _)| program)
}

#[test]
fn the_package_shows_the_program_of_the_readme() {
    let package = include_str!("../../../lease-runtime/README.md");
    assert!(program(README).contains("#[leader_only("));
    assert_eq!(program(package), program(README));
}
