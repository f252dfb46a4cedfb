//! A Redis or Valkey server of an example, on a socket in a folder of its own.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lease_runtime::clock::{Clock, SystemClock};
use redis::Client;

use super::Outcome;

/// How long the server may take to start.
const START: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The server. It is killed, and its data removed, when this is dropped.
#[derive(Debug)]
pub struct Redis {
    folder: PathBuf,
    server: Child,
}

impl Redis {
    /// What to say where no server is installed.
    pub const ABSENT: &str = "not run: Redis is not installed. On Debian and Ubuntu: apt-get install redis-server";

    /// Starts a server. `None` if the `PATH` has no Valkey and no Redis.
    ///
    /// # Errors
    ///
    /// If the server does not start, with its log.
    pub async fn start() -> Outcome<Option<Redis>> {
        let folder = std::env::temp_dir().join(format!("lease-redis-{:08x}", fastrand::u32(..)));
        DirBuilder::new().mode(0o700).create(&folder)?;
        let Some(server) = spawn(&folder)? else {
            std::fs::remove_dir(&folder)?;
            return Ok(None);
        };
        let redis = Redis { folder, server };
        let client = Client::open(redis.url())?;
        let begun = SystemClock.now();
        while let Err(error) = client.get_connection() {
            if SystemClock.now().since(begun) > START {
                let log = std::fs::read_to_string(redis.folder.join("log")).unwrap_or_default();
                return Err(format!("Redis does not start: {error}\n{log}").into());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(Some(redis))
    }

    /// The address of the server, for [`Client`].
    pub fn url(&self) -> String {
        format!("unix://{}", self.folder.join("socket").display())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // What cannot be removed remains in the folder for temporary files.
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Starts the first of the two programs that is there. It listens on no port.
fn spawn(folder: &Path) -> Outcome<Option<Child>> {
    for program in ["valkey-server", "redis-server"] {
        let mut server = Command::new(program);
        server.args(["--port", "0", "--save", "", "--logfile", "log", "--unixsocket", "socket", "--dir"]).arg(folder);
        match server.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).spawn() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            server => return Ok(Some(server?)),
        }
    }
    Ok(None)
}
