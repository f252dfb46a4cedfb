//! Who manages which field: `metadata.managedFields`. Every write updates it, and server-side apply finds conflicts with it.
//!
//! Fields have the names of `fieldsV1`: `f:` and a name, `k:` and the keys of an item of a list, `v:` and an item of a set,
//! `.` for a map or list itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value, json};

use super::object_meta;
use super::resource::Resource;

/// A place in an object.
pub(crate) type Path = Vec<String>;
/// Places and the values at them.
pub(crate) type Leaves = BTreeMap<Path, Value>;

/// One manager's fields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ManagerEntry {
    pub(crate) manager: String,
    pub(crate) apply: bool,
    api_version: String,
    time: String,
    pub(crate) fields: BTreeSet<Path>,
}

impl ManagerEntry {
    /// Sets the time of the entry.
    pub(crate) fn touch(&mut self, now: &str) {
        now.clone_into(&mut self.time);
    }
}

impl fmt::Display for ManagerEntry {
    /// The manager's name in messages about conflicts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.manager)?;
        if self.apply { Ok(()) } else { write!(f, " using {}", self.api_version) }
    }
}

/// Parts of `metadata` that the server sets and no manager owns.
const NOBODYS: [&str; 10] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "selfLink",
    "managedFields",
];

/// Structs that are replaced as a whole.
const ATOMIC: [&str; 3] = ["regarding", "involvedObject", "related"];

/// The manageable fields of an object, as a resource shows it.
pub(crate) fn leaves(view: &Value) -> Leaves {
    let mut out = Leaves::new();
    for (key, value) in view.as_object().into_iter().flatten() {
        let path = vec![field(key)];
        match key.as_str() {
            "apiVersion" | "kind" => {}
            "metadata" => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    if !NOBODYS.contains(&key.as_str()) {
                        let path = vec![field("metadata"), field(key)];
                        of_meta(key, value, path, &mut out);
                    }
                }
            }
            key if ATOMIC.contains(&key) => drop(out.insert(path, value.clone())),
            _ => of_struct(value, path, &mut out),
        }
    }
    out
}

fn field(name: &str) -> String {
    format!("f:{name}")
}

fn of_struct(value: &Value, path: Path, out: &mut Leaves) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let mut path = path.clone();
                path.push(field(key));
                of_struct(value, path, out);
            }
        }
        other => drop(out.insert(path, other.clone())),
    }
}

fn of_meta(key: &str, value: &Value, path: Path, out: &mut Leaves) {
    let mut put = |last: String, value: &Value| {
        let mut path = path.clone();
        path.push(last);
        out.insert(path, value.clone());
    };
    match (key, value) {
        ("labels" | "annotations", Value::Object(map)) => {
            put(".".to_owned(), &Value::Null);
            for (key, value) in map {
                put(field(key), value);
            }
        }
        ("finalizers", Value::Array(items)) => {
            put(".".to_owned(), &Value::Null);
            for item in items {
                put(format!("v:{item}"), item);
            }
        }
        ("ownerReferences", Value::Array(items)) => {
            put(".".to_owned(), &Value::Null);
            for item in items {
                put(format!("k:{}", json!({ "uid": item.get("uid") })), item);
            }
        }
        (_, value) => drop(out.insert(path, value.clone())),
    }
}

/// Removes the field at `path` from an object, if the field exists.
pub(crate) fn take_out(view: &mut Value, path: &[String]) {
    let Some((last, parents)) = path.split_last() else { return };
    let mut place = view;
    for part in parents {
        let Some(next) = part.strip_prefix("f:").and_then(|name| place.get_mut(name)) else { return };
        place = next;
    }
    match place {
        Value::Object(map) => {
            if let Some(name) = last.strip_prefix("f:") {
                map.remove(name);
            }
        }
        Value::Array(items) => {
            items.retain(|item| {
                format!("v:{item}") != *last && format!("k:{}", json!({ "uid": item.get("uid") })) != *last
            });
        }
        _ => {}
    }
}

/// The entries of an object. Empty if it has no entries or they cannot be read.
pub(crate) fn entries(object: &Value) -> Vec<ManagerEntry> {
    let list = object_meta::field(object, "managedFields").and_then(Value::as_array);
    let read = |entry: &Value| {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
        let mut fields = BTreeSet::new();
        read_fields(entry.get("fieldsV1")?, &mut Vec::new(), &mut fields);
        Some(ManagerEntry {
            manager: text("manager")?,
            apply: text("operation")? == "Apply",
            api_version: text("apiVersion")?,
            time: text("time").unwrap_or_default(),
            fields,
        })
    };
    list.into_iter().flatten().map(read).collect::<Option<_>>().unwrap_or_default()
}

fn read_fields(node: &Value, path: &mut Path, out: &mut BTreeSet<Path>) {
    for (key, child) in node.as_object().into_iter().flatten() {
        path.push(key.clone());
        if child.as_object().is_none_or(Map::is_empty) {
            out.insert(path.clone());
        } else {
            read_fields(child, path, out);
        }
        path.pop();
    }
}

fn write_fields(fields: &BTreeSet<Path>) -> Value {
    let mut root = json!({});
    for path in fields {
        let mut node = &mut root;
        for part in path {
            node = &mut node[part];
            if node.is_null() {
                *node = json!({});
            }
        }
    }
    root
}

/// Writes the entries into an object, in the real server's order. Managers without fields are left out.
pub(crate) fn set_entries(object: &mut Value, mut entries: Vec<ManagerEntry>) {
    entries.retain(|entry| !entry.fields.is_empty());
    entries.sort_by(|a, b| (!a.apply, &a.time, &a.manager).cmp(&(!b.apply, &b.time, &b.manager)));
    let list: Vec<Value> = entries
        .iter()
        .map(|entry| {
            json!({
                "manager": entry.manager,
                "operation": if entry.apply { "Apply" } else { "Update" },
                "apiVersion": entry.api_version,
                "time": entry.time,
                "fieldsType": "FieldsV1",
                "fieldsV1": write_fields(&entry.fields),
            })
        })
        .collect();
    object_meta::set(object, "managedFields", (!list.is_empty()).then_some(Value::Array(list)));
}

/// The entry of `manager`. Creates it if it does not exist.
pub(crate) fn entry_of<'a>(
    entries: &'a mut Vec<ManagerEntry>,
    resource: &Resource,
    manager: &str,
    apply: bool,
    now: &str,
) -> &'a mut ManagerEntry {
    let api_version = resource.api_version();
    let found = entries
        .iter()
        .position(|entry| entry.manager == manager && entry.apply == apply && entry.api_version == api_version);
    let index = found.unwrap_or_else(|| {
        let (manager, time) = (manager.to_owned(), now.to_owned());
        entries.push(ManagerEntry { manager, apply, api_version, time, fields: BTreeSet::new() });
        entries.len() - 1
    });
    &mut entries[index]
}

/// Updates the entries of `new` after a creation, an update or a patch by `manager`. Both objects are in stored form.
pub(crate) fn after_write(resource: &Resource, old: Option<&Value>, new: &mut Value, manager: &str, now: &str) {
    let given = object_meta::field(new, "managedFields");
    // A client that sends exactly one empty entry asks the server to remove all entries.
    let reset = given.and_then(Value::as_array).is_some_and(|list| list.as_slice() == [json!({})]);
    let mut known = if reset { Vec::new() } else { entries(new) };
    if known.is_empty() && !reset {
        known = old.map(entries).unwrap_or_default();
    }
    // An object without entries stays without entries until the first server-side apply.
    if known.is_empty() && old.is_some() {
        object_meta::set(new, "managedFields", None);
        return;
    }
    let before = old.map(|old| leaves(&resource.to_view(old))).unwrap_or_default();
    let after = leaves(&resource.to_view(new));
    let changed: BTreeSet<Path> =
        after.iter().filter(|(path, value)| before.get(*path) != Some(value)).map(|(path, _)| path.clone()).collect();
    let touched: BTreeSet<&Path> =
        changed.iter().chain(before.keys().filter(|path| !after.contains_key(*path))).collect();
    for entry in &mut known {
        entry.fields.retain(|path| !touched.contains(path));
    }
    if !changed.is_empty() {
        let entry = entry_of(&mut known, resource, manager, false, now);
        entry.fields.extend(changed);
        entry.touch(now);
    }
    set_entries(new, known);
}
