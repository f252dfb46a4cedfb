//! A file that an earlier leader cannot replace any more, for replicas on one machine.
//!
//! ```sh
//! cargo run --example fenced_file                          # against the Lease API in this process
//! cargo run --example fenced_file -- --kubeconfig FILE     # against a cluster of your choice
//! cargo test --example fenced_file                         # why the lock is on a file of its own
//! ```
//!
//! The first line of the file is the highest fencing token. A leader locks `ledger.lock`, reads the token, and replaces `ledger` by
//! a new file, all under the lock. A leader is stopped while a write of it is on its way. The next leader *raises* its token in
//! the file, and writes. The first one continues, and its write is refused. The program ends by itself in under a minute. It
//! fails if a write was accepted after one with a higher token.
//!
//! It is for a local disk. On network file systems, locks may be missing, or end while their holder believes that it has them.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use lease_examples::harness::{Harness, Outcome, WorkLog, overlaps, stop_the_leader, write_until_end};
use lease_runtime::{Candidate, FencingToken, Term, leader_only, shutdown_signal};

// ---- the fenced file, to copy into a program

#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error("the file has seen token {highest}, and this is {sent}. This term is over: the body should return")]
    Fenced { sent: FencingToken, highest: FencingToken },
    #[error("{path}: the first line is not a fencing token. Restore the file, or remove it")]
    Malformed { path: String },
    #[error("cannot write the file: {0}")]
    Io(#[from] io::Error),
}

/// A file whose check has passed. No other leader checks or writes it before this is dropped. The kernel releases the lock of a
/// leader that is killed. One that is stopped makes the next one wait.
struct Fenced {
    path: PathBuf,
    token: FencingToken,
    /// Everything after the first line.
    text: String,
    /// Of `NAME.lock`, which is never replaced. A lock on the file itself would be a lock on the old one.
    _lock: File,
}

impl Fenced {
    /// Waits for the lock, and checks the token. It blocks the thread.
    fn open(path: &Path, token: FencingToken) -> Result<Fenced, WriteError> {
        let lock = OpenOptions::new().append(true).create(true).open(path.with_extension("lock"))?;
        lock.lock()?;
        let (seen, text) = read(path)?;
        if let Some(highest) = seen.filter(|seen| *seen > token) {
            return Err(WriteError::Fenced { sent: token, highest });
        }
        Ok(Fenced { path: path.to_owned(), token, text, _lock: lock })
    }

    /// Replaces the file. After a crash, it is the old one or the new one.
    fn replace(self, text: &str) -> Result<(), WriteError> {
        let new = self.path.with_extension("new");
        let mut file = File::create(&new)?;
        write!(file, "{}\n{text}", self.token)?;
        file.sync_all()?;
        std::fs::rename(&new, &self.path)?;
        // The rename, too, is to outlive a crash of the machine.
        File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(())
    }

    /// Writes the token and leaves the rest as it is. When it returns, no write of an earlier term has an effect any more.
    fn raise(path: &Path, token: FencingToken) -> Result<(), WriteError> {
        let mut file = Fenced::open(path, token)?;
        let text = std::mem::take(&mut file.text);
        file.replace(&text)
    }
}

/// The highest token and the text. Neither before the first write.
fn read(path: &Path) -> Result<(Option<FencingToken>, String), WriteError> {
    let all = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok((None, String::new())),
        all => all?,
    };
    let (token, text) = all.split_once('\n').unwrap_or((&all, ""));
    let token = token.parse().map_err(|_| WriteError::Malformed { path: path.display().to_string() })?;
    Ok((Some(token), text.to_owned()))
}

// ---- the work: each line of the ledger is the token of its term

fn book(path: &Path, token: FencingToken) -> Result<(), WriteError> {
    let mut file = Fenced::open(path, token)?;
    let text = std::mem::take(&mut file.text);
    file.replace(&format!("{text}{token}\n"))
}

/// Runs what blocks on a thread for that. It may end after the term: so the file compares tokens.
async fn blocking(
    write: fn(&Path, FencingToken) -> Result<(), WriteError>,
    path: PathBuf,
    token: FencingToken,
) -> Result<(), WriteError> {
    tokio::task::spawn_blocking(move || write(&path, token)).await.map_err(io::Error::other)?
}

#[leader_only(lease = "fenced-file", lease_duration = "3s")]
async fn bookings(term: Term, path: PathBuf, log: WorkLog) -> Result<(), WriteError> {
    let token = term.fencing_token();
    blocking(Fenced::raise, path.clone(), token).await?; // Before the term reads what it decides on.
    write_until_end(&term, &log, || blocking(book, path.clone(), token)).await
}

// ---- the scenario

const FILE: &str = "LEDGER";

/// One replica.
async fn replica(log: WorkLog) -> Outcome<()> {
    let path = PathBuf::from(std::env::var(FILE)?);
    let candidate = Candidate::from_env().await?;
    candidate.add(bookings(path, log));
    Ok(candidate.run_until(shutdown_signal()).await?)
}

#[tokio::main]
async fn main() -> Outcome<()> {
    if let Some(log) = WorkLog::of_this_replica()? {
        return replica(log).await;
    }
    let mut harness = Harness::open("fenced-file").await?;
    let path = harness.folder().join("ledger");
    harness.give(FILE, path.display().to_string());

    let why = stop_the_leader(&mut harness, ["replica-1", "replica-2"]).await?;
    if !why.starts_with("the file has seen token") {
        return Err(format!("the late write has failed for another reason: {why}").into());
    }
    harness.close().await?;

    let tokens = tokens(&read(&path)?.1)?;
    println!("{} writes", tokens.len());
    let (terms, overlaps) = overlaps(harness.log()?);
    println!("{terms} terms");
    println!("overlaps: {overlaps}");
    if tokens.is_sorted() && overlaps == 0 { Ok(()) } else { Err("the fence has a hole".into()) }
}

fn tokens(text: &str) -> Outcome<Vec<FencingToken>> {
    text.lines().map(|token| Ok(token.parse()?)).collect()
}

// ---- the tests

#[cfg(test)]
mod tests {
    use std::fs::TryLockError;

    use super::*;

    const OLD: FencingToken = FencingToken::new(999);
    const NEW: FencingToken = FencingToken::new(1000);

    /// A folder of a test, which is removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Folder {
            let folder = std::env::temp_dir().join(format!("lease-file-{:016x}", fastrand::u64(..)));
            std::fs::create_dir(&folder).unwrap();
            Folder(folder)
        }

        fn ledger(&self) -> PathBuf {
            self.0.join("ledger")
        }

        fn tokens(&self) -> Vec<FencingToken> {
            tokens(&read(&self.ledger()).unwrap().1).unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_late_write_is_refused() {
        let folder = Folder::new();
        let path = folder.ledger();
        book(&path, OLD).unwrap();
        Fenced::raise(&path, NEW).unwrap();
        for late in [book(&path, OLD), Fenced::raise(&path, OLD)] {
            assert!(matches!(late, Err(WriteError::Fenced { sent: OLD, highest: NEW })), "{late:?}");
        }
        book(&path, NEW).unwrap();
        assert_eq!(folder.tokens(), [OLD, NEW]);
    }

    /// The old leader is stopped between the check and the effect. A raise waits: it takes the same lock.
    #[test]
    fn a_raise_waits_for_a_write_whose_check_has_passed() {
        let folder = Folder::new();
        let path = folder.ledger();
        let old = Fenced::open(&path, OLD).unwrap();
        let lock = File::open(path.with_extension("lock")).unwrap();
        assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
        old.replace(&format!("{OLD}\n")).unwrap();
        Fenced::raise(&path, NEW).unwrap();
        assert_eq!(folder.tokens(), [OLD], "the raise keeps what was written before it");
    }

    /// A mutant: the lock is released between the check and the effect. The write of the next leader is lost.
    #[test]
    fn a_check_before_the_lock_is_no_fence() {
        let folder = Folder::new();
        let path = folder.ledger();
        let old = Fenced::open(&path, OLD).unwrap();
        old._lock.unlock().unwrap();
        book(&path, NEW).unwrap();
        old.replace(&format!("{OLD}\n")).unwrap();
        assert_eq!((read(&path).unwrap().0, folder.tokens()), (Some(OLD), vec![OLD]));
    }

    /// A mutant: the lock is on the file itself. The old leader gets the lock of a file that is replaced meanwhile.
    #[test]
    fn a_lock_on_a_file_that_is_replaced_excludes_nobody() {
        let folder = Folder::new();
        let path = folder.ledger();
        book(&path, OLD).unwrap();
        let old = File::open(&path).unwrap();
        Fenced::raise(&path, NEW).unwrap();
        let new = File::open(&path).unwrap();
        new.try_lock().unwrap();
        old.try_lock().expect("it is another file, although the name is the same");
    }

    #[test]
    fn a_file_without_a_token_is_not_overwritten() {
        let folder = Folder::new();
        let path = folder.ledger();
        for text in ["", "ledger\n", "-1\n"] {
            std::fs::write(&path, text).unwrap();
            let refused = book(&path, NEW);
            assert!(matches!(refused, Err(WriteError::Malformed { .. })), "{refused:?}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
