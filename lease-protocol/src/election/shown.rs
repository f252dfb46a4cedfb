//! Text from the cluster, made safe for messages.

use std::fmt::{self, Write};

/// How many characters of a text from the cluster one message shows at most.
pub const LONGEST_SHOWN: usize = 300;

/// A text that another party has written, made safe for a log line or an error message. It is shortened to
/// [`LONGEST_SHOWN`] characters, and none of them can begin a new line, colour a terminal or change the direction of
/// writing. Data for programs is not changed.
pub fn shown(text: &str) -> impl fmt::Display + fmt::Debug + '_ {
    Shown(text)
}

struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = LONGEST_SHOWN;
        for c in self.0.chars() {
            let width = if is_plain(c) { 1 } else { c.escape_debug().count() };
            if width > left {
                return f.write_char('…');
            }
            left -= width;
            if is_plain(c) { f.write_char(c)? } else { write!(f, "{}", c.escape_debug())? }
        }
        Ok(())
    }
}

/// Like [`fmt::Display`], so that a log field looks the same in both formats.
impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether a character is displayed as itself and changes nothing around it. Quotes and backslashes are.
pub fn is_plain(c: char) -> bool {
    matches!(c, '"' | '\'' | '\\') || c.escape_debug().count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_escaped_and_has_an_end() {
        for (text, want) in [
            ("ledger-7f9c_a b`\"\\é日", "ledger-7f9c_a b`\"\\é日"),
            ("a\nERROR b\r\t", "a\\nERROR b\\r\\t"),
            ("\u{1b}[31mred\u{9b}0m\u{7}\u{0}", "\\u{1b}[31mred\\u{9b}0m\\u{7}\\0"),
            ("a\u{202e}b\u{2066}c\u{200f}\u{61c}", "a\\u{202e}b\\u{2066}c\\u{200f}\\u{61c}"),
            ("a\u{2028}b\u{2029}c\u{feff}\u{200b}", "a\\u{2028}b\\u{2029}c\\u{feff}\\u{200b}"),
            ("e\u{301}", "e\\u{301}"),
            ("a\u{e0041}", "a\\u{e0041}"),
        ] {
            assert_eq!(shown(text).to_string(), want);
            // A field that is formatted with `Debug` is not escaped twice.
            assert_eq!(format!("{:?}", shown(text)), want);
        }
        let long = "x".repeat(1 << 20);
        assert_eq!(shown(&long).to_string(), format!("{}…", "x".repeat(300)));
        assert_eq!(shown(&"x".repeat(300)).to_string(), "x".repeat(300));
        // The limit also holds for the escaped text.
        assert!(shown(&"\u{e0041}".repeat(1000)).to_string().chars().count() <= 301);
    }

    #[test]
    fn the_holder_that_took_the_lease_cannot_forge_a_line() {
        let forged = "b`\nERROR payments: ledger corrupted\u{1b}[31m\n`".to_owned();
        let text = super::super::StopReason::Lost(super::super::LossReason::TakenBy(forged)).to_string();
        assert_eq!(text, "the lease is held by `b`\\nERROR payments: ledger corrupted\\u{1b}[31m\\n``");
    }
}
