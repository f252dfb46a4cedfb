//! One object, or a list of them.

use serde_json::{Map, Value, json};

use super::query::{ListOptions, Match};
use super::resource::Resource;
use super::route::Target;
use super::selector::Selector;
use super::status::Failure;
use super::store::{Key, Store};

/// `GET` of one object. The answer is the same for a missing namespace and a missing object.
pub(crate) fn get(store: &Store, target: &Target, name: &str, version: Option<u64>) -> Result<Value, Failure> {
    not_too_new(store, version)?;
    let key = Key::new(target.resource.storage, target.namespace.as_deref().unwrap_or_default(), name);
    let object = store.get(&key).ok_or_else(|| Failure::not_found(target.resource, name))?;
    Ok(target.resource.to_view(object))
}

/// `GET` of many objects, in pages if the request has a limit.
pub(crate) fn list(
    store: &Store,
    target: &Target,
    selector: &Selector,
    options: &ListOptions,
) -> Result<Value, Failure> {
    not_too_new(store, options.version)?;
    let after = match &options.resume {
        Some(token) => Some(Continue::decode(token)?),
        None => None,
    };
    let exact = options.version.filter(|_| options.matching == Match::Exact);
    let version = after.as_ref().map(|after| after.revision).or(exact).unwrap_or(store.revision());
    let objects = store
        .list_at(target.resource.storage, target.namespace.as_deref(), version)
        .ok_or_else(|| Failure::expired("The resourceVersion for the provided list is too old."))?;
    let mut items = Vec::new();
    let mut remaining = 0;
    let mut last: Option<&Key> = None;
    for (key, object) in &objects {
        let seen = after.as_ref().is_some_and(|after| (key.namespace.as_str(), key.name.as_str()) <= after.place());
        if seen || !selector.matches(object) {
            continue;
        }
        if options.limit.is_some_and(|limit| items.len() >= limit) {
            remaining += 1;
            continue;
        }
        items.push(Value::Object(target.resource.to_item(object)));
        last = Some(key);
    }
    let mut meta = json!({ "resourceVersion": version.to_string() });
    if let (Some(last), 1..) = (last, remaining) {
        meta["continue"] = Value::from(Continue::encode(version, last));
        // The real server counts the remaining items only if there is no selector.
        if selector.is_empty() {
            meta["remainingItemCount"] = Value::from(remaining);
        }
    }
    Ok(of_items(target.resource, meta, items))
}

/// A list object.
pub(crate) fn of_items(resource: &Resource, meta: Value, items: Vec<Value>) -> Value {
    let mut list = Map::new();
    list.insert("kind".to_owned(), Value::from(format!("{}List", resource.kind)));
    list.insert("apiVersion".to_owned(), Value::from(resource.api_version()));
    list.insert("metadata".to_owned(), meta);
    list.insert("items".to_owned(), Value::Array(items));
    Value::Object(list)
}

/// A version from the future is answered with "try again".
pub(crate) fn not_too_new(store: &Store, version: Option<u64>) -> Result<(), Failure> {
    let current = store.revision();
    let Some(version) = version.filter(|version| *version > current) else { return Ok(()) };
    let message = format!("Timeout: Too large resource version: {version}, current: {current}");
    let mut failure = Failure::new(504, "Timeout", message).retry_after(1);
    let cause = json!({ "reason": "ResourceVersionTooLarge", "message": "Too large resource version" });
    failure.details.insert("causes".to_owned(), json!([cause]));
    Err(failure)
}

/// Where the next page of a list begins. Opaque to callers: hexadecimal digits of `revision/namespace/name`.
struct Continue {
    revision: u64,
    namespace: String,
    name: String,
}

impl Continue {
    fn encode(revision: u64, last: &Key) -> String {
        let text = format!("{revision}/{}/{}", last.namespace, last.name);
        text.bytes().map(|byte| format!("{byte:02x}")).collect()
    }

    fn decode(token: &str) -> Result<Continue, Failure> {
        let parse = || {
            let bytes: Option<Vec<u8>> = token
                .as_bytes()
                .chunks(2)
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                .collect();
            let text = String::from_utf8(bytes?).ok()?;
            let mut parts = text.splitn(3, '/');
            let revision = parts.next()?.parse().ok()?;
            Some(Continue { revision, namespace: parts.next()?.to_owned(), name: parts.next()?.to_owned() })
        };
        parse().ok_or_else(|| Failure::bad_request("invalid continue token: continue key is not valid"))
    }

    fn place(&self) -> (&str, &str) {
        (&self.namespace, &self.name)
    }
}
