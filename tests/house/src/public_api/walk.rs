//! Visits all public items, including re-exported items of the other crates of this workspace.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::rustdoc::{Crates, Document, Item, ItemPath};

/// The crates of the standard library.
const STANDARD: [&str; 4] = ["std", "core", "alloc", "proc_macro"];

/// The types of other crates in the public API of a crate, and the types of this workspace that it does not re-export.
pub(super) fn foreign_types(crates: &Crates, root: &str) -> BTreeSet<String> {
    let mut walk = Walk { crates, seen: BTreeSet::new(), found: BTreeMap::new(), reexported: BTreeSet::new() };
    if let Some(document) = crates.get(root) {
        walk.item(document, document.root, root);
    }
    let Walk { found, reexported, .. } = walk;
    let is_foreign = |path: &&Vec<String>| !reexported.contains(*path);
    let lines = found.iter().filter(|(path, _)| is_foreign(path));
    lines.flat_map(|(path, places)| places.iter().map(move |place| format!("{}: {place}", path.join("::")))).collect()
}

struct Walk<'a> {
    crates: &'a Crates,
    /// The items that were visited, by the address of their document.
    seen: BTreeSet<(*const Document, u32)>,
    /// The places where each type appears.
    found: BTreeMap<Vec<String>, BTreeSet<String>>,
    /// The paths of the items of this workspace that users can name.
    reexported: BTreeSet<Vec<String>>,
}

impl<'a> Walk<'a> {
    /// Visits an item with the name that users see.
    fn item(&mut self, document: &'a Document, id: u32, name: &str) {
        let Some(item) = document.index.get(&id) else { return };
        if !self.seen.insert((std::ptr::from_ref(document), id)) {
            return;
        }
        if let Some(path) = document.paths.get(&id) {
            self.reexported.insert(path.path.clone());
        }
        let Some((kind, inner)) = item.inner.as_object().and_then(|inner| inner.iter().next()) else { return };
        match kind.as_str() {
            "module" => self.children(document, &inner["items"], name),
            "use" => self.reexport(document, inner, name),
            "impl" => self.implementation(document, inner, name),
            _ => {
                self.types(document, inner, name);
                self.children(document, &children(kind, inner), name);
            }
        }
    }

    fn children(&mut self, document: &'a Document, ids: &Value, name: &str) {
        for id in ids.as_array().into_iter().flatten().filter_map(as_id) {
            let Some(item) = document.index.get(&id) else { continue };
            let name = name_of(item).map_or_else(|| name.to_owned(), |child| format!("{name}::{child}"));
            self.item(document, id, &name);
        }
    }

    /// A re-export: of an item of this crate, of another crate of this workspace, or of another crate.
    fn reexport(&mut self, document: &'a Document, inner: &Value, name: &str) {
        let Some(id) = as_id(&inner["id"]) else { return };
        if document.index.contains_key(&id) {
            return self.item(document, id, name);
        }
        let Some(path) = document.paths.get(&id) else {
            self.found
                .entry(vec![inner["source"].as_str().unwrap_or_default().to_owned()])
                .or_default()
                .insert(name.to_owned());
            return;
        };
        match self.crates.get(&path.path[0]).and_then(|other| Some((other, other.find(path)?))) {
            Some((other, id)) => self.item(other, id, name),
            None => self.add(path, name),
        }
    }

    /// An `impl` of the item with this name. In the `impl` of a trait, only the types count: its functions are the trait's.
    fn implementation(&mut self, document: &'a Document, inner: &Value, name: &str) {
        if inner["is_synthetic"] == true || !inner["blanket_impl"].is_null() {
            return;
        }
        for part in ["generics", "for", "trait"] {
            self.types(document, &inner[part], name);
        }
        let is_meant = |id: &&Value| inner["trait"].is_null() || is_associated_type(document, id);
        let items = inner["items"].as_array().into_iter().flatten().filter(is_meant).cloned().collect();
        self.children(document, &Value::Array(items), name);
    }

    /// All types in a signature: everything that has a path and an id.
    fn types(&mut self, document: &'a Document, signature: &Value, name: &str) {
        match signature {
            Value::Object(fields) => {
                let id = fields.get("path").and_then(|_| as_id(fields.get("id")?));
                if let Some(path) = id.and_then(|id| document.paths.get(&id)) {
                    self.add(path, name);
                }
                fields.values().for_each(|field| self.types(document, field, name));
            }
            Value::Array(values) => values.iter().for_each(|value| self.types(document, value, name)),
            _ => {}
        }
    }

    fn add(&mut self, path: &ItemPath, name: &str) {
        // A sealed trait prevents other implementations of a trait, and users cannot name it. A macro is not a type.
        let is_hidden = path.path.iter().any(|segment| segment == "sealed") || path.kind.starts_with("proc_");
        if !is_hidden && !STANDARD.contains(&path.path[0].as_str()) {
            self.found.entry(path.path.clone()).or_default().insert(name.to_owned());
        }
    }
}

/// The items inside of an item: fields, variants, `impl`s.
fn children(kind: &str, inner: &Value) -> Value {
    let lists = match kind {
        "struct" => vec![&inner["impls"], &inner["kind"]["plain"]["fields"], &inner["kind"]["tuple"]],
        "enum" => vec![&inner["impls"], &inner["variants"]],
        "variant" => vec![&inner["kind"]["struct"]["fields"], &inner["kind"]["tuple"]],
        "trait" => vec![&inner["items"]],
        _ => vec![],
    };
    Value::Array(lists.into_iter().filter_map(Value::as_array).flatten().cloned().collect())
}

fn is_associated_type(document: &Document, id: &Value) -> bool {
    let item = as_id(id).and_then(|id| document.index.get(&id));
    item.is_some_and(|item| item.inner.get("assoc_type").is_some())
}

/// The name of an item. For a re-export, the new name. An `impl` has no name.
fn name_of(item: &Item) -> Option<&str> {
    item.name.as_deref().or_else(|| item.inner["use"]["name"].as_str())
}

fn as_id(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|id| u32::try_from(id).ok())
}
