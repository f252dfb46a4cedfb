//! Errors are printed once and end the program, so each is only its text.

/// Any error, with a text that says what to do about it.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
/// The result of a check.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Says what was being done when an error occurred.
pub(crate) trait Context<T> {
    fn context(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: std::fmt::Display> Context<T> for Result<T, E> {
    fn context(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| format!("{}: {error}", doing()).into())
    }
}
