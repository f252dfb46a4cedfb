//! Server-side apply: a manager sends the fields that it owns, and leaves out the others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::decode;
use super::json;
use super::managed_fields::{self, Leaves, ManagerEntry, Path};
use super::object_meta;
use super::query::{FieldValidation, WriteOptions};
use super::resource::Resource;
use super::status::Failure;
use super::write;

/// Reads the configuration to apply, in the form in which the resource shows it. It must be JSON. Other YAML is refused.
pub(crate) fn read(resource: &Resource, bytes: &[u8], name: &str, namespace: &str) -> Result<Value, Failure> {
    let (config, _) =
        json::parse(bytes).map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
    if !config.is_object() {
        return Err(Failure::bad_request("error decoding patch: json: cannot unmarshal a value that is not an object"));
    }
    let text = |field: &str| config.get(field).and_then(Value::as_str).unwrap_or_default();
    if text("kind") != resource.kind || text("apiVersion") != resource.api_version() {
        let version = text("apiVersion");
        let version = if version.contains('/') { version.to_owned() } else { format!("/{version}") };
        return Err(Failure::bad_request(format!("invalid object type: {version}, Kind={}", text("kind"))));
    }
    if object_meta::field(&config, "managedFields").is_some_and(|fields| !fields.is_null()) {
        return Err(Failure::bad_request("metadata.managedFields must be nil"));
    }
    let decoded = decode::object(resource, bytes, FieldValidation::Strict, &mut Vec::new()).map_err(|failure| {
        let why = decode::reason(resource, &failure);
        let what = format!(
            "failed to create typed patch object ({namespace}/{name}; {}, Kind={})",
            resource.api_version(),
            resource.kind
        );
        Failure::new(500, "", format!("{what}: {why}"))
    })?;
    write::check_name(&decoded, name, namespace)?;
    Ok(resource.to_view(&decoded))
}

/// Applies `config` to the current object. Returns the new object in the form in which the resource shows it.
pub(crate) fn applied(
    resource: &Resource,
    current: Option<&Value>,
    config: &Value,
    options: &WriteOptions,
    now: &str,
) -> Result<Value, Failure> {
    let wanted: Leaves = managed_fields::leaves(config).into_iter().filter(|(path, _)| !is_container(path)).collect();
    let Some(current) = current else {
        let mut new = config.clone();
        let mut entries = Vec::new();
        managed_fields::entry_of(&mut entries, resource, &options.manager, true, now).fields =
            wanted.into_keys().collect();
        managed_fields::set_entries(&mut new, entries);
        return Ok(new);
    };
    let mut entries = managed_fields::entries(current);
    let mut new = resource.to_view(current);
    let there = managed_fields::leaves(&new);
    if entries.is_empty() {
        // The fields from before the first apply get a manager of their own, as in the real server.
        managed_fields::entry_of(&mut entries, resource, "before-first-apply", false, now).fields =
            there.keys().cloned().collect();
    }
    let before = entries.clone();
    let mine = |entry: &ManagerEntry| entry.apply && entry.manager == options.manager;
    let changed: BTreeSet<Path> =
        wanted.iter().filter(|(path, value)| there.get(*path) != Some(value)).map(|(path, _)| path.clone()).collect();
    if !options.force {
        refuse_conflicts(entries.iter().filter(|entry| !mine(entry)), &changed)?;
    }
    for entry in entries.iter_mut().filter(|entry| !mine(entry)) {
        entry.fields.retain(|path| !changed.contains(path));
    }
    merge(&mut new, config);
    let own = managed_fields::entry_of(&mut entries, resource, &options.manager, true, now);
    let wanted: BTreeSet<Path> = wanted.into_keys().collect();
    let given_up: Vec<Path> = own.fields.difference(&wanted).cloned().collect();
    own.fields = wanted;
    for path in given_up {
        if !entries.iter().any(|entry| entry.fields.contains(&path)) {
            managed_fields::take_out(&mut new, &path);
        }
    }
    if entries != before || !changed.is_empty() {
        managed_fields::entry_of(&mut entries, resource, &options.manager, true, now).touch(now);
    }
    managed_fields::set_entries(&mut new, entries);
    Ok(new)
}

/// An applied configuration manages the content of a map or list, not the map or list itself.
fn is_container(path: &Path) -> bool {
    path.last().is_some_and(|last| last == ".")
}

fn refuse_conflicts<'a>(
    others: impl Iterator<Item = &'a ManagerEntry>,
    changed: &BTreeSet<Path>,
) -> Result<(), Failure> {
    let mut conflicts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in others {
        for path in entry.fields.intersection(changed) {
            conflicts.entry(entry.to_string()).or_default().push(dotted(path));
        }
    }
    let all: Vec<(&String, &String)> =
        conflicts.iter().flat_map(|(manager, paths)| paths.iter().map(move |path| (manager, path))).collect();
    let message = match all.as_slice() {
        [] => return Ok(()),
        [(manager, path)] => format!("Apply failed with 1 conflict: conflict with {manager}: {path}"),
        _ => {
            let of_manager = |(manager, paths): (&String, &Vec<String>)| {
                format!("conflicts with {manager}:\n- {}", paths.join("\n- "))
            };
            let lines: Vec<String> = conflicts.iter().map(of_manager).collect();
            format!("Apply failed with {} conflicts: {}", all.len(), lines.join("\n"))
        }
    };
    let cause = |(manager, path): &(&String, &String)| json!({ "reason": "FieldManagerConflict", "message": format!("conflict with {manager}"), "field": path });
    let mut failure = Failure::new(409, "Conflict", message);
    failure.details.insert("causes".to_owned(), all.iter().map(cause).collect());
    Err(failure)
}

/// `.spec.holderIdentity`, `.metadata.finalizers[="a"]`, `.metadata.ownerReferences[uid="u"]`.
fn dotted(path: &Path) -> String {
    path.iter()
        .map(|part| match part.split_once(':') {
            Some(("f", name)) => format!(".{name}"),
            Some(("v", value)) => format!("[={value}]"),
            Some(("k", keys)) => {
                let uid = serde_json::from_str::<Value>(keys).ok().and_then(|keys| keys.get("uid").cloned());
                format!("[uid={}]", uid.unwrap_or_default())
            }
            _ => String::new(),
        })
        .collect()
}

/// Merges `config` into `new`. Sets and keyed lists are merged item by item.
fn merge(new: &mut Value, config: &Value) {
    let (Value::Object(new), Value::Object(config)) = (new, config) else { return };
    merge_map(new, config, "");
}

fn merge_map(new: &mut Map<String, Value>, config: &Map<String, Value>, path: &str) {
    for (key, value) in config {
        let path = format!("{path}/{key}");
        let place = new.entry(key.as_str()).or_insert(Value::Null);
        match (path.as_str(), value) {
            ("/metadata/finalizers", Value::Array(wanted)) => merge_list(place, wanted, |item| item.clone()),
            ("/metadata/ownerReferences", Value::Array(wanted)) => {
                merge_list(place, wanted, |item| item.get("uid").cloned().unwrap_or_default());
            }
            ("/regarding" | "/involvedObject" | "/related", value) => *place = value.clone(),
            (_, Value::Object(wanted)) => {
                if !place.is_object() {
                    *place = Value::Object(Map::new());
                }
                if let Some(place) = place.as_object_mut() {
                    merge_map(place, wanted, &path);
                }
            }
            (_, value) => *place = value.clone(),
        }
    }
}

/// Where to insert a new item: before the item that follows it in `wanted`, otherwise at the end.
fn merge_list(place: &mut Value, wanted: &[Value], key: impl Fn(&Value) -> Value) {
    let mut list = place.as_array().cloned().unwrap_or_default();
    let position = |list: &[Value], item: &Value| list.iter().position(|there| key(there) == key(item));
    for (index, item) in wanted.iter().enumerate() {
        if let Some(there) = position(&list, item) {
            list[there] = item.clone();
            continue;
        }
        let before = wanted[index + 1..].iter().find_map(|next| position(&list, next));
        list.insert(before.unwrap_or(list.len()), item.clone());
    }
    *place = Value::Array(list);
}
