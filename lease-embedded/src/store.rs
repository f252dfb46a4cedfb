//! The objects, one revision for all of them, and the changes that watches replay.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::object_meta;
use super::resource::Storage;

/// The key of an object. Keys have the order of the real server's, so that lists have it too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) storage: Storage,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(storage: Storage, namespace: &str, name: &str) -> Key {
        Key { storage, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// One committed write.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) revision: u64,
    pub(crate) key: Key,
    pub(crate) old: Option<Arc<Value>>,
    pub(crate) new: Option<Arc<Value>>,
}

/// All objects of the API, and their recent changes.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    revision: u64,
    /// Changes up to and including this revision are deleted. No watch can start from an earlier one.
    compacted: u64,
    objects: BTreeMap<Key, Arc<Value>>,
    changes: VecDeque<Change>,
    changes_kept: usize,
    random: fastrand::Rng,
}

/// A real server has written a few hundred objects of its own before it is ready, and has compacted revision 1.
const FIRST_REVISION: u64 = 100;

impl Store {
    pub(crate) fn new(changes_kept: usize, random: fastrand::Rng) -> Store {
        Store {
            revision: FIRST_REVISION,
            compacted: FIRST_REVISION,
            objects: BTreeMap::new(),
            changes: VecDeque::new(),
            changes_kept,
            random,
        }
    }

    /// The revision of the latest write.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// The latest revision that can no longer be read or watched from.
    pub(crate) fn compacted(&self) -> u64 {
        self.compacted
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    /// The objects of a kind, of one namespace or (for `None`) of all, in order.
    pub(crate) fn list<'a>(
        &'a self,
        storage: Storage,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Value>)> {
        let from = Key::new(storage, namespace.unwrap_or_default(), "");
        self.objects
            .range(from..)
            .take_while(move |(key, _)| key.storage == storage && namespace.is_none_or(|name| key.namespace == name))
    }

    /// [`list`](Store::list) as it was at `revision`. `None` if those changes are deleted.
    pub(crate) fn list_at(
        &self,
        storage: Storage,
        namespace: Option<&str>,
        revision: u64,
    ) -> Option<Vec<(Key, Arc<Value>)>> {
        let mut objects: BTreeMap<Key, Arc<Value>> =
            self.list(storage, namespace).map(|(key, object)| (key.clone(), object.clone())).collect();
        let mut later: Vec<&Change> = self.changes_after(revision)?.collect();
        while let Some(change) = later.pop() {
            if change.key.storage != storage || namespace.is_some_and(|namespace| namespace != change.key.namespace) {
                continue;
            }
            match &change.old {
                Some(old) => drop(objects.insert(change.key.clone(), old.clone())),
                None => drop(objects.remove(&change.key)),
            }
        }
        Some(objects.into_iter().collect())
    }

    /// Writes `object` (`None` deletes) and returns it as stored, with its new `resourceVersion`.
    pub(crate) fn commit(&mut self, key: Key, object: Option<Value>) -> Option<Arc<Value>> {
        let old = self.objects.get(&key).cloned();
        if old.is_none() && object.is_none() {
            return None;
        }
        self.revision += 1;
        let new = object.map(|mut object| {
            object_meta::set(&mut object, "resourceVersion", Some(Value::from(self.revision.to_string())));
            Arc::new(object)
        });
        match &new {
            Some(object) => drop(self.objects.insert(key.clone(), object.clone())),
            None => drop(self.objects.remove(&key)),
        }
        let answer = new.clone().or_else(|| old.clone());
        self.changes.push_back(Change { revision: self.revision, key, old, new });
        while self.changes.len() > self.changes_kept {
            if let Some(gone) = self.changes.pop_front() {
                self.compacted = gone.revision;
            }
        }
        answer
    }

    /// The changes after `revision`. `None` if some of them are deleted.
    pub(crate) fn changes_after(&self, revision: u64) -> Option<impl Iterator<Item = &Change>> {
        if revision < self.compacted {
            return None;
        }
        let from = self.changes.partition_point(|change| change.revision <= revision);
        Some(self.changes.range(from..))
    }

    /// Deletes all changes so far.
    pub(crate) fn compact(&mut self) {
        self.compacted = self.revision;
        self.changes.clear();
    }

    /// Lets the revision jump ahead by `by`, as writes to objects of other kinds do.
    pub(crate) fn skip(&mut self, by: u64) {
        self.revision += by;
    }

    /// A random (version 4) UUID.
    pub(crate) fn uid(&mut self) -> String {
        let bits = (self.random.u128(..) & !(0xf << 76) & !(0b11 << 62)) | (4 << 76) | (0b10 << 62);
        let hex = format!("{bits:032x}");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    /// `base` and five random characters, for `generateName`.
    pub(crate) fn generate_name(&mut self, base: &str) -> String {
        const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        const MAX_BASE: usize = 63 - 5;
        let end = (0..=base.len().min(MAX_BASE)).rev().find(|end| base.is_char_boundary(*end)).unwrap_or(0);
        let mut name = base[..end].to_owned();
        for _ in 0..5 {
            name.push(char::from(ALPHABET[self.random.usize(..ALPHABET.len())]));
        }
        name
    }
}
