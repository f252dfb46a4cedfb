//! What a body may return.

use std::convert::Infallible;
use std::fmt::Debug;

/// What the body of a leader task may return, as [`std::process::Termination`] is for `main`.
///
/// | a body returns | which means |
/// |---|---|
/// | `()` | the work is done, the task is over |
/// | `!`, that is [`Infallible`] here | it never is |
/// | `Ok(value)` | the work is done, and this is what [`TaskHandle`](crate::TaskHandle) gives |
/// | `Err(error)` | the body has failed and runs again, after a pause |
#[diagnostic::on_unimplemented(
    message = "a leader task cannot return `{Self}`: it returns `()`, `!`, or a `Result` whose error is `Debug`",
    label = "not something a leader task can return"
)]
pub trait TaskOutput: Send + 'static {
    /// What went wrong, for the log; `None` if the work is done.
    fn failure(&self) -> Option<String>;

    /// Whether a value without a failure says that the work is done, also of a body that was asked to end: `Ok` does, `()`
    /// does not.
    fn tells(&self) -> bool {
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

    fn tells(&self) -> bool {
        true
    }
}

/// What the body of a scheduled task may return: nothing that somebody would have to receive.
///
/// | a body returns | which means |
/// |---|---|
/// | `()`, `Ok(())` | the tick is done |
/// | `Err(error)` | it has failed, and is tried again if [`retry`](crate::LeaderTask::retry) says so |
#[diagnostic::on_unimplemented(
    message = "a scheduled task cannot return `{Self}`: it returns `()`, or a `Result<(), E>` whose error is `Debug`",
    label = "nobody is there to receive this from a scheduled task"
)]
pub trait TickOutput: TaskOutput {
    /// What a task gives that was done by another replica.
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
