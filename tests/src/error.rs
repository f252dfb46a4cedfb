//! Errors of the programs in `bins`, which print them for a person and end.

/// Any error. Its text says what to do about it.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
/// A result with such an error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Adds to an error what the program was doing.
pub trait Context<T> {
    /// Adds this in front of the error.
    fn context(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: std::fmt::Display> Context<T> for Result<T, E> {
    fn context(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| format!("{}: {error}", doing()).into())
    }
}
