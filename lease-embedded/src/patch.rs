//! Merge patches (RFC 7396), JSON patches (RFC 6902), and the part of strategic merge patches that these kinds use.

use serde_json::{Map, Value};

use super::status::Failure;

/// The four ways to patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Json,
    Merge,
    Strategic,
    Apply,
}

impl Kind {
    /// The kind of patch for a content type.
    pub(crate) fn of(content_type: &str) -> Option<Kind> {
        match content_type {
            "application/json-patch+json" => Some(Kind::Json),
            "application/merge-patch+json" => Some(Kind::Merge),
            "application/strategic-merge-patch+json" => Some(Kind::Strategic),
            "application/apply-patch+yaml" => Some(Kind::Apply),
            _ => None,
        }
    }
}

/// `current` with the patch of the given kind applied. Server-side apply is in `server_side_apply`.
pub(crate) fn patched(kind: Kind, current: Value, bytes: &[u8]) -> Result<Value, Failure> {
    match kind {
        Kind::Json => json(current, bytes),
        Kind::Merge | Kind::Strategic | Kind::Apply => {
            let patch: Value = serde_json::from_slice(bytes)
                .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
            if !patch.is_object() {
                return Err(Failure::bad_request(
                    "error decoding patch: json: cannot unmarshal a value that is not an object",
                ));
            }
            let mut target = current;
            if kind == Kind::Strategic {
                strategic(&mut target, &patch, "")?
            } else {
                merge(&mut target, &patch)
            }
            Ok(target)
        }
    }
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(target) = target.as_object_mut() else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.as_str()).or_insert(Value::Null), value);
        }
    }
}

/// Like [`merge`], but finalizers are a set, owner references are merged by uid, and `$patch` directives take effect.
fn strategic(target: &mut Value, patch: &Value, path: &str) -> Result<(), Failure> {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return Ok(());
    };
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            let mut replacement = patch.clone();
            replacement.remove("$patch");
            *target = Value::Object(replacement);
            return Ok(());
        }
        Some("delete") => {
            *target = Value::Object(Map::new());
            return Ok(());
        }
        Some("merge") | None => {}
        Some(other) => return Err(Failure::bad_request(format!("unknown patch type: {other}"))),
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(target) = target.as_object_mut() else { return Ok(()) };
    for (key, value) in patch {
        let path = format!("{path}/{key}");
        if key == "$patch" || key == "$retainKeys" || key.starts_with("$setElementOrder/") {
            continue;
        }
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = value.as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(list) = target.get_mut(list).and_then(Value::as_array_mut) {
                list.retain(|item| !gone.contains(item));
            }
        } else if value.is_null() {
            target.remove(key);
        } else if let ("/metadata/finalizers", Value::Array(added)) = (path.as_str(), value) {
            merge_set(target.entry(key.as_str()).or_insert(Value::Null), added);
        } else if let ("/metadata/ownerReferences", Value::Array(added)) = (path.as_str(), value) {
            merge_by_uid(target.entry(key.as_str()).or_insert(Value::Null), added)?;
        } else {
            strategic(target.entry(key.as_str()).or_insert(Value::Null), value, &path)?;
        }
    }
    Ok(())
}

fn merge_set(target: &mut Value, added: &[Value]) {
    let mut list = target.as_array().cloned().unwrap_or_default();
    for item in added {
        if !list.contains(item) {
            list.push(item.clone());
        }
    }
    *target = Value::Array(list);
}

fn merge_by_uid(target: &mut Value, added: &[Value]) -> Result<(), Failure> {
    let mut list = target.as_array().cloned().unwrap_or_default();
    for item in added {
        let uid = item.get("uid");
        if item.get("$patch").and_then(Value::as_str) == Some("replace") {
            list = added.iter().filter(|item| item.get("$patch").is_none()).cloned().collect();
            break;
        }
        if uid.is_none() {
            return Err(Failure::bad_request("map: map does not contain declared merge key: uid"));
        }
        if item.get("$patch").and_then(Value::as_str) == Some("delete") {
            list.retain(|owner| owner.get("uid") != uid);
            continue;
        }
        match list.iter_mut().find(|owner| owner.get("uid") == uid) {
            Some(owner) => strategic(owner, item, "/owner")?,
            None => list.push(item.clone()),
        }
    }
    *target = Value::Array(list);
    Ok(())
}

const OPERATIONS_LIMIT: usize = 10_000;

/// RFC 6902. A malformed patch is answered with 400, a patch that cannot be applied with 422.
fn json(current: Value, bytes: &[u8]) -> Result<Value, Failure> {
    let operations: Vec<Map<String, Value>> = serde_json::from_slice(bytes)
        .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
    if operations.len() > OPERATIONS_LIMIT {
        let found = operations.len();
        let why = format!("The allowed maximum operations in a JSON patch is {OPERATIONS_LIMIT}, got {found}");
        return Err(Failure::new(413, "RequestEntityTooLarge", format!("Request entity too large: {why}")));
    }
    let mut target = current;
    for operation in &operations {
        operate(&mut target, operation).ok_or_else(|| Failure::of_code(422))?;
    }
    Ok(target)
}

fn operate(target: &mut Value, operation: &Map<String, Value>) -> Option<()> {
    let text = |key: &str| operation.get(key).and_then(Value::as_str);
    let path = text("path")?;
    // For the real server, null and absent are the same.
    let value = || operation.get("value").cloned().unwrap_or(Value::Null);
    match text("op")? {
        "add" => insert(target, path, value()),
        "remove" => take(target, path).map(drop),
        "replace" => {
            *target.pointer_mut(path).filter(|_| !path.is_empty())? = value();
            Some(())
        }
        "move" => {
            let moved = take(target, text("from")?)?;
            insert(target, path, moved)
        }
        "copy" => {
            let copied = target.pointer(text("from")?)?.clone();
            insert(target, path, copied)
        }
        "test" => (target.pointer(path).unwrap_or(&Value::Null) == &value()).then_some(()),
        _ => None,
    }
}

/// The parent of the place that `path` names, and the last part of the path.
fn parent<'a>(target: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((target.pointer_mut(parent)?, last.replace("~1", "/").replace("~0", "~")))
}

fn insert(target: &mut Value, path: &str, value: Value) -> Option<()> {
    match parent(target, path)? {
        (Value::Object(map), key) => drop(map.insert(key, value)),
        (Value::Array(list), key) if key == "-" => list.push(value),
        (Value::Array(list), key) => {
            let index = key.parse().ok().filter(|index| *index <= list.len())?;
            list.insert(index, value);
        }
        _ => return None,
    }
    Some(())
}

fn take(target: &mut Value, path: &str) -> Option<Value> {
    match parent(target, path)? {
        (Value::Object(map), key) => map.remove(&key),
        (Value::Array(list), key) => {
            let index = key.parse().ok().filter(|index| *index < list.len())?;
            Some(list.remove(index))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn apply(kind: Kind, current: Value, patch: &Value) -> Result<Value, u16> {
        patched(kind, current, patch.to_string().as_bytes()).map_err(|failure| failure.code)
    }

    #[test]
    fn a_merge_patch_removes_what_is_null() {
        let current = json!({ "a": { "b": 1, "c": 2 }, "d": [1] });
        let patch = json!({ "a": { "b": null, "e": { "f": null } }, "d": [2, 3] });
        assert_eq!(apply(Kind::Merge, current, &patch), Ok(json!({ "a": { "c": 2, "e": {} }, "d": [2, 3] })));
    }

    #[test]
    fn a_json_patch_applies_in_order_or_not_at_all() {
        let current = json!({ "a/b": 1, "l": [1, 2] });
        let patch = json!([
            { "op": "test", "path": "/a~1b", "value": 1 },
            { "op": "add", "path": "/l/-", "value": 3 },
            { "op": "add", "path": "/l/0", "value": 0 },
            { "op": "move", "from": "/a~1b", "path": "/c" },
            { "op": "copy", "from": "/c", "path": "/d" },
            { "op": "replace", "path": "/c", "value": 9 },
            { "op": "remove", "path": "/l/1" },
        ]);
        assert_eq!(apply(Kind::Json, current.clone(), &patch), Ok(json!({ "l": [0, 2, 3], "c": 9, "d": 1 })));
        for wrong in [
            json!([{ "op": "test", "path": "/l/0", "value": 7 }]),
            json!([{ "op": "remove", "path": "/none" }]),
            json!([{ "op": "replace", "path": "/none", "value": 1 }]),
            json!([{ "op": "add", "path": "/l/9", "value": 1 }]),
            json!([{ "op": "fly", "path": "/l" }]),
        ] {
            assert_eq!(apply(Kind::Json, current.clone(), &wrong), Err(422), "{wrong}");
        }
        assert_eq!(apply(Kind::Json, current, &json!({ "op": "add" })), Err(400));
    }

    #[test]
    fn a_strategic_patch_merges_the_lists_that_are_sets() {
        let current =
            json!({ "metadata": { "finalizers": ["x/a"], "ownerReferences": [{ "uid": "1", "name": "n" }] } });
        let patch = json!({ "metadata": {
            "finalizers": ["x/b"],
            "$setElementOrder/finalizers": ["x/a", "x/b"],
            "ownerReferences": [{ "uid": "1", "controller": true }, { "uid": "2" }],
        } });
        let merged = apply(Kind::Strategic, current, &patch);
        let expected = json!({ "metadata": {
            "finalizers": ["x/a", "x/b"],
            "ownerReferences": [{ "uid": "1", "name": "n", "controller": true }, { "uid": "2" }],
        } });
        assert_eq!(merged, Ok(expected.clone()));
        let patch = json!({ "metadata": { "$deleteFromPrimitiveList/finalizers": ["x/a"], "ownerReferences": [{ "uid": "2", "$patch": "delete" }] } });
        let merged = apply(Kind::Strategic, expected, &patch);
        let owners = json!([{ "uid": "1", "name": "n", "controller": true }]);
        assert_eq!(merged, Ok(json!({ "metadata": { "finalizers": ["x/b"], "ownerReferences": owners } })));
    }
}
