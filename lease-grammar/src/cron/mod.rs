//! `"0 2 * * *"`: cron expressions.
//!
//! These are Vixie cron's five fields and nicknames, without what programs read in different ways, and with two extensions
//! that mean the same wherever they exist: `L` as a day of the month is its last day, and `MON#2` or `FRI#L` as a day of
//! the week is the second Monday or the last Friday of the month.

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
