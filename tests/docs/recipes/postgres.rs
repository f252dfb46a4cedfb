//! A PostgreSQL of its own, on a socket in a folder, if it is installed.

#[path = "../../bins/faults/target/programs.rs"]
mod programs;

use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use programs::Programs;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

pub(super) struct Postgres {
    folder: PathBuf,
    server: Child,
}

impl Postgres {
    /// `None` if PostgreSQL is not installed.
    pub(super) async fn start() -> Option<Postgres> {
        let programs = programs::find()?;
        let folder = std::env::temp_dir().join(format!("lease-recipes-{:08x}", fastrand::u32(..)));
        std::fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
        if let Some((user, group)) = programs.user {
            chown(&folder, Some(user), Some(group)).unwrap();
        }
        let data = folder.join("data");
        let mut initdb = command(&programs, "initdb");
        initdb.arg("--pgdata").arg(&data).args(["--auth=trust", "--username=recipes", "--no-sync", "--no-locale"]);
        let made = initdb.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut server = command(&programs, "postgres");
        server.arg("-D").arg(&data).arg("-k").arg(&folder).args(["-c", "listen_addresses=", "-c", "fsync=off"]);
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let server = server.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let postgres = Postgres { folder, server };
        let accepts = async {
            while PgConnection::connect_with(&postgres.options()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let accepts = tokio::time::timeout(Duration::from_secs(60), accepts).await;
        assert!(accepts.is_ok(), "{}", std::fs::read_to_string(postgres.folder.join("log")).unwrap_or_default());
        Some(postgres)
    }

    pub(super) fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass().socket(&self.folder).username("recipes").database("postgres")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
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
