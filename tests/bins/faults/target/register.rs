//! The target where there is no database: a number in this process, behind a socket. This process is never stopped.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::Audit;
use crate::error::Result;

/// The accepted tokens, in order.
#[derive(Default)]
struct Accepted {
    highest: u64,
    all: Vec<u64>,
    refused: u64,
}

pub(crate) struct Register {
    pub(crate) path: PathBuf,
    accepted: Arc<Mutex<Accepted>>,
}

impl Register {
    pub(crate) fn start(folder: &Path) -> Result<Register> {
        let path = folder.join("target");
        let listener = UnixListener::bind(&path)?;
        let accepted = Arc::<Mutex<Accepted>>::default();
        let own = accepted.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, own.clone()));
            }
        });
        Ok(Register { path, accepted })
    }

    pub(crate) fn audit(&self) -> Audit {
        let accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        let backwards = accepted.all.windows(2).filter(|pair| pair[1] < pair[0]);
        let violations = backwards.map(|pair| format!("the target has accepted token {} after {}", pair[1], pair[0]));
        Audit { accepted: accepted.all.len() as u64, refused: accepted.refused, violations: violations.collect() }
    }
}

/// One write for each connection: a body that is dropped leaves no answer to be taken for the next one's.
async fn answer(mut stream: UnixStream, accepted: Arc<Mutex<Accepted>>) {
    if let Ok(token) = stream.read_u64().await {
        let verdict = take(&mut accepted.lock().unwrap_or_else(PoisonError::into_inner), token);
        let _ = stream.write_u8(u8::from(verdict)).await;
    }
}

fn take(accepted: &mut Accepted, token: u64) -> bool {
    if token < accepted.highest {
        accepted.refused += 1;
        return false;
    }
    accepted.highest = token;
    accepted.all.push(token);
    true
}

pub(crate) async fn write(path: &Path, token: u64) -> Result<bool> {
    let mut stream = UnixStream::connect(path).await?;
    stream.write_u64(token).await?;
    Ok(stream.read_u8().await? == 1)
}
