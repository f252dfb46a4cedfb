//! Resolves a path to the file that defines the item, through imports, globs and re-exports.

use super::modules::{FileId, ModuleId, Source};

/// The target of a path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Target {
    Module(ModuleId),
    /// An item with its name where it is defined, or a part of an item: a variant, an associated function.
    Item(FileId, String),
}

/// The names that are being looked up. They end a lookup that leads back to itself.
type Pending = Vec<(ModuleId, String)>;

impl Source {
    /// The targets of a path in a module. Empty if it is not an item of these crates. There are several if a name is used for a
    /// module and an item.
    pub(super) fn resolve(&self, from: ModuleId, path: &[String]) -> Vec<Target> {
        self.resolve_pending(from, path, &mut Pending::new())
    }

    fn resolve_pending(&self, from: ModuleId, path: &[String], pending: &mut Pending) -> Vec<Target> {
        let Some((first, rest)) = path.split_first() else { return Vec::new() };
        let mut targets = self.first_segment(from, first, pending);
        for segment in rest {
            targets = match self.one(targets) {
                Some(Target::Module(module)) => self.within(module, segment, pending),
                Some(item) => return vec![item],
                None => return Vec::new(),
            };
        }
        targets
    }

    fn first_segment(&self, from: ModuleId, segment: &str, pending: &mut Pending) -> Vec<Target> {
        let module = &self.modules[from.0];
        match segment {
            "crate" => vec![Target::Module(module.root)],
            "self" => vec![Target::Module(from)],
            "super" => module.parent.map(Target::Module).into_iter().collect(),
            name => {
                let found = self.lookup(from, name, pending);
                if found.is_empty() {
                    self.roots.get(name).copied().map(Target::Module).into_iter().collect()
                } else {
                    found
                }
            }
        }
    }

    fn within(&self, module: ModuleId, segment: &str, pending: &mut Pending) -> Vec<Target> {
        match segment {
            "super" => self.modules[module.0].parent.map(Target::Module).into_iter().collect(),
            "self" => vec![Target::Module(module)],
            name => self.lookup(module, name, pending),
        }
    }

    /// The module in which the rest of a path is looked up, if there is one.
    fn one(&self, targets: Vec<Target>) -> Option<Target> {
        targets.into_iter().min()
    }

    fn lookup(&self, module: ModuleId, name: &str, pending: &mut Pending) -> Vec<Target> {
        let key = (module, name.to_owned());
        if pending.contains(&key) {
            return Vec::new();
        }
        pending.push(key);
        let mut targets = self.declared(module, name);
        for import in self.modules[module.0].imports.iter().filter(|import| import.name == name) {
            targets.extend(self.resolve_pending(module, &import.path, pending));
        }
        if targets.is_empty() {
            for glob in &self.modules[module.0].globs {
                targets.extend(self.through_glob(module, glob, name, pending));
            }
        }
        pending.pop();
        targets.sort();
        targets.dedup();
        targets
    }

    fn declared(&self, module: ModuleId, name: &str) -> Vec<Target> {
        let module = &self.modules[module.0];
        let child = module.children.get(name).copied().map(Target::Module);
        let item = module.items.get(name).map(|&file| Target::Item(file, name.to_owned()));
        child.into_iter().chain(item).collect()
    }

    fn through_glob(&self, from: ModuleId, glob: &[String], name: &str, pending: &mut Pending) -> Vec<Target> {
        match self.one(self.resolve_pending(from, glob, pending)) {
            Some(Target::Module(module)) => self.lookup(module, name, pending),
            _ => Vec::new(),
        }
    }
}
