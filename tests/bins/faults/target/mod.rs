//! The target that compares fencing tokens: it refuses a token below the highest that it has accepted.

mod postgres;
mod programs;
mod register;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use self::postgres::Postgres;
use self::register::Register;
use crate::error::Result;

/// The target of a run.
pub(crate) enum Target {
    /// A database.
    Postgres(Box<Postgres>),
    /// A register in this process, where there is no database.
    Register(Register),
}

/// Where the target is.
#[derive(Clone, Serialize, Deserialize, Debug)]
pub(crate) enum Address {
    Postgres(String),
    Register(PathBuf),
}

/// What the target has accepted.
#[derive(Clone, Default, Debug)]
pub(crate) struct Audit {
    pub(crate) accepted: u64,
    /// Those that it has refused. The body may be gone before it learns of that.
    pub(crate) refused: u64,
    /// Writes that were accepted after one with a higher token.
    pub(crate) violations: Vec<String>,
}

impl Target {
    /// PostgreSQL where it is installed, else the register.
    pub(crate) async fn start(folder: &Path) -> Result<Target> {
        match programs::find() {
            Some(programs) => Ok(Target::Postgres(Box::new(Postgres::start(programs).await?))),
            None => Ok(Target::Register(Register::start(folder)?)),
        }
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Target::Postgres(postgres) => postgres.version.clone(),
            Target::Register(_) => "a register in this process, because PostgreSQL is not installed".to_owned(),
        }
    }

    pub(crate) fn address(&self) -> Address {
        match self {
            Target::Postgres(postgres) => Address::Postgres(postgres.config()),
            Target::Register(register) => Address::Register(register.path.clone()),
        }
    }

    pub(crate) async fn audit(&self) -> Result<Audit> {
        match self {
            Target::Postgres(postgres) => postgres.audit().await,
            Target::Register(register) => Ok(register.audit()),
        }
    }
}

/// A candidate's access to the target.
pub(crate) enum Access {
    Postgres(postgres::Access),
    Register(PathBuf),
}

impl Address {
    pub(crate) async fn connect(&self) -> Result<Access> {
        Ok(match self {
            Address::Postgres(config) => Access::Postgres(postgres::Access::open(config).await?),
            Address::Register(path) => Access::Register(path.clone()),
        })
    }
}

impl Access {
    /// Writes under a token. Says whether the target has accepted it.
    pub(crate) async fn write(&self, token: u64) -> Result<bool> {
        match self {
            Access::Postgres(access) => access.write(token).await,
            Access::Register(path) => register::write(path, token).await,
        }
    }
}
