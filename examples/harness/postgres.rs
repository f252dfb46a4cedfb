//! A PostgreSQL server of an example, on a socket in a folder of its own.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lease_runtime::clock::{Clock, SystemClock};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use super::Outcome;

#[path = "../../tests/bins/faults/target/programs.rs"]
mod programs;

use programs::Programs;

/// How long the server may take to start.
const START: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The server. It is killed, and its data removed, when this is dropped.
#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    server: Child,
}

impl Postgres {
    /// What to say where PostgreSQL is not installed.
    pub const ABSENT: &str = "not run: PostgreSQL is not installed. On Debian and Ubuntu: apt-get install postgresql";

    /// Starts a server. `None` if PostgreSQL is not installed.
    ///
    /// # Errors
    ///
    /// If the server does not start, with its log.
    pub async fn start() -> Outcome<Option<Postgres>> {
        let Some(programs) = programs::find() else { return Ok(None) };
        let folder = std::env::temp_dir().join(format!("lease-postgres-{:08x}", fastrand::u32(..)));
        DirBuilder::new().mode(0o700).create(&folder)?;
        if let Some((user, group)) = programs.user {
            chown(&folder, Some(user), Some(group))?;
        }
        let data = folder.join("data");
        let mut initdb = command(&programs, "initdb");
        initdb.arg("--pgdata").arg(&data).args(["--auth=trust", "--username=leases", "--no-sync", "--no-locale"]);
        let made = initdb.output()?;
        if !made.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)).into());
        }
        let log = std::fs::File::create(folder.join("log"))?;
        let mut server = command(&programs, "postgres");
        server.arg("-D").arg(&data).arg("-k").arg(&folder).args(["-c", "listen_addresses=", "-c", "fsync=off"]);
        let server = server.stdout(log.try_clone()?).stderr(log).spawn()?;
        let postgres = Postgres { folder, server };
        let begun = SystemClock.now();
        while let Err(error) = postgres.connect().await {
            if SystemClock.now().since(begun) > START {
                let log = std::fs::read_to_string(postgres.folder.join("log")).unwrap_or_default();
                return Err(format!("PostgreSQL does not start: {error}\n{log}").into());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(Some(postgres))
    }

    /// The address of the server, for [`PgConnectOptions`].
    pub fn url(&self) -> String {
        format!("postgres://leases@localhost/postgres?host={}", self.folder.display())
    }

    /// A new connection.
    ///
    /// # Errors
    ///
    /// That of the driver.
    pub async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let options = PgConnectOptions::new_without_pgpass().socket(&self.folder);
        PgConnection::connect_with(&options.username("leases").database("postgres")).await
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // What cannot be removed remains in the folder for temporary files.
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn command(programs: &Programs, name: &str) -> Command {
    let mut command = Command::new(programs.folder.join(name));
    if let Some((user, group)) = programs.user {
        command.uid(user).gid(group);
    }
    // A folder that this user may enter.
    command.current_dir(Path::new("/")).stdin(Stdio::null());
    command
}
