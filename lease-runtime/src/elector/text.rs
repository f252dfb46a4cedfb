//! Text of others, made fit for errors and the log: short, on one line, escaped.

pub(super) use lease_protocol::election::{LONGEST_SHOWN, shown};

/// An error and all its causes on one line: `a: b: c`. If a level repeats its cause, that is left out.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    short(&text)
}

/// At most 300 characters on one line. A proxy may send a whole page.
pub(super) fn short(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        // The rest would be cut off anyway, and a page may be long.
        if line.len() > 4 * LONGEST_SHOWN {
            break;
        }
    }
    shown(&line).to_string()
}

/// The longest beginning of a text that has at most so many bytes.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elector::error::ElectorError;

    #[test]
    fn a_page_of_a_proxy_becomes_one_short_line() {
        let page = format!("<html>\n  <body>\n{}\n</body></html>", "é ".repeat(1000));
        let line = short(&page);
        assert!(line.starts_with("<html> <body> é é"), "{line}");
        assert!(!line.contains('\n'));
        assert!(line.chars().count() <= 301);
        assert_eq!(short("a\u{1b}[2Jb\u{202e}"), "a\\u{1b}[2Jb\\u{202e}");
    }

    #[test]
    fn a_chain_says_each_cause_once() {
        let cause = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "connection refused");
        let error = ElectorError::Thread { cause };
        let line = chain(&error);
        assert_eq!(line.matches("connection refused").count(), 1, "{line}");
        let bare = std::io::Error::other(std::io::Error::other("deep"));
        assert_eq!(chain(&bare), "deep");
    }
}
