//! Changes of JSON that leave it JSON.

use serde_json::Value;

use crate::script::{NUMBERS, Script};

/// Deeper than a parser may follow.
const DEEP: usize = 200;

/// Changes one JSON value of an input: one of its lines, or everything from the first brace. Returns whether there was one.
pub(crate) fn change(text: &mut Vec<u8>, words: &[&str], script: &mut Script<'_>) -> bool {
    let lines: Vec<_> = text.split(|byte| *byte == b'\n').map(<[u8]>::len).collect();
    let line = script.below(lines.len());
    let from = lines.iter().take(line).map(|length| length + 1).sum::<usize>();
    let to = from + lines.get(line).copied().unwrap_or(0);
    let rest = text.iter().position(|byte| *byte == b'{').unwrap_or(text.len());
    for range in [from..to, rest..text.len()] {
        if let Ok(mut value) = serde_json::from_slice::<Value>(&text[range.clone()]) {
            edit(&mut value, words, script);
            drop(text.splice(range, value.to_string().into_bytes()));
            return true;
        }
    }
    false
}

fn edit(value: &mut Value, words: &[&str], script: &mut Script<'_>) {
    let nodes = count(value);
    let copy = nth(value, &mut script.below(nodes)).cloned();
    let Some(node) = nth(value, &mut script.below(nodes)) else { return };
    match (script.below(8), node) {
        (0, Value::Object(fields)) => {
            let names: Vec<String> = fields.keys().cloned().collect();
            if let Some(name) = names.get(script.below(names.len())) {
                let _ = fields.remove(name);
            }
        }
        (1, Value::Object(fields)) => {
            let name = script.one_of(words, "other");
            fields.insert(name.to_owned(), copy.unwrap_or_default());
        }
        (2, Value::Array(items)) => {
            items.extend(copy);
        }
        (0..=2, node) => *node = copy.unwrap_or_default(),
        (3, node) => *node = Value::Array(vec![node.take()]),
        (_, node) => *node = odd(words, script),
    }
}

/// A value that is seldom right.
fn odd(words: &[&str], script: &mut Script<'_>) -> Value {
    match script.below(12) {
        0 => Value::Null,
        1 => Value::Bool(true),
        2 => "".into(),
        3 => "x".repeat(5_000).into(),
        4 => Value::Array(Vec::new()),
        5 => Value::Object(serde_json::Map::new()),
        6 => (0..DEEP).fold(Value::Null, |inner, _| Value::Array(vec![inner])),
        7 => script.one_of(&NUMBERS, "0").into(),
        8 | 9 => serde_json::from_str(script.one_of(&NUMBERS, "0")).unwrap_or_default(),
        _ => script.one_of(words, "word").into(),
    }
}

fn children(value: &mut Value) -> Vec<&mut Value> {
    match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => Vec::new(),
    }
}

/// The number of values in a value, with itself.
fn count(value: &mut Value) -> usize {
    1 + children(value).into_iter().map(count).sum::<usize>()
}

/// The value with this number, counted from the outside.
fn nth<'a>(value: &'a mut Value, number: &mut usize) -> Option<&'a mut Value> {
    if *number == 0 {
        return Some(value);
    }
    *number -= 1;
    children(value).into_iter().find_map(|child| nth(child, number))
}
