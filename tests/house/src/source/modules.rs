//! The tree of modules of each crate, with the names that each module declares and imports.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::{Item, ItemMod, UseTree, Visibility};

use super::without_tests::remove_tests;
use super::{Files, Library};
use crate::error::{Context, Result};

/// The index of a file in [`Source::files`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct FileId(pub(crate) usize);

/// The index of a module in [`Source::modules`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ModuleId(pub(super) usize);

/// The source of some crates.
pub(crate) struct Source {
    pub(crate) files: Vec<File>,
    pub(super) modules: Vec<Module>,
    /// The root module of each crate, by the crate's name.
    pub(super) roots: BTreeMap<String, ModuleId>,
}

/// A file of a crate.
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) crate_name: String,
    /// The path of the file's module, without the crate. Empty for the root.
    pub(crate) module: Vec<String>,
    /// The code, without tests.
    pub(crate) syntax: syn::File,
    pub(super) module_id: ModuleId,
}

pub(super) struct Module {
    pub(super) file: FileId,
    pub(super) root: ModuleId,
    pub(super) parent: Option<ModuleId>,
    pub(super) children: BTreeMap<String, ModuleId>,
    pub(super) items: BTreeMap<String, FileId>,
    pub(super) imports: Vec<Import>,
    /// The modules whose names are imported by `*`.
    pub(super) globs: Vec<Vec<String>>,
}

/// One name that a `use` brings into a module.
pub(super) struct Import {
    pub(super) name: String,
    pub(super) path: Vec<String>,
}

/// The folders with the files of a module's children.
struct Folder<'a> {
    /// The folder of the file that the module is in.
    of_file: &'a Path,
    /// The folder for `mod child;`.
    of_children: PathBuf,
}

impl Source {
    pub(crate) fn read(files: &dyn Files, libraries: Vec<Library>) -> Result<Source> {
        let mut source = Source { files: Vec::new(), modules: Vec::new(), roots: BTreeMap::new() };
        for library in libraries {
            let root = ModuleId(source.modules.len());
            source.roots.insert(library.name.clone(), root);
            let folder = library.root.parent().unwrap_or(Path::new("")).to_owned();
            let place = Place { crate_name: &library.name, module: Vec::new(), root, parent: None };
            source.add_file(files, &library.root, folder, place)?;
        }
        Ok(source)
    }

    fn add_file(&mut self, files: &dyn Files, path: &Path, children: PathBuf, place: Place<'_>) -> Result<ModuleId> {
        let text = files.text(path).ok_or_else(|| format!("there is no file {}", path.display()))?;
        let mut syntax = syn::parse_file(&text).context(|| format!("cannot parse {}", path.display()))?;
        remove_tests(&mut syntax);
        let file = FileId(self.files.len());
        let module_id = ModuleId(self.modules.len());
        let crate_name = place.crate_name.to_owned();
        let module = place.module.clone();
        self.files.push(File { path: path.to_owned(), crate_name, module, syntax: syntax.clone(), module_id });
        let folder = Folder { of_file: path.parent().unwrap_or(Path::new("")), of_children: children };
        self.add_module(files, file, &syntax.items, &folder, place)?;
        Ok(module_id)
    }

    fn add_module(
        &mut self,
        files: &dyn Files,
        file: FileId,
        items: &[Item],
        folder: &Folder<'_>,
        place: Place<'_>,
    ) -> Result<ModuleId> {
        let id = ModuleId(self.modules.len());
        self.modules.push(Module::new(file, &place));
        for item in items {
            match item {
                Item::Mod(child) => {
                    let name = child.ident.to_string();
                    let child = self.add_child(files, file, child, folder, place.child(id, &name))?;
                    self.modules[id.0].children.insert(name, child);
                }
                item => self.modules[id.0].declare(item, file),
            }
        }
        Ok(id)
    }

    fn add_child(
        &mut self,
        files: &dyn Files,
        file: FileId,
        child: &ItemMod,
        folder: &Folder<'_>,
        place: Place<'_>,
    ) -> Result<ModuleId> {
        let own = folder.of_children.join(child.ident.to_string());
        if let Some((_, items)) = &child.content {
            let folder = Folder { of_file: folder.of_file, of_children: own };
            return self.add_module(files, file, items, &folder, place);
        }
        let (path, children) = match path_attribute(child) {
            Some(path) => {
                let path = folder.of_file.join(path);
                let children = path.parent().unwrap_or(Path::new("")).to_owned();
                (path, children)
            }
            None if files.text(&own.join("mod.rs")).is_some() => (own.join("mod.rs"), own),
            None => (own.with_extension("rs"), own),
        };
        self.add_file(files, &path, children, place)
    }
}

/// Where a module is in its crate.
struct Place<'a> {
    crate_name: &'a str,
    module: Vec<String>,
    root: ModuleId,
    parent: Option<ModuleId>,
}

impl Place<'_> {
    fn child(&self, parent: ModuleId, name: &str) -> Place<'_> {
        let module = self.module.iter().cloned().chain([name.to_owned()]).collect();
        Place { crate_name: self.crate_name, module, root: self.root, parent: Some(parent) }
    }
}

impl Module {
    fn new(file: FileId, place: &Place<'_>) -> Module {
        Module {
            file,
            root: place.root,
            parent: place.parent,
            children: BTreeMap::new(),
            items: BTreeMap::new(),
            imports: Vec::new(),
            globs: Vec::new(),
        }
    }

    fn declare(&mut self, item: &Item, file: FileId) {
        let name = match item {
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Macro(item) => item.ident.as_ref(),
            Item::Static(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            Item::Union(item) => Some(&item.ident),
            _ => None,
        };
        if let Some(name) = name {
            self.items.insert(name.to_string(), file);
        }
        if let Item::Use(item) = item {
            for leaf in leaves(&item.tree) {
                match leaf.name {
                    Some(name) => self.imports.push(Import { name, path: leaf.path }),
                    None => self.globs.push(leaf.path),
                }
            }
        }
    }
}

/// One path of a `use`.
pub(super) struct Leaf {
    pub(super) path: Vec<String>,
    /// The imported name. `None` for `*`.
    pub(super) name: Option<String>,
}

/// All paths of a `use`.
pub(super) fn leaves(tree: &UseTree) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    collect_leaves(tree, &mut Vec::new(), &mut leaves);
    leaves
}

fn collect_leaves(tree: &UseTree, prefix: &mut Vec<String>, leaves: &mut Vec<Leaf>) {
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            collect_leaves(&path.tree, prefix, leaves);
            prefix.pop();
        }
        UseTree::Name(name) => leaves.push(named(prefix, name.ident.to_string(), None)),
        UseTree::Rename(rename) => {
            leaves.push(named(prefix, rename.ident.to_string(), Some(rename.rename.to_string())))
        }
        UseTree::Glob(_) => leaves.push(Leaf { path: prefix.clone(), name: None }),
        UseTree::Group(group) => {
            for tree in &group.items {
                collect_leaves(tree, prefix, leaves);
            }
        }
    }
}

fn named(prefix: &[String], last: String, rename: Option<String>) -> Leaf {
    let mut path = prefix.to_vec();
    // `use a::b::{self}` imports `b`.
    if last != "self" || path.is_empty() {
        path.push(last);
    }
    let name = rename.or_else(|| path.last().cloned());
    Leaf { path, name }
}

fn path_attribute(module: &ItemMod) -> Option<String> {
    module.attrs.iter().find_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(value) if value.path.is_ident("path") => match &value.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) => Some(path.value()),
            _ => None,
        },
        _ => None,
    })
}

/// Whether a `use` is a re-export and not only an import.
pub(super) fn is_reexport(visibility: &Visibility) -> bool {
    !matches!(visibility, Visibility::Inherited)
}

impl Source {
    pub(crate) fn file(&self, file: FileId) -> &File {
        &self.files[file.0]
    }

    /// The path of a file, from the root of the workspace.
    pub(crate) fn shown(&self, file: FileId, root: &Path) -> String {
        let path = &self.file(file).path;
        path.strip_prefix(root).unwrap_or(path).display().to_string()
    }

    /// The top-level module that a file is in, as `crate::module`. `None` for the root of a crate.
    pub(crate) fn top_level(&self, file: FileId) -> Option<String> {
        let file = self.file(file);
        file.module.first().map(|module| format!("{}::{module}", file.crate_name))
    }

    /// The path of a file's module in its crate, `crate` for the root.
    pub(crate) fn module_name(&self, file: FileId) -> String {
        let module = &self.file(file).module;
        if module.is_empty() { "crate".to_owned() } else { module.join("::") }
    }
}

impl File {
    /// Whether the file only declares modules and re-exports their items.
    pub(crate) fn only_declares(&self) -> bool {
        self.syntax.items.iter().all(|item| matches!(item, Item::Mod(_) | Item::Use(_)))
    }
}
