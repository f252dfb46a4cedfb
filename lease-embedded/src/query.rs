//! The query of a request: options of reads, writes and watches.

use serde_json::json;

use super::field_error::FieldError;
use super::status::Failure;

/// The decoded key-value pairs of a query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(query: &str) -> Query {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Query(
            pairs
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(key, true), decode(value, true))
                })
                .collect(),
        )
    }

    /// The first value of `key`, unless it is empty.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.first(key).filter(|value| !value.is_empty())
    }

    fn first<'a>(&'a self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// A flag as Go reads it: true if present, unless its value is `0` or `false`.
    pub(crate) fn flag(&self, key: &str) -> bool {
        self.first(key).is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.first(key).is_some()
    }

    pub(crate) fn number(&self, key: &str) -> Result<Option<i64>, Failure> {
        let Some(text) = self.text(key) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            let why = format!("strconv.ParseInt: parsing {text:?}: invalid syntax");
            Failure::bad_request(why)
        })
    }
}

/// Percent-decodes `text`. In queries, `+` is a space. An invalid sequence stays as it is.
pub(crate) fn decode(text: &str, plus: bool) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let Some((&byte, rest)) = bytes.split_first() {
        bytes = rest;
        let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (byte, rest) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high * 16 + low);
                    bytes = after;
                }
                _ => out.push(byte),
            },
            (b'+', _) if plus => out.push(b' '),
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What happens to fields that the type does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

/// Options of creations, updates and patches.
#[derive(Clone, Debug)]
pub(crate) struct WriteOptions {
    pub(crate) dry_run: bool,
    pub(crate) field_validation: FieldValidation,
    pub(crate) manager: String,
    pub(crate) force: bool,
}

const MANAGER_LIMIT: usize = 128;

impl WriteOptions {
    /// `kind` is the name of the options in messages. `apply` says whether this is a server-side apply.
    pub(crate) fn read(
        query: &Query,
        kind: &str,
        user_agent: Option<&str>,
        apply: bool,
    ) -> Result<WriteOptions, Failure> {
        let mut errors = Vec::new();
        let manager = query.text("fieldManager");
        if kind == "PatchOptions" && !apply && query.has("force") {
            errors.push(FieldError::forbidden("force", "may not be specified for non-apply patch"));
        }
        if apply && manager.is_none() {
            errors.push(FieldError::required("fieldManager", "is required for apply patch"));
        }
        if manager.is_some_and(|manager| manager.len() > MANAGER_LIMIT) {
            errors.push(FieldError::too_long("fieldManager", MANAGER_LIMIT));
        }
        let dry_run: Vec<&String> = query.0.iter().filter(|(key, _)| key == "dryRun").map(|(_, value)| value).collect();
        if dry_run.iter().any(|value| *value != "All") {
            errors.push(FieldError::not_supported("dryRun", &json!(dry_run), &["All"]));
        }
        let field_validation = match query.text("fieldValidation") {
            None | Some("Warn") => FieldValidation::Warn,
            Some("Strict") => FieldValidation::Strict,
            Some("Ignore") => FieldValidation::Ignore,
            Some(other) => {
                let known = ["", "Ignore", "Strict", "Warn"];
                errors.push(FieldError::not_supported("fieldValidation", &json!(other), &known));
                FieldValidation::Warn
            }
        };
        if !errors.is_empty() {
            return Err(Failure::invalid("meta.k8s.io", kind, "", &errors));
        }
        // If the request names no manager, its name is the first part of the user agent.
        let agent = user_agent.and_then(|agent| agent.split('/').next()).filter(|agent| !agent.is_empty());
        let manager = manager.or(agent).unwrap_or("unknown").to_owned();
        Ok(WriteOptions { dry_run: query.has("dryRun"), field_validation, manager, force: query.flag("force") })
    }
}

/// How a list or a watch treats its `resourceVersion`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    Unset,
    Exact,
    NotOlderThan,
}

/// Options of lists and watches.
#[derive(Clone, Debug)]
pub(crate) struct ListOptions {
    pub(crate) version: Option<u64>,
    pub(crate) matching: Match,
    pub(crate) limit: Option<usize>,
    pub(crate) resume: Option<String>,
    pub(crate) timeout: Option<u64>,
    pub(crate) bookmarks: bool,
    pub(crate) initial_events: Option<bool>,
}

impl ListOptions {
    pub(crate) fn read(query: &Query, watch: bool) -> Result<ListOptions, Failure> {
        let mut errors = Vec::new();
        let text = query.text("resourceVersion");
        let version = version(text)?;
        let rule = query.text("resourceVersionMatch");
        let matching = match rule {
            None => Match::Unset,
            Some("Exact") => Match::Exact,
            Some("NotOlderThan") => Match::NotOlderThan,
            Some(other) => {
                let known = ["Exact", "NotOlderThan", ""];
                errors.push(FieldError::not_supported("resourceVersionMatch", &json!(other), &known));
                Match::Unset
            }
        };
        let initial_events = query.has("sendInitialEvents").then(|| query.flag("sendInitialEvents"));
        let field = "resourceVersionMatch";
        if watch {
            match (initial_events, matching) {
                (None, Match::Unset) | (Some(_), Match::NotOlderThan) => {}
                (None, _) => {
                    let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
                    errors.push(FieldError::forbidden(field, why));
                }
                (Some(_), _) => {
                    let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
                    errors.push(FieldError::forbidden(field, why));
                }
            }
        } else {
            if initial_events.is_some() {
                errors.push(FieldError::forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
            }
            if matching != Match::Unset && text.is_none() {
                let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
                errors.push(FieldError::forbidden(field, why));
            }
            if matching != Match::Unset && query.text("continue").is_some() {
                errors
                    .push(FieldError::forbidden(field, "resourceVersionMatch is forbidden when continue is provided"));
            }
            if matching == Match::Exact && version == Some(0) {
                let why = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
                errors.push(FieldError::forbidden(field, why));
            }
        }
        if !errors.is_empty() {
            return Err(Failure::invalid("meta.k8s.io", "ListOptions", "", &errors));
        }
        Ok(ListOptions {
            version,
            matching,
            limit: query.number("limit")?.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0),
            resume: query.text("continue").map(str::to_owned),
            timeout: query.number("timeoutSeconds")?.and_then(|seconds| u64::try_from(seconds).ok()),
            bookmarks: query.flag("allowWatchBookmarks"),
            initial_events,
        })
    }
}

/// The `resourceVersion` of a request. `None` if it is absent.
pub(crate) fn version(text: Option<&str>) -> Result<Option<u64>, Failure> {
    let Some(text) = text else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        // 500 and not 400: the real server finds this out too late to answer with an error of the caller.
        let why = format!("strconv.ParseUint: parsing {text:?}: invalid syntax");
        Failure::new(500, "", format!("resourceVersion: Invalid value: {text:?}: {why}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let query = Query::parse("fieldSelector=metadata.name%3Da+b&watch&x=%zz%4");
        assert_eq!(query.text("fieldSelector"), Some("metadata.name=a b"));
        assert!(query.flag("watch"));
        assert_eq!(query.text("x"), Some("%zz%4"));
        assert!(!Query::parse("watch=0").flag("watch"));
        assert!(!Query::parse("watch=False").flag("watch"));
    }
}
