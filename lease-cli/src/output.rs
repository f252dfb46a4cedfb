//! JSON and YAML for programs. Characters that could change a terminal are escaped in both, which changes no value.

use lease_protocol::election::is_plain;
use serde_json::Value;

use crate::args::Output;

/// The value in this form. `None` for a table.
pub(crate) fn formatted(value: &Value, output: Output) -> Option<String> {
    match output {
        Output::Table => None,
        Output::Json => Some(json(value)),
        Output::Yaml => Some(yaml(value)),
    }
}

fn json(value: &Value) -> String {
    let mut text = String::new();
    for c in format!("{value:#}").chars() {
        if is_plain(c) || c == '\n' {
            text.push(c);
        } else {
            // Outside of strings, JSON has only plain characters.
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}")));
        }
    }
    text.push('\n');
    text
}

fn yaml(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(_) | Value::Array(_) => block(value, 0, &mut text),
        scalar => text.push_str(&flow(scalar)),
    }
    text.trim_start_matches('\n').to_owned()
}

/// Writes a value behind a key or a dash.
fn block(value: &Value, indent: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            text.push('\n');
            for (key, value) in fields {
                text.push_str(&format!("{pad}{}:", string(key)));
                block(value, indent + 2, text);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            for item in items {
                text.push_str(&format!("{pad}-"));
                block(item, indent + 2, text);
            }
        }
        short => text.push_str(&format!(" {}\n", flow(short))),
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => string(text),
        Value::Object(_) => "{}".to_owned(),
        Value::Array(_) => "[]".to_owned(),
        // Null, true, false and numbers are the same in YAML.
        other => other.to_string(),
    }
}

fn string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if is_plain(c) => quoted.push(c),
            c => quoted.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_keep_each_value_and_control_no_terminal() {
        let hostile = "a\n\"b\\\u{1b}[2J\u{9b}\u{202e}\u{e0041}é";
        let value = json!([{ "holder": hostile, "no": null, "n": 7, "list": [], "in": { "a": [true, "x"], "b": {} } }]);
        let (json, yaml) = (formatted(&value, Output::Json).unwrap(), formatted(&value, Output::Yaml).unwrap());
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value);
        assert!([&json, &yaml].iter().all(|text| text.chars().all(|c| is_plain(c) || c == '\n')), "{json}{yaml}");
        let lines = "-\n  \"holder\": \"a\\U0000000a\\\"b\\\\\\U0000001b[2J\\U0000009b\\U0000202e\\U000e0041é\"\n  \"in\":\n    \"a\":\n      - true\n      - \"x\"\n    \"b\": {}\n  \"list\": []\n  \"n\": 7\n  \"no\": null\n";
        assert_eq!(yaml, lines);
        assert_eq!(formatted(&value, Output::Table), None);
    }
}
