//! What a check has found.

use std::fmt;

use lease_protocol::election::shown;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Status {
    Ok,
    /// It works, but not as well as it could, or it could not be checked.
    Warning,
    Failed,
}

/// The line of a check. It has texts of others, which are escaped when it is printed.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) status: Status,
    pub(super) text: String,
}

impl Finding {
    pub(super) fn new(status: Status, text: impl Into<String>) -> Finding {
        Finding { status, text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match self.status {
            Status::Ok => "ok",
            Status::Warning => "warning",
            Status::Failed => "failed",
        };
        writeln!(f, "{status:<8}{}", shown(&self.text))
    }
}
