//! YAML that this crate writes: access rules and other objects of Kubernetes. Every document here is small, and its fields have an
//! order that people expect, so a tree that keeps the order is enough.

use std::fmt::{self, Write as _};

use lease_protocol::election::is_plain;

/// A value of a document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Yaml {
    Text(String),
    Number(u64),
    /// One item on each line.
    List(Vec<Yaml>),
    /// Texts on one line.
    Words(Vec<String>),
    Map(Vec<(String, Yaml)>),
    /// A value with a remark behind it.
    Remarked(Box<Yaml>, &'static str),
}

impl Yaml {
    pub(crate) fn text(text: impl Into<String>) -> Yaml {
        Yaml::Text(text.into())
    }

    pub(crate) fn words<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> Yaml {
        Yaml::Words(words.into_iter().map(|word| word.as_ref().to_owned()).collect())
    }

    pub(crate) fn map<const N: usize>(fields: [(&str, Yaml); N]) -> Yaml {
        Yaml::Map(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    pub(crate) fn remarked(self, remark: &'static str) -> Yaml {
        Yaml::Remarked(Box::new(self), remark)
    }

    /// Writes the value behind a key or the dash of an item, which stand on the current line.
    fn write_after(&self, out: &mut String, indent: usize) {
        match self {
            Yaml::Map(fields) if !fields.is_empty() => {
                out.push('\n');
                write_fields(fields, out, indent);
            }
            Yaml::List(items) if !items.is_empty() => {
                out.push('\n');
                for item in items {
                    out.extend(std::iter::repeat_n(' ', indent));
                    item.write_item(out, indent);
                }
            }
            short => {
                out.push(' ');
                short.write_short(out);
                out.push('\n');
            }
        }
    }

    /// Writes an item of a list. A map begins on the line of the dash.
    fn write_item(&self, out: &mut String, indent: usize) {
        out.push('-');
        match self {
            Yaml::Map(fields) if !fields.is_empty() => {
                let mut lines = String::new();
                write_fields(fields, &mut lines, indent + 2);
                out.push_str(&lines[indent + 1..]);
            }
            other => other.write_after(out, indent + 2),
        }
    }

    /// Writes what has its place on one line.
    fn write_short(&self, out: &mut String) {
        match self {
            Yaml::Text(text) => out.push_str(&scalar(text)),
            Yaml::Number(number) => write!(out, "{number}").unwrap_or_default(),
            Yaml::Words(words) => {
                let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
                write!(out, "[{}]", words.join(", ")).unwrap_or_default();
            }
            Yaml::Remarked(value, remark) => {
                value.write_short(out);
                write!(out, " # {remark}").unwrap_or_default();
            }
            Yaml::List(_) => out.push_str("[]"),
            Yaml::Map(_) => out.push_str("{}"),
        }
    }
}

fn write_fields(fields: &[(String, Yaml)], out: &mut String, indent: usize) {
    for (key, value) in fields {
        out.extend(std::iter::repeat_n(' ', indent));
        out.push_str(&scalar(key));
        out.push(':');
        value.write_after(out, indent + 2);
    }
}

/// The document, without a line `---`.
impl fmt::Display for Yaml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        match self {
            Yaml::Map(fields) => write_fields(fields, &mut out, 0),
            other => other.write_short(&mut out),
        }
        f.write_str(&out)
    }
}

/// A text without quotes if every reader of YAML takes it for that text.
fn scalar(text: &str) -> String {
    const OTHER_THAN_TEXT: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
        && !OTHER_THAN_TEXT.iter().any(|word| word.eq_ignore_ascii_case(text));
    if plain { text.to_owned() } else { quoted(text) }
}

/// A text in quotes. The name of a user comes from the server, so it may contain anything.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if is_plain(c) => out.push(c),
            c if u32::from(c) > 0xffff => out.push_str(&format!("\\U{:08x}", u32::from(c))),
            c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_text_cannot_break_out_of_the_yaml() {
        assert_eq!(quoted("a\"\nb\\"), r#""a\"\u000ab\\""#);
        assert_eq!(quoted("a\u{202e}\u{e0041}"), r#""a\u202e\U000e0041""#);
        assert_eq!(scalar("a\nkind: ClusterRole"), r#""a\u000akind: ClusterRole""#);
    }

    #[test]
    fn only_what_every_reader_takes_for_a_text_has_no_quotes() {
        for plain in ["ledger", "Role", "app.kubernetes.io/name", "POD_NAME", "v1"] {
            assert_eq!(scalar(plain), plain);
        }
        for other in
            ["", "no", "Off", "NULL", "true", "y", "1", "0x1f", "1e3", "-", "~", "a: b", "a #b", "*", "é", ".inf"]
        {
            assert_eq!(scalar(other), format!("\"{other}\""));
        }
    }

    #[test]
    fn lists_and_maps_stand_in_each_other() {
        let inner = Yaml::map([("a", Yaml::Number(1)), ("b", Yaml::map([("c", Yaml::text("d"))]))]);
        let list = Yaml::List(vec![inner, Yaml::text("e"), Yaml::List(vec![Yaml::text("f")])]);
        let document = Yaml::map([
            ("list", list),
            ("words", Yaml::words(["get"])),
            ("empty", Yaml::map([])),
            ("last", Yaml::text("x").remarked("a remark")),
        ]);
        let text = "list:\n  - a: 1\n    b:\n      c: d\n  - e\n  -\n    - f\nwords: [\"get\"]\n\
                    empty: {}\nlast: x # a remark\n";
        assert_eq!(document.to_string(), text);
    }
}
