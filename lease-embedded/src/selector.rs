//! Field and label selectors.

use serde_json::Value;

use super::object_meta;
use super::resource::Resource;
use super::status::Failure;

/// Which objects a list, a watch or a deletion of many is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    /// Path into the stored object, wanted value, equal or not.
    fields: Vec<(&'static str, String, bool)>,
    labels: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
}

impl Selector {
    pub(crate) fn parse(resource: &Resource, fields: Option<&str>, labels: Option<&str>) -> Result<Selector, Failure> {
        let mut selector = Selector::default();
        for term in fields.unwrap_or_default().split(',').filter(|term| !term.is_empty()) {
            let (label, value, equal) = split_equality(term).ok_or_else(|| {
                Failure::bad_request(format!("invalid selector: '{term}'; can't understand '{term}'"))
            })?;
            let known = resource.selectable.iter().find(|(name, _)| *name == label);
            let (_, path) = known.ok_or_else(|| {
                let names: Vec<String> = resource.selectable.iter().map(|(name, _)| format!("{name:?}")).collect();
                Failure::bad_request(format!("{label:?} is not a known field selector: only {}", names.join(", ")))
            })?;
            selector.fields.push((path, value.to_owned(), equal));
        }
        for term in split_terms(labels.unwrap_or_default()) {
            let requirement = parse_requirement(term.trim())
                .ok_or_else(|| Failure::bad_request(format!("unable to parse requirement: {term:?}")))?;
            selector.labels.push(requirement);
        }
        Ok(selector)
    }

    /// The same selector, limited to one name.
    pub(crate) fn named(mut self, name: &str) -> Selector {
        self.fields.push(("/metadata/name", name.to_owned(), true));
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.labels.is_empty()
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let fields = self.fields.iter().all(|(path, wanted, equal)| {
            let found = object.pointer(path).and_then(Value::as_str).unwrap_or_default();
            (found == wanted) == *equal
        });
        let label =
            |key: &str| object_meta::field(object, "labels").and_then(|labels| labels.get(key)).and_then(Value::as_str);
        fields
            && self.labels.iter().all(|requirement| match requirement {
                Requirement::In(key, values) => {
                    label(key).is_some_and(|found| values.iter().any(|value| value == found))
                }
                Requirement::NotIn(key, values) => {
                    label(key).is_none_or(|found| values.iter().all(|value| value != found))
                }
                Requirement::Exists(key) => label(key).is_some(),
                Requirement::Missing(key) => label(key).is_none(),
            })
    }
}

/// Splits `a=b`, `a==b` or `a!=b` into the key, the value, and whether they must be equal.
fn split_equality(term: &str) -> Option<(&str, &str, bool)> {
    if let Some((key, value)) = term.split_once("!=") {
        return Some((key, value, false));
    }
    let (key, value) = term.split_once('=')?;
    Some((key, value.strip_prefix('=').unwrap_or(value), true))
}

/// Splits at the commas outside parentheses.
fn split_terms(selector: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let terms = selector.split(|character| {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    });
    terms.filter(|term| !term.trim().is_empty()).collect()
}

fn parse_requirement(term: &str) -> Option<Requirement> {
    let key = |key: &str| {
        let key = key.trim();
        object_meta::qualified_name(key).is_none().then(|| key.to_owned())
    };
    if let Some((key_text, value, equal)) = split_equality(term) {
        let (key, values) = (key(key_text)?, vec![value.trim().to_owned()]);
        return Some(if equal { Requirement::In(key, values) } else { Requirement::NotIn(key, values) });
    }
    if let Some(rest) = term.strip_suffix(')') {
        let (head, values) = rest.split_once('(')?;
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        let (name, operator) = head.trim().rsplit_once(char::is_whitespace)?;
        return match operator {
            "in" => Some(Requirement::In(key(name)?, values)),
            "notin" => Some(Requirement::NotIn(key(name)?, values)),
            _ => None,
        };
    }
    match term.strip_prefix('!') {
        Some(name) => Some(Requirement::Missing(key(name)?)),
        None => Some(Requirement::Exists(key(term)?)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::LEASES;

    #[test]
    fn selectors_select() {
        let lease = json!({ "metadata": { "name": "a", "labels": { "app": "x", "tier": "back" } } });
        let matches = |fields, labels| {
            Selector::parse(&LEASES, fields, labels)
                .map(|selector| selector.matches(&lease))
                .map_err(|failure| failure.code)
        };
        assert_eq!(matches(Some("metadata.name=a"), None), Ok(true));
        assert_eq!(matches(Some("metadata.name==b"), None), Ok(false));
        assert_eq!(matches(Some("metadata.name!=b"), None), Ok(true));
        assert_eq!(matches(Some("spec.holderIdentity=b"), None), Err(400));
        assert_eq!(matches(None, Some("app=x,tier in (front, back),!gone,app")), Ok(true));
        assert_eq!(matches(None, Some("tier notin (front,back)")), Ok(false));
        assert_eq!(matches(None, Some("gone!=1")), Ok(true));
        assert_eq!(matches(None, Some("gone")), Ok(false));
        assert_eq!(matches(None, Some("a b")), Err(400));
    }
}
