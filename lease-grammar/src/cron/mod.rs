//! Cron expressions, such as `"0 2 * * *"`.
//!
//! They have the five fields and the nicknames of Vixie cron, without forms that programs read in different ways. There
//! are two extensions, which mean the same wherever they exist: as a day of the month, `L` is the last day; as a day of
//! the week, `MON#2` is the second Monday and `FRI#L` the last Friday of the month.

mod advice;
mod days;
mod error;
mod explain;
mod expression;
mod part;
mod read;
#[cfg(test)]
mod tests;
mod unit;

pub use days::MonthDays;
pub use error::CronError;
pub use expression::Cron;

/// Reads an expression.
///
/// # Errors
///
/// What is wrong, where, and what to write instead.
pub fn parse(text: &str) -> Result<Cron, CronError> {
    read::read(text).map_err(|wrong| explain::explain(wrong, text))
}
