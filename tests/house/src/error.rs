//! Errors. The program prints an error and ends, so an error is only a text.

/// Any error. Its text says what to do about it.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
/// The result of a check.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Adds to an error what the program was doing.
pub(crate) trait Context<T> {
    fn context(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: std::fmt::Display> Context<T> for Result<T, E> {
    fn context(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| format!("{}: {error}", doing()).into())
    }
}
