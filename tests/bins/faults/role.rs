//! What a candidate does. It decides how many tasks its runtime has.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// A body of it runs.
    Leader,
    /// It waits.
    Follower,
}

impl Role {
    pub(crate) const ALL: [Role; 2] = [Role::Leader, Role::Follower];
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Role::Leader => "leader",
            Role::Follower => "follower",
        })
    }
}

/// The tasks of the runtime of a process in its role, without the bodies of scheduled tasks: these come and go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tasks {
    pub(crate) role: Role,
    pub(crate) count: u64,
}

impl fmt::Display for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.role, self.count)
    }
}

impl FromStr for Tasks {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Tasks, Self::Err> {
        let (role, count) = text.split_once(' ').ok_or("a role and a number are expected")?;
        let role = Role::ALL.into_iter().find(|other| other.to_string() == role).ok_or("the role does not exist")?;
        Ok(Tasks { role, count: count.parse().map_err(|_| "the number of tasks cannot be read")? })
    }
}
