//! The attribute's keys, and the messages about unknown ones.

mod absent;
mod key;
mod table;
mod words;

use syn::Ident;

use self::absent::ABSENT;
pub(crate) use self::key::{Key, Kind, Sets};
pub(crate) use self::table::KEYS;
pub(crate) use self::words::{Words, last_word};
use lease_grammar::suggest;

/// The message about an unknown key, and the key that was meant.
pub(crate) struct Unknown {
    pub(crate) says: String,
    pub(crate) meant: Option<&'static Key>,
}

/// The key with this name.
pub(crate) fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Finds the key that was meant by an unknown one with this value: by its meaning in other systems, otherwise by its spelling.
pub(crate) fn unknown(word: &Ident, value: Option<&str>) -> Unknown {
    let word = word.to_string();
    let problem = format!("there is no key `{word}`");
    if let Some((_, answer)) = ABSENT.iter().find(|(words, _)| suggest::is_among(&word, words)) {
        return Unknown { says: format!("{problem}: {answer}"), meant: None };
    }
    let as_in = |key: &Key| format!("did you mean `{}`, as in `{}`?", key.name, key.example());
    let by_meaning = KEYS.iter().find(|key| suggest::is_among(&word, key.others));
    let by_spelling = || suggest::closest(&word, KEYS.iter().map(|key| (key.name, key)));
    let meant = by_meaning.or_else(by_spelling);
    let answer = match meant {
        Some(key) => match (&key.kind, value) {
            (Kind::Flag, _) => format!("did you mean `{}`?", key.name),
            (Kind::Word(words), Some(value)) => match words.meant(value) {
                Some(word) => format!("did you mean `{}`?", key.form(&word)),
                None => as_in(key),
            },
            _ => as_in(key),
        },
        None => format!("there are {}", suggest::list(KEYS.iter().map(|key| key.name), "and")),
    };
    Unknown { says: format!("{problem}: {answer}"), meant }
}

#[cfg(test)]
mod tests {
    use super::table::ALL;
    use super::*;

    #[test]
    fn a_word_has_one_meaning() {
        let rows = KEYS.iter().map(|key| (key.name, key.others)).chain(ABSENT.map(|(words, answer)| (answer, words)));
        let mut seen = std::collections::HashMap::new();
        for (row, words) in rows {
            for word in words.split_whitespace() {
                assert!(key(word).is_none(), "`{word}` is a key");
                if let Some(before) = seen.insert(suggest::plain(word), row) {
                    panic!("`{word}` means `{before}` and `{row}`");
                }
            }
        }
    }

    #[test]
    fn the_table_is_ordered_as_the_lease_wants_it() {
        let place = |name| KEYS.iter().position(|key| key.name == name);
        assert!(place("lease_duration") < place("renew_deadline") && place("renew_deadline") < place("retry_period"));
    }

    #[test]
    fn a_key_concerns_kinds_of_tasks() {
        for key in &KEYS {
            assert!(!key.of.is_empty() && key.of.split_whitespace().all(|of| ALL.contains(of)), "`{}`", key.name);
        }
    }
}
