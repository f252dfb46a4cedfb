//! Removes secrets from messages.

use kube::config::AuthInfo;

/// Shorter texts are not treated as secrets. They would match in the middle of harmless words.
const SHORTEST: usize = 4;
/// The same for the words of an output, most of which are not secret.
const SHORTEST_WORD: usize = 8;

const INSTEAD: &str = "[redacted]";

/// The secrets that a connection knows.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// The secrets of a user of a kubeconfig. They include the arguments of a plugin and the values of its environment: some of
    /// these are secret, and nothing says which.
    pub(super) fn of(auth: &AuthInfo) -> Secrets {
        let mut secrets = Secrets::default();
        // This is the text of kube's secret fields, as a kubeconfig contains it.
        if let Ok(fields) = serde_json::to_value(auth) {
            for field in ["password", "token", "client-key-data"] {
                secrets.add(fields.get(field).and_then(|value| value.as_str()).unwrap_or_default());
            }
        }
        let exec = auth.exec.iter();
        for argument in exec.clone().flat_map(|exec| exec.args.iter().flatten()) {
            secrets.add(argument);
            secrets.add(argument.split_once('=').map_or("", |(_, value)| value));
        }
        for variable in exec.flat_map(|exec| exec.env.iter().flatten()) {
            secrets.add(variable.get("value").map_or("", String::as_str));
        }
        for value in auth.auth_provider.iter().flat_map(|provider| provider.config.values()) {
            secrets.add(value);
        }
        secrets
    }

    pub(super) fn add(&mut self, secret: &str) {
        // A secret of several lines may be shown line by line.
        for part in std::iter::once(secret).chain(secret.lines()).map(str::trim) {
            if part.len() >= SHORTEST && !self.0.iter().any(|known| known == part) {
                self.0.push(part.to_owned());
            }
        }
        // The longest first, because one secret may contain another.
        self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    /// Everything that a plugin has printed, where only its credentials belong.
    pub(super) fn add_output(&mut self, output: &str) {
        for word in output.split(|c: char| c.is_whitespace() || "\"',:={}[]".contains(c)) {
            if word.len() >= SHORTEST_WORD {
                self.add(word);
            }
        }
    }

    /// The text without these secrets, and without what looks like one: JSON web tokens, and the user and password of a URL.
    pub(super) fn redact(&self, text: &str) -> String {
        let mut text = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, INSTEAD));
        let mut from = 0;
        while let Some(at) = text[from..].find("://").map(|at| from + at + "://".len()) {
            let rest = &text[at..];
            let end = rest.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(rest.len());
            if let Some(sign) = rest[..end].rfind('@') {
                text.replace_range(at..at + sign, INSTEAD);
            }
            from = at;
        }
        while let Some(at) = text.find("eyJ") {
            let rest = &text[at..];
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.=+/".contains(c)).unwrap_or(rest.len());
            text.replace_range(at..at + end, INSTEAD);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced_wherever_they_stand() {
        let mut secrets = Secrets::default();
        secrets.add("hunter2");
        secrets.add("hunter2-long");
        secrets.add("line one of a key\nline two of a key");
        secrets.add("-v");
        secrets.add_output("{\"token\":\"TOKEN-4711\",\"is\":1}");
        for (text, want) in [
            ("the password hunter2-long and hunter2", "the password [redacted] and [redacted]"),
            ("> line two of a key <", "> [redacted] <"),
            ("run -v, said TOKEN-4711", "run -v, said [redacted]"),
            ("got eyJhbGciOi.eyJzdWIi.c2ln, and left", "got [redacted], and left"),
            (
                "to https://al:pa@ss@proxy:3128/x and http://plain/",
                "to https://[redacted]@proxy:3128/x and http://plain/",
            ),
            ("://@ ://é@é", "://[redacted]@ ://[redacted]@é"),
        ] {
            assert_eq!(secrets.redact(text), want);
        }
    }
}
