//! What goes wrong is told to a person, once.

/// Any error, with a text that says what to do about it.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
/// The result of anything here.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Puts what was being done before an error.
pub(crate) trait Context<T> {
    fn context(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: std::fmt::Display> Context<T> for Result<T, E> {
    fn context(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| format!("{}: {error}", doing()).into())
    }
}
