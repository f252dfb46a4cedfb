//! Errors. The program prints an error for a person, and ends.

/// Any error. Its text says what to do about it.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
/// A result with such an error.
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
