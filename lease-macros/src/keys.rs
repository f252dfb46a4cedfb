//! The attribute's keys: what is known about each.

mod absent;
mod table;

use syn::Ident;

use self::absent::ABSENT;
pub(crate) use self::table::KEYS;
use crate::value::Kind;
use lease_grammar::suggest;

/// A key, and what is known about it.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// A value that fits.
    pub(crate) example: &'static str,
    /// How its value is read.
    pub(crate) kind: Kind,
    pub(crate) sets: Sets,
    /// Which tasks it concerns: those of these triggers, and `continuous` ones, which have none.
    pub(crate) of: &'static str,
    /// What other systems call it, in their spelling; `leaseTTL` and `lease_ttl` are one.
    others: &'static str,
}

/// Where a key's value goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sets {
    /// To a place of its own in the expansion.
    Place,
    /// To the method of the same name of `LeaseSpec`.
    Lease,
    /// To the method of the same name of `LeaderTask`.
    Task,
}

/// What to say to a key that there is not, and which one was meant.
pub(crate) struct Unknown {
    pub(crate) says: String,
    pub(crate) meant: Option<&'static Key>,
}

impl Key {
    /// How it is written, with `value`.
    pub(crate) fn form(&self, value: &str) -> String {
        match self.kind {
            Kind::Flag => self.name.to_owned(),
            _ => format!("{} = {value}", self.name),
        }
    }

    /// How it is written, with a value that fits.
    pub(crate) fn example(&self) -> String {
        self.form(self.example)
    }
}

/// The key of this name.
pub(crate) fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Which key was meant by one that there is not, and which has this value: by its meaning elsewhere, or else by its spelling.
pub(crate) fn unknown(word: &Ident, value: Option<&str>) -> Unknown {
    let word = word.to_string();
    let there_is_none = format!("there is no key `{word}`");
    if let Some((_, answer)) = ABSENT.iter().find(|(words, _)| suggest::is_among(&word, words)) {
        return Unknown { says: format!("{there_is_none}: {answer}"), meant: None };
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
    Unknown { says: format!("{there_is_none}: {answer}"), meant }
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
