//! Tests of the resolver, with small crates in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Files, Library, Source};

struct Memory(BTreeMap<PathBuf, String>);

impl Files for Memory {
    fn text(&self, path: &Path) -> Option<String> {
        self.0.get(path).cloned()
    }
}

/// Reads the crates `one` and `two`, if their `lib.rs` is given.
pub(crate) fn source(files: &[(&str, &str)]) -> Source {
    let texts = files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect();
    let roots = ["one", "two"].map(|name| Library { name: name.to_owned(), root: format!("{name}/lib.rs").into() });
    let memory = Memory(texts);
    let libraries = roots.into_iter().filter(|library| memory.text(&library.root).is_some()).collect();
    Source::read(&memory, libraries).expect("the sources of a test are valid")
}

/// The arrows as `from -> to: item`.
fn arrows(files: &[(&str, &str)]) -> Vec<String> {
    let source = source(files);
    let name = |file| source.shown(file, Path::new(""));
    source.arrows().iter().map(|arrow| format!("{} -> {}: {}", name(arrow.from), name(arrow.to), arrow.item)).collect()
}

#[test]
fn a_use_leads_to_the_file_of_the_item() {
    let found = arrows(&[
        ("one/lib.rs", "mod a; mod b;"),
        ("one/a.rs", "use crate::b::B; use super::b::f as g;"),
        ("one/b.rs", "pub struct B; pub fn f() {}"),
    ]);
    assert_eq!(found, ["one/a.rs -> one/b.rs: B", "one/a.rs -> one/b.rs: f"]);
}

#[test]
fn a_reexport_is_resolved_through_and_is_not_an_arrow() {
    let found = arrows(&[
        ("one/lib.rs", "mod a; mod b;"),
        ("one/a/mod.rs", "mod inner; pub use inner::Item as Renamed; pub use self::inner::*;"),
        ("one/a/inner.rs", "pub struct Item; pub struct Other;"),
        ("one/b.rs", "use crate::a::{Renamed, Other};"),
    ]);
    assert_eq!(found, ["one/b.rs -> one/a/inner.rs: Item", "one/b.rs -> one/a/inner.rs: Other"]);
}

#[test]
fn a_reexport_from_elsewhere_is_an_arrow() {
    let found = arrows(&[
        ("one/lib.rs", "mod a; mod b; pub use a::A;"),
        ("one/a.rs", "pub use crate::b::B as A;"),
        ("one/b.rs", "pub struct B;"),
    ]);
    assert_eq!(found, ["one/a.rs -> one/b.rs: B"]);
}

#[test]
fn a_parent_that_uses_its_child_has_an_arrow_to_it() {
    let found = arrows(&[
        ("one/lib.rs", "mod a;"),
        ("one/a.rs", "mod child; pub use child::Child; pub struct Parent(Child);"),
        ("one/a/child.rs", "pub struct Child; impl From<super::Parent> for Child {}"),
    ]);
    assert_eq!(found, ["one/a.rs -> one/a/child.rs: Child", "one/a/child.rs -> one/a.rs: Parent"]);
}

#[test]
fn code_of_tests_is_left_out() {
    let found = arrows(&[
        ("one/lib.rs", "mod a; mod b; #[cfg(test)] mod tests;"),
        (
            "one/a.rs",
            "#[cfg(test)] use crate::b::B;
            #[cfg(all(test, unix))] fn f() { crate::b::g(); }
            struct S { #[cfg(test)] hook: crate::b::B }
            impl S { #[cfg(test)] fn f() { crate::b::g(); } }
            #[cfg(test)] mod tests { use crate::b::B; }",
        ),
        ("one/b.rs", "#[cfg(not(test))] use crate::a::S; pub struct B; pub fn g() {}"),
    ]);
    assert_eq!(found, ["one/b.rs -> one/a.rs: S"]);
}

#[test]
fn nested_modules_are_followed_into_their_folders_and_files() {
    let found = arrows(&[
        ("one/lib.rs", "mod a { pub mod b; pub mod c { pub struct InLib; } } #[path = \"odd.rs\"] mod d;"),
        ("one/a/b.rs", "use super::super::d::D; use super::c::InLib;"),
        ("one/odd.rs", "pub struct D;"),
    ]);
    assert_eq!(found, ["one/a/b.rs -> one/lib.rs: InLib", "one/a/b.rs -> one/odd.rs: D"]);
}

#[test]
fn paths_in_code_and_in_macro_calls_are_uses() {
    let found = arrows(&[
        ("one/lib.rs", "mod a; mod b; mod c; mod d; mod e;"),
        (
            "one/a.rs",
            "use crate::b; use super::e::say;
            fn f(_: b::B) -> bool { matches!(x.C, crate::c::C { .. }) && say!(\"{}\", field = %crate::d::D) }",
        ),
        ("one/b.rs", "pub struct B;"),
        ("one/c.rs", "pub struct C {}"),
        ("one/d.rs", "pub const D: u8 = 1;"),
        ("one/e.rs", "macro_rules! say { () => {} } pub(crate) use say;"),
    ]);
    let expected = ["b.rs: B", "c.rs: C", "d.rs: D", "e.rs: say"].map(|to| format!("one/a.rs -> one/{to}"));
    assert_eq!(found, expected);
}

#[test]
fn a_name_from_a_glob_is_a_use_where_it_stands() {
    let found = arrows(&[
        ("one/lib.rs", "mod a; mod b; mod c;"),
        ("one/a.rs", "use super::b::*; use super::c::Color::*; struct A(B);"),
        ("one/b.rs", "pub struct B; pub struct Unused;"),
        ("one/c.rs", "pub enum Color { Red }"),
    ]);
    assert_eq!(found, ["one/a.rs -> one/b.rs: B", "one/a.rs -> one/c.rs: Color"]);
}

#[test]
fn a_local_variable_named_like_a_module_is_not_a_use() {
    let found = arrows(&[
        ("one/lib.rs", "mod a; mod b;"),
        ("one/a.rs", "use crate::b; fn f(b: u8) -> u8 { b }"),
        ("one/b.rs", "pub struct B;"),
    ]);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_use_of_another_crate_leads_to_its_file() {
    let found = arrows(&[
        ("one/lib.rs", "pub mod a;"),
        ("one/a.rs", "pub struct A;"),
        ("two/lib.rs", "mod b; pub use one as first;"),
        ("two/b.rs", "use one::a::A; fn f(_: crate::first::a::A, _: ::std::fmt::Debug) {}"),
    ]);
    assert_eq!(found, ["two/b.rs -> one/a.rs: A"]);
}
