//! The arrows: each use of an item of one file in another.

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, Macro, Path, Visibility};

use super::modules::{FileId, ModuleId, Source, is_reexport, leaves};
use super::resolve::Target;

/// A use of an item of one file in another file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Arrow {
    pub(crate) from: FileId,
    pub(crate) to: FileId,
    pub(crate) item: String,
}

impl Source {
    /// All arrows between files, in order and each once.
    pub(crate) fn arrows(&self) -> Vec<Arrow> {
        let mut arrows = Vec::new();
        for file in &self.files {
            let mut visitor = Uses { source: self, module: file.module_id, arrows: &mut arrows };
            visitor.visit_file(&file.syntax);
        }
        arrows.sort();
        arrows.dedup();
        arrows
    }

    /// Whether a module is the same as another, or inside it.
    fn is_inside(&self, module: ModuleId, outer: ModuleId) -> bool {
        let mut next = Some(module);
        while let Some(module) = next {
            if module == outer {
                return true;
            }
            next = self.modules[module.0].parent;
        }
        false
    }
}

struct Uses<'a> {
    source: &'a Source,
    /// The module that the visited code is in.
    module: ModuleId,
    arrows: &'a mut Vec<Arrow>,
}

impl Uses<'_> {
    fn add(&mut self, targets: Vec<Target>) {
        let from = self.source.modules[self.module.0].file;
        for target in targets {
            if let Target::Item(to, item) = target
                && to != from
            {
                self.arrows.push(Arrow { from, to, item });
            }
        }
    }

    /// A `use` of an item is an arrow. A re-export of an item below this module is not an arrow: uses are resolved through it.
    fn add_import(&mut self, visibility: &Visibility, path: &[String]) {
        let targets = self.source.resolve(self.module, path);
        let is_outside = |target: &Target| match target {
            Target::Item(file, _) => !self.source.is_inside(self.source.files[file.0].module_id, self.module),
            Target::Module(_) => false,
        };
        let counts = |target: &Target| !is_reexport(visibility) || is_outside(target);
        let targets = targets.into_iter().filter(counts).collect();
        self.add(targets);
    }

    /// The paths in the tokens of a macro call. Its grammar is not known, so these are `name::name`, and single names of types
    /// and constants.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path = PathInTokens::default();
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if let Some(path) = path.ident(ident.to_string()) {
                        self.add_token_path(&path);
                    }
                }
                TokenTree::Punct(punct) => {
                    if let Some(path) = path.punct(punct.as_char(), punct.spacing()) {
                        self.add_token_path(&path);
                    }
                }
                TokenTree::Group(group) => {
                    self.add_token_path(&path.take());
                    self.add_tokens(group.stream());
                }
                TokenTree::Literal(_) => self.add_token_path(&path.take()),
            }
        }
        self.add_token_path(&path.take());
    }

    fn add_token_path(&mut self, path: &[String]) {
        let is_named_like_a_type = path.iter().any(|segment| segment.starts_with(char::is_uppercase));
        if path.len() > 1 || is_named_like_a_type {
            self.add(self.source.resolve(self.module, path));
        }
    }
}

impl<'ast> Visit<'ast> for Uses<'_> {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let child = self.source.modules[self.module.0].children.get(&item.ident.to_string()).copied();
        // The content of `mod x;` is visited as another file.
        if let (Some(child), Some((_, items))) = (child, &item.content) {
            let outer = std::mem::replace(&mut self.module, child);
            items.iter().for_each(|item| self.visit_item(item));
            self.module = outer;
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        for leaf in leaves(&item.tree) {
            self.add_import(&item.vis, &leaf.path);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if path.leading_colon.is_none() {
            self.add(self.source.resolve(self.module, &segments));
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        visit::visit_macro(self, call);
        self.add_tokens(call.tokens.clone());
    }

    // Attributes do not use items of this workspace.
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

/// A path that is assembled from tokens.
#[derive(Default)]
struct PathInTokens {
    segments: Vec<String>,
    /// How many colons there were since the last segment.
    colons: usize,
    /// A name after a dot is a field or a method.
    after_dot: bool,
}

impl PathInTokens {
    /// Adds a name. Returns the path before it, if the name does not continue that path.
    fn ident(&mut self, name: String) -> Option<Vec<String>> {
        let before = (self.colons != 2).then(|| self.take());
        if !std::mem::take(&mut self.after_dot) {
            self.segments.push(name);
        }
        self.colons = 0;
        before
    }

    /// Adds a sign. Returns the path before it, if the sign ends that path.
    fn punct(&mut self, sign: char, spacing: Spacing) -> Option<Vec<String>> {
        let continues = sign == ':' && (spacing == Spacing::Joint || self.colons == 1);
        if continues {
            self.colons += 1;
            return None;
        }
        let before = self.take();
        self.after_dot = sign == '.';
        Some(before)
    }

    fn take(&mut self) -> Vec<String> {
        self.colons = 0;
        std::mem::take(&mut self.segments)
    }
}
