//! PostgreSQL as the target: a server of this run, on a socket in a folder of its own.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use lease_tests::log::now;
use tokio::process::{Child, Command};
use tokio_postgres::{Client, NoTls, Statement};

use super::Audit;
use super::programs::Programs;
use crate::error::{Context, Result};

/// How long the server may take to start.
const START: Duration = Duration::from_secs(60);

const TABLES: &str = "
    CREATE TABLE target (fence bigint NOT NULL);
    INSERT INTO target VALUES (0);
    CREATE TABLE audit (id bigserial PRIMARY KEY, fence bigint NOT NULL, at bigint NOT NULL);
    CREATE TABLE refused (fence bigint NOT NULL, at bigint NOT NULL);";

/// One statement, and so one transaction. The row is locked until its end, so `audit` has the order in which writes were accepted.
const WRITE: &str = "
    WITH accepted AS (UPDATE target SET fence = $1 WHERE fence <= $1 RETURNING fence),
         refused AS (INSERT INTO refused SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM accepted))
    INSERT INTO audit (fence, at) SELECT fence, $2 FROM accepted";

const VIOLATIONS: &str = "
    SELECT id, before, fence
    FROM (SELECT id, fence, lag(fence) OVER (ORDER BY id) AS before FROM audit) AS pairs
    WHERE fence < before ORDER BY id";

/// The server.
pub(crate) struct Postgres {
    folder: PathBuf,
    pub(crate) version: String,
    /// Killed when it is dropped.
    _server: Child,
}

impl Postgres {
    pub(crate) async fn start(programs: Programs) -> Result<Postgres> {
        let folder = std::env::temp_dir().join(format!("lease-faults-db-{:08x}", fastrand::u32(..)));
        DirBuilder::new().mode(0o700).create(&folder).context(|| format!("cannot create {}", folder.display()))?;
        if let Some((user, group)) = programs.user {
            chown(&folder, Some(user), Some(group))?;
        }
        let data = folder.join("data");
        let mut initdb = command(&programs, "initdb");
        initdb.arg("--pgdata").arg(&data).args(["--auth=trust", "--username=faults", "--no-sync", "--no-locale"]);
        let made = initdb.stdout(Stdio::null()).output().await.context(|| "initdb".to_owned())?;
        if !made.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)).into());
        }
        let mut server = command(&programs, "postgres");
        server.arg("-D").arg(&data).arg("-k").arg(&folder);
        server.args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=40"]);
        let log = std::fs::File::create(folder.join("log"))?;
        let server = server.stdout(log.try_clone()?).stderr(log).spawn().context(|| "postgres".to_owned())?;
        let mut postgres = Postgres { folder, version: String::new(), _server: server };
        let client = postgres.first_connection().await?;
        client.batch_execute(TABLES).await?;
        postgres.version =
            format!("PostgreSQL {}", client.query_one("SHOW server_version", &[]).await?.get::<_, &str>(0));
        Ok(postgres)
    }

    /// The server accepts connections a moment after its start.
    async fn first_connection(&self) -> Result<Client> {
        let begun = now();
        loop {
            match connect(&self.config()).await {
                Ok(client) => return Ok(client),
                Err(error) if now().since(begun) > START => {
                    let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                    return Err(format!("PostgreSQL does not start: {error}\n{log}").into());
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    pub(crate) fn config(&self) -> String {
        format!("host={} user=faults dbname=postgres", self.folder.display())
    }

    pub(crate) async fn audit(&self) -> Result<Audit> {
        let client = connect(&self.config()).await?;
        let accepted: i64 = client.query_one("SELECT count(*) FROM audit", &[]).await?.get(0);
        let refused: i64 = client.query_one("SELECT count(*) FROM refused", &[]).await?.get(0);
        let rows = client.query(VIOLATIONS, &[]).await?;
        let violations = rows.iter().map(|row| {
            let (id, before, fence) = (row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, i64>(2));
            format!("the target has accepted token {fence} after {before} (row {id})")
        });
        let (accepted, refused) = (accepted.unsigned_abs(), refused.unsigned_abs());
        Ok(Audit { accepted, refused, violations: violations.collect() })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self._server.start_kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn command(programs: &Programs, name: &str) -> Command {
    let mut command = Command::new(programs.folder.join(name));
    if let Some((user, group)) = programs.user {
        command.uid(user).gid(group);
    }
    // A folder that this user may enter, and Ctrl-C is for us to handle.
    command.current_dir("/").process_group(0).stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn connect(config: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(config, NoTls).await?;
    // It ends with the client. Its errors come out of the client's requests.
    tokio::spawn(connection);
    Ok(client)
}

/// A connection of a candidate.
pub(crate) struct Access {
    client: Client,
    write: Statement,
}

impl Access {
    pub(crate) async fn open(config: &str) -> Result<Access> {
        let client = connect(config).await?;
        let write = client.prepare(WRITE).await?;
        Ok(Access { client, write })
    }

    pub(crate) async fn write(&self, token: u64) -> Result<bool> {
        let (token, at) = (i64::try_from(token)?, i64::try_from(now().as_nanos())?);
        Ok(self.client.execute(&self.write, &[&token, &at]).await? == 1)
    }
}
