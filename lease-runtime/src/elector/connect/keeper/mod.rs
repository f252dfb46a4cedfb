//! Fetches credentials and renews them before they expire, one fetch at a time, on a thread of its own.
//!
//! No request waits for a renewal, and no request causes one. A renewal that takes long or hangs does not delay a runtime or
//! the end of the process. The thread ends when the last handle on the credentials is dropped.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use http::HeaderValue;
use k8s_openapi::ByteString;
use kube::config::AuthInfo;
use tokio::sync::{Notify, watch};
use tracing::Level;

use crate::clock::{Clock, WallTime};
use crate::elector::error::ElectorError;
use crate::elector::log_thread::{LogThread, say};

/// The longest fetch. Some wait for a person at a browser.
const LONGEST: Duration = Duration::from_secs(120);
/// Credentials are renewed this long before they expire. If they are valid for a short time only, in its second half.
const AHEAD: Duration = Duration::from_secs(60);
/// The shortest time between two fetches, unless the first has failed.
const LEAST: Duration = Duration::from_secs(10);
/// The pause after the first failure. It doubles with each failure after that.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The longest sleep. A timer stands still while the machine is suspended, so the clock is read at least this often.
const SLICE: Duration = Duration::from_secs(20);

/// Credentials that were fetched.
#[derive(Clone, Default)]
pub(super) struct FetchedCredentials {
    /// The value of `Authorization`.
    pub(super) header: Option<HeaderValue>,
    pub(super) identity: Option<Identity>,
    /// When they expire, if that is known.
    pub(super) until: Option<WallTime>,
    /// When to fetch again, if their expiry is not known.
    pub(super) again: Option<Duration>,
}

/// A client certificate and its key, in PEM. It has no `Debug`, because the key is secret.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
}

impl Identity {
    /// Puts them into the place of those of a kubeconfig.
    pub(super) fn put_into(&self, auth: &mut AuthInfo) {
        auth.client_certificate_data = Some(base64(&self.certificate));
        auth.client_key_data = Some(base64(&self.key).into());
    }
}

/// The encoding that a kubeconfig uses for the contents of files.
pub(super) fn base64(bytes: &[u8]) -> String {
    let encoded = serde_json::to_value(ByteString(bytes.to_vec())).unwrap_or_default();
    encoded.as_str().unwrap_or_default().to_owned()
}

/// A source of credentials.
pub(super) trait CredentialSource: Send + 'static {
    /// Fetches credentials. Dropping the future cancels the fetch.
    fn fetch(&mut self) -> impl Future<Output = Result<FetchedCredentials, ElectorError>>;

    /// The error for a fetch that took too long and was cancelled.
    fn hangs(&self, limit: Duration) -> ElectorError;
}

/// The current credentials.
#[derive(Default)]
pub(super) struct CredentialState {
    /// The last ones that were fetched. They may have expired.
    pub(super) held: Option<FetchedCredentials>,
    /// Why the last fetch has failed, if it has.
    pub(super) failure: Option<ElectorError>,
}

/// Starts the thread.
pub(super) fn start(
    source: impl CredentialSource,
    clock: Arc<dyn Clock>,
) -> Result<(watch::Receiver<CredentialState>, Arc<Notify>), ElectorError> {
    let (state, receiver) = watch::channel(CredentialState::default());
    let refused = Arc::new(Notify::new());
    let hears = Arc::clone(&refused);
    // A log that blocks must not delay the renewal of credentials.
    let log_thread = LogThread::start().map_err(|source| ElectorError::Thread { cause: source })?;
    let body = move || {
        log_thread.log_for_this_thread();
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(keep(source, state, &hears, &*clock)),
            Err(source) => state.send_modify(|state| state.failure = Some(ElectorError::Thread { cause: source })),
        }
    };
    let thread = std::thread::Builder::new().name("lease-credential".to_owned()).spawn(body);
    thread.map_err(|source| ElectorError::Thread { cause: source })?;
    Ok((receiver, refused))
}

/// Fetches and renews until all receivers are gone. `refused` is notified when the API server does not accept the credentials.
pub(super) async fn keep(
    mut source: impl CredentialSource,
    state: watch::Sender<CredentialState>,
    refused: &Notify,
    clock: &dyn Clock,
) {
    let mut failures = 0;
    loop {
        let fetched = tokio::select! {
            biased;
            () = state.closed() => return,
            fetched = tokio::time::timeout(LONGEST, source.fetch()) => fetched,
        };
        let wall = clock.wall();
        match fetched.unwrap_or_else(|_| Err(source.hangs(LONGEST))) {
            Ok(mut fresh) => {
                let pause = renew_after(&mut fresh, wall);
                state.send_modify(|state| *state = CredentialState { held: Some(fresh), failure: None });
                say_over(std::mem::take(&mut failures));
                // A refusal that came before concerned the old credentials.
                let _ = refused.notified().now_or_never();
                tokio::select! {
                    biased;
                    () = state.closed() => return,
                    () = sleep(pause, clock) => {}
                    () = async { sleep(LEAST, clock).await; refused.notified().await; } => {}
                }
            }
            Err(failure) => {
                failures += 1;
                let error = failure.to_string();
                state.send_modify(|state| state.failure = Some(failure));
                if failures == 1 && state.borrow().held.is_some() {
                    say_failed(error);
                }
                tokio::select! {
                    biased;
                    () = state.closed() => return,
                    () = sleep(pause(failures), clock) => {}
                }
            }
        }
    }
}

fn say_failed(error: String) {
    say(Level::WARN, move || {
        tracing::warn!(target: "lease_runtime", error, "the credentials cannot be renewed: the current ones are used until they expire");
    });
}

fn say_over(failures: u32) {
    if failures > 0 {
        say(Level::INFO, || tracing::info!(target: "lease_runtime", "the credentials are renewed again"));
    }
}

/// How long to wait before they are renewed.
fn renew_after(fresh: &mut FetchedCredentials, now: WallTime) -> Duration {
    let Some(until) = fresh.until else { return fresh.again.unwrap_or(Duration::MAX) };
    let left = Duration::from_micros(u64::try_from(until.0.saturating_sub(now.0)).unwrap_or(0));
    if left.is_zero() {
        // They are new and have expired already, so one of two clocks is wrong. The API server decides whether they are valid.
        fresh.until = None;
        return LONGEST_PAUSE;
    }
    let ahead = (left / 4).max(AHEAD).min(left / 2);
    (left - ahead).max(LEAST)
}

fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << (failures - 1).min(10)).min(LONGEST_PAUSE)
}

/// Sleeps by the clock, which also counts the time while the machine is suspended.
async fn sleep(duration: Duration, clock: &dyn Clock) {
    let end = clock.now() + duration;
    loop {
        let left = end.after(clock.now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(SLICE)).await;
    }
}

#[cfg(all(test, feature = "embedded"))]
mod tests;
