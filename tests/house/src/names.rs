//! `names`: a name is used for one type in a crate, so that a reader knows which one is meant.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{Ident, ItemEnum, ItemMod, ItemStruct, ItemTrait, ItemType};

use crate::error::Result;
use crate::source::{self, FileId, Source};
use crate::workspace::Workspace;

/// Fails if two types of one crate have the same name.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let source = source::read(workspace)?;
    let repeated = repeated(&source);
    for ((crate_name, name), places) in &repeated {
        println!("{crate_name}: {name} x{}", places.len());
        for place in places {
            println!("  {}:{}", source.shown(place.file, &workspace.workspace_root), place.line);
        }
    }
    if repeated.is_empty() {
        return Ok(());
    }
    Err(format!("{} names are used for more than one type of their crate", repeated.len()).into())
}

/// Where a type is declared.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    file: FileId,
    /// The modules within the file.
    modules: Vec<String>,
    line: usize,
}

/// The names that are used for several types of a crate, by crate and name.
fn repeated(source: &Source) -> BTreeMap<(String, String), BTreeSet<Place>> {
    let mut types = BTreeMap::new();
    for (at, file) in source.files.iter().enumerate() {
        Types { crate_name: &file.crate_name, file: FileId(at), modules: Vec::new(), types: &mut types }
            .visit_file(&file.syntax);
    }
    // Several declarations in one module are for different platforms or features.
    let modules = |places: &BTreeSet<Place>| places.iter().map(|place| (place.file, place.modules.clone())).collect();
    types.retain(|_, places| BTreeSet::len(&modules(places)) > 1);
    types
}

struct Types<'a> {
    crate_name: &'a str,
    file: FileId,
    modules: Vec<String>,
    types: &'a mut BTreeMap<(String, String), BTreeSet<Place>>,
}

impl Types<'_> {
    fn add(&mut self, name: &Ident) {
        let place = Place { file: self.file, modules: self.modules.clone(), line: name.span().start().line };
        self.types.entry((self.crate_name.to_owned(), name.to_string())).or_default().insert(place);
    }
}

impl<'ast> Visit<'ast> for Types<'_> {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.modules.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.modules.pop();
    }

    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        self.add(&item.ident);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast ItemEnum) {
        self.add(&item.ident);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.add(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast ItemType) {
        self.add(&item.ident);
        visit::visit_item_type(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tests::source;

    #[test]
    fn finds_types_of_one_name_in_a_crate_but_not_in_two_or_in_tests() {
        let source = source(&[
            ("one/lib.rs", "mod a; mod b; struct Inner;"),
            ("one/a.rs", "enum Kind {} #[cfg(unix)] type Id = u8; #[cfg(windows)] type Id = u16;"),
            ("one/b.rs", "trait Kind { type Inner; } #[cfg(test)] mod tests { struct Inner; }"),
            ("two/lib.rs", "struct Inner; pub struct Request; mod sealed { pub trait Request {} }"),
        ]);
        let names: Vec<_> = repeated(&source).into_keys().map(|(of, name)| format!("{of}: {name}")).collect();
        assert_eq!(names, ["one: Kind", "two: Request"]);
    }
}
