//! The types that a body may return.

use std::convert::Infallible;
use std::fmt::Debug;

/// The types that the body of a leader task may return, as [`std::process::Termination`] is for `main`.
///
/// | a body returns | which means |
/// |---|---|
/// | `()` | the work is done, the task is over |
/// | `!`, that is [`Infallible`] here | the work is never done |
/// | `Ok(value)` | the work is done, and [`TaskHandle`](crate::TaskHandle) returns the value |
/// | `Err(error)` | the body has failed and runs again, after a pause |
#[diagnostic::on_unimplemented(
    message = "a leader task cannot return `{Self}`: it returns `()`, `!`, or a `Result` whose error is `Debug`",
    label = "not something a leader task can return"
)]
pub trait TaskOutput: Send + 'static {
    /// What went wrong, for the log; `None` if the work is done.
    fn failure(&self) -> Option<String>;

    /// Whether an output without a failure says that the work is done, even if the body was asked to end: `Ok` does, `()`
    /// does not.
    fn says_done(&self) -> bool {
        false
    }
}

impl TaskOutput for () {
    fn failure(&self) -> Option<String> {
        None
    }
}

impl TaskOutput for Infallible {
    fn failure(&self) -> Option<String> {
        match *self {}
    }
}

impl<T: Send + 'static, E: Debug + Send + 'static> TaskOutput for Result<T, E> {
    fn failure(&self) -> Option<String> {
        self.as_ref().err().map(|error| format!("{error:?}"))
    }

    fn says_done(&self) -> bool {
        true
    }
}

/// The types that the body of a scheduled task may return. None has a value that would need a receiver.
///
/// | a body returns | which means |
/// |---|---|
/// | `()`, `Ok(())` | the tick is done |
/// | `Err(error)` | the tick has failed, and is tried again if [`retry`](crate::LeaderTask::retry) allows it |
#[diagnostic::on_unimplemented(
    message = "a scheduled task cannot return `{Self}`: it returns `()`, or a `Result<(), E>` whose error is `Debug`",
    label = "a scheduled task has no receiver for this"
)]
pub trait TickOutput: TaskOutput {
    /// The output of a task that another replica has done.
    fn done() -> Self;
}

impl TickOutput for () {
    fn done() {}
}

impl<E: Debug + Send + 'static> TickOutput for Result<(), E> {
    fn done() -> Self {
        Ok(())
    }
}
