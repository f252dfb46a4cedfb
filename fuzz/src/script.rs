//! Makes an input from the bytes of the engine: a script that says which input of the corpus to take, and how to change it.
//!
//! The engine knows nothing of JSON. Its bytes as they are would never get past the first brace of a parser.

use crate::json;

/// No input is longer.
pub(crate) const LONGEST: usize = 64 << 10;
/// Numbers at which code often goes wrong.
pub(crate) const NUMBERS: [&str; 14] = [
    "0",
    "-1",
    "1",
    "59",
    "127",
    "65536",
    "2147483647",
    "2147483648",
    "-2147483648",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "1e308",
    "0.5",
];

/// The bytes of the engine, read from the front. When they have ended, all choices are the first.
pub(crate) struct Script<'a>(&'a [u8]);

impl Script<'_> {
    pub(crate) fn byte(&mut self) -> u8 {
        match self.0 {
            [first, rest @ ..] => {
                self.0 = rest;
                *first
            }
            [] => 0,
        }
    }

    /// A number below `end`. Zero if `end` is zero.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let high = if end > 256 { usize::from(self.byte()) << 8 } else { 0 };
        (high + usize::from(self.byte())) % end.max(1)
    }

    pub(crate) fn one_of<'b, T: ?Sized>(&mut self, list: &[&'b T], otherwise: &'b T) -> &'b T {
        let at = self.below(list.len());
        list.get(at).copied().unwrap_or(otherwise)
    }
}

/// The input that these bytes stand for.
pub(crate) fn input(corpus: &[Vec<u8>], words: &[&str], bytes: &[u8]) -> Vec<u8> {
    let mut script = Script(bytes);
    let mut text = match script.below(16) {
        0 => return script.0.to_vec(),
        _ => corpus.get(script.below(corpus.len())).cloned().unwrap_or_default(),
    };
    // Most scripts leave JSON what it is, because an input that is not JSON gets no further than the parser.
    let stays_json = script.below(4) > 0;
    for _ in 0..=script.below(5) {
        if !(stays_json && json::change(&mut text, words, &mut script)) {
            change(&mut text, corpus, words, &mut script);
        }
        text.truncate(LONGEST);
    }
    text
}

fn change(text: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str], script: &mut Script<'_>) {
    match script.below(8) {
        0 => flip(text, script),
        1 => insert(text, script, &[]),
        2 => drop(text.drain(range(text.len(), script))),
        3 => repeat(text, script),
        4 => {
            let word = script.one_of(words, "");
            insert(text, script, word.as_bytes());
        }
        5 => number(text, script),
        6 => splice(text, corpus, script),
        _ => text.truncate(script.below(text.len() + 1)),
    }
}

fn range(length: usize, script: &mut Script<'_>) -> std::ops::Range<usize> {
    let from = script.below(length);
    from..(from + script.below(32)).min(length)
}

fn flip(text: &mut [u8], script: &mut Script<'_>) {
    let (at, bits) = (script.below(text.len()), script.byte());
    if let Some(byte) = text.get_mut(at) {
        *byte ^= bits;
    }
}

/// Inserts these bytes, or a byte of the script.
fn insert(text: &mut Vec<u8>, script: &mut Script<'_>, bytes: &[u8]) {
    let at = script.below(text.len() + 1);
    let own = [script.byte()];
    let bytes = if bytes.is_empty() { &own } else { bytes };
    drop(text.splice(at..at, bytes.iter().copied()));
}

/// Repeats a part: twice, or very often.
fn repeat(text: &mut Vec<u8>, script: &mut Script<'_>) {
    let range = range(text.len(), script);
    let times = [1, 2, 16, 1_000][script.below(4)];
    let part = text[range.clone()].repeat(times);
    drop(text.splice(range.end..range.end, part));
}

/// Replaces a run of digits.
fn number(text: &mut Vec<u8>, script: &mut Script<'_>) {
    let start = script.below(text.len());
    let Some(from) = text.iter().skip(start).position(u8::is_ascii_digit).map(|at| start + at) else { return };
    let length = text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = script.one_of(&NUMBERS, "0");
    drop(text.splice(from..from + length, number.bytes()));
}

/// The beginning of this input and the end of another.
fn splice(text: &mut Vec<u8>, corpus: &[Vec<u8>], script: &mut Script<'_>) {
    let Some(other) = corpus.get(script.below(corpus.len())) else { return };
    text.truncate(script.below(text.len() + 1));
    text.extend_from_slice(&other[script.below(other.len())..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each byte of the engine has an effect, and no script fails.
    #[test]
    fn scripts_make_many_inputs() {
        let corpus = [b"{\"a\":[1,{\"b\":\"c\"}]}\n{\"d\":2}".to_vec(), b"0 2 * * *".to_vec(), Vec::new()];
        let mut inputs = std::collections::BTreeSet::new();
        let mut state = 1_u64;
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..40)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    state.to_be_bytes()[0]
                })
                .collect();
            let input = input(&corpus, &["word"], &bytes);
            assert!(input.len() <= LONGEST);
            inputs.insert(input);
        }
        assert!(inputs.len() > 10_000, "only {} different inputs", inputs.len());
        let text: Vec<_> = inputs.iter().map(|input| String::from_utf8_lossy(input)).collect();
        for part in ["word", "2147483648", "null", "{\"a\":[1", "[[[["] {
            assert!(text.iter().any(|text| text.contains(part)), "no input contains {part}");
        }
    }
}
