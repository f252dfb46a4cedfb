//! The rules for the names of tasks.

use lease_grammar::names::broken_by_task_name;

use crate::error::Error;

pub(super) fn check_task_name(name: &str) -> Result<(), Error> {
    broken_by_task_name(name).map_or(Ok(()), |rule| Err(Error::TaskName { task: name.to_owned(), rule }))
}
