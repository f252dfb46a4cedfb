//! The credentials of requests: the value of their `Authorization` header.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderValue, Request, header};
use kube::config::{AuthInfo, Config};
use tokio::sync::{Notify, watch};

use super::exec::{Plugin, bearer};
use super::keeper::{self, CredentialState, Identity};
use super::provider::Provider;
use crate::clock::{Clock, Moment};
use crate::elector::error::ElectorError;

/// How long the content of a token file is used before the file is read again.
const FILE_AGE: Duration = Duration::from_secs(5);

/// Credentials of all requests of a connection. A cheap handle: all clones share what was fetched.
///
/// Credentials that have to be fetched are renewed by a thread of their own, until the last clone is dropped.
#[derive(Clone)]
pub(in crate::elector) struct Credentials {
    kind: Arc<CredentialKind>,
    clock: Arc<dyn Clock>,
}

enum CredentialKind {
    /// No credentials, or a client certificate of the configuration.
    Bare,
    Fixed(HeaderValue),
    File(TokenFile),
    Fetched {
        state: watch::Receiver<CredentialState>,
        refused: Arc<Notify>,
    },
}

impl Credentials {
    /// The credentials of a configuration, in kube's order of precedence.
    ///
    /// # Errors
    ///
    /// If a header cannot contain them, if a token file cannot be read, or if no thread can be started.
    pub(in crate::elector) fn new(config: &Config, clock: Arc<dyn Clock>) -> Result<Credentials, ElectorError> {
        let kind = kind(config, &clock)?;
        Ok(Credentials { kind: Arc::new(kind), clock })
    }

    /// Waits for the first credentials. Cancel safe: if all handles are dropped meanwhile, the fetch is cancelled.
    ///
    /// # Errors
    ///
    /// Why they could not be fetched.
    pub(in crate::elector) async fn ready(&self) -> Result<(), ElectorError> {
        self.header().await.map(drop)
    }

    /// Puts the `Authorization` header on a request, if there is one. Waits only if there are no valid credentials and a fetch is
    /// running. It never waits for a renewal. Cancel safe.
    ///
    /// # Errors
    ///
    /// If there are no valid credentials, why the last fetch has failed.
    pub(in crate::elector) async fn authorize<B>(&self, request: &mut Request<B>) -> Result<(), ElectorError> {
        if let Some(value) = self.header().await? {
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        Ok(())
    }

    /// The API server does not accept them (401): they are fetched or read again soon, even if they have not expired.
    pub(in crate::elector) fn refused(&self) {
        match &*self.kind {
            CredentialKind::File(file) => file.read().looked = None,
            CredentialKind::Fetched { refused, .. } => refused.notify_one(),
            CredentialKind::Bare | CredentialKind::Fixed(_) => {}
        }
    }

    /// The client certificate that a plugin has returned, if it has.
    pub(super) fn identity(&self) -> Option<Identity> {
        match &*self.kind {
            CredentialKind::Fetched { state, .. } => state.borrow().held.as_ref()?.identity.clone(),
            _ => None,
        }
    }

    async fn header(&self) -> Result<Option<HeaderValue>, ElectorError> {
        match &*self.kind {
            CredentialKind::Bare => Ok(None),
            CredentialKind::Fixed(value) => Ok(Some(value.clone())),
            CredentialKind::File(file) => Ok(Some(file.header(self.clock.now()))),
            CredentialKind::Fetched { state, .. } => self.fetched(state.clone()).await,
        }
    }

    async fn fetched(&self, mut state: watch::Receiver<CredentialState>) -> Result<Option<HeaderValue>, ElectorError> {
        loop {
            {
                let state = state.borrow_and_update();
                if let Some(held) = &state.held
                    && held.until.is_none_or(|until| self.clock.wall() < until)
                {
                    return Ok(held.header.clone());
                }
                if let Some(failure) = &state.failure {
                    return Err(failure.again());
                }
            }
            if state.changed().await.is_err() {
                let reason = "the thread that fetches its credentials has ended".to_owned();
                return Err(ElectorError::Ended { reason });
            }
        }
    }
}

fn kind(config: &Config, clock: &Arc<dyn Clock>) -> Result<CredentialKind, ElectorError> {
    let auth = &config.auth_info;
    let unusable = |what: &str| ElectorError::Client {
        reason: format!("the {what} of the configuration cannot be sent in a header"),
        remedy: "remove line breaks and control characters from it",
    };
    let fetched = |(state, refused)| CredentialKind::Fetched { state, refused };
    if auth.auth_provider.is_some() {
        return keeper::start(Provider::new(config), Arc::clone(clock)).map(fetched);
    }
    // This is the text of kube's secret fields, as a kubeconfig contains it.
    let fields = serde_json::to_value(auth).unwrap_or_default();
    let text = |name: &str| fields[name].as_str();
    if let (Some(user), Some(password)) = (&auth.username, text("password")) {
        return basic(user, password).map(CredentialKind::Fixed).ok_or_else(|| unusable("user name or password"));
    }
    if let Some(token) = text("token") {
        return bearer(token.trim()).map(CredentialKind::Fixed).ok_or_else(|| unusable("token"));
    }
    if let Some(path) = &auth.token_file {
        return TokenFile::open(Path::new(path), clock.now()).map(CredentialKind::File);
    }
    match &auth.exec {
        Some(exec) => keeper::start(Plugin::new(exec, auth), Arc::clone(clock)).map(fetched),
        None => Ok(CredentialKind::Bare),
    }
}

/// A user and password, encoded as RFC 7617 demands.
fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    let encoded = keeper::base64(format!("{user}:{password}").as_bytes());
    let mut header = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// A file with a token that another program renews. For a service account, this is the kubelet.
struct TokenFile {
    path: PathBuf,
    read: Mutex<Read>,
}

struct Read {
    header: HeaderValue,
    looked: Option<Moment>,
}

impl TokenFile {
    fn open(path: &Path, now: Moment) -> Result<TokenFile, ElectorError> {
        let header = token_in(path).map_err(|what| ElectorError::Client {
            reason: format!("the token file `{}` {what}", path.display()),
            remedy: "mount or write a token there; it is read again when it changes",
        })?;
        Ok(TokenFile { path: path.to_owned(), read: Mutex::new(Read { header, looked: Some(now) }) })
    }

    /// The content of the file, or its last content: some files are removed once a process has read them.
    fn header(&self, now: Moment) -> HeaderValue {
        let mut read = self.read();
        if read.looked.is_none_or(|at| now.since(at) >= FILE_AGE) {
            read.looked = Some(now);
            if let Ok(header) = token_in(&self.path) {
                read.header = header;
            }
        }
        read.header.clone()
    }

    fn read(&self) -> MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn token_in(path: &Path) -> Result<HeaderValue, String> {
    let token = std::fs::read_to_string(path).map_err(|error| format!("cannot be read ({error})"))?;
    if token.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    bearer(token.trim()).ok_or_else(|| "has a token that a header cannot contain".to_owned())
}

/// What of a user does not go into the header: the user to act as, and a client certificate.
pub(super) fn without_header(auth: &AuthInfo) -> AuthInfo {
    let mut rest = auth.clone();
    (rest.username, rest.password) = (None, None);
    (rest.token, rest.token_file) = (None, None);
    (rest.auth_provider, rest.exec) = (None, None);
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{TokioClock, WallTime};

    fn clock() -> Arc<dyn Clock> {
        Arc::new(TokioClock::starting_at(WallTime(1_700_000_000_000_000)))
    }

    async fn sent(credentials: &Credentials) -> String {
        let mut request = Request::new(());
        credentials.authorize(&mut request).await.unwrap();
        let value = request.headers().get(header::AUTHORIZATION);
        assert!(value.is_none_or(HeaderValue::is_sensitive));
        value.map_or("none", |value| value.to_str().unwrap()).to_owned()
    }

    fn config(auth: AuthInfo) -> Config {
        let mut config = Config::new("http://127.0.0.1:1".parse().unwrap());
        config.auth_info = auth;
        config
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_configured_is_sent() {
        let token = || AuthInfo { token: Some("t0ken\n".to_owned().into()), ..AuthInfo::default() };
        let (username, password) = (Some("alice".to_owned()), Some("pa:ss".to_owned().into()));
        for (auth, want) in [
            (AuthInfo::default(), "none"),
            (token(), "Bearer t0ken"),
            (AuthInfo { username, password, ..token() }, "Basic YWxpY2U6cGE6c3M="),
        ] {
            assert_eq!(sent(&Credentials::new(&config(auth), clock()).unwrap()).await, want);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_file_that_is_renewed_is_read_again() {
        let path = std::env::temp_dir().join(format!("lease-runtime-token-{}", std::process::id()));
        let auth = AuthInfo { token_file: Some(path.display().to_string()), ..AuthInfo::default() };
        let Err(missing) = Credentials::new(&config(auth.clone()), clock()) else { panic!("read nothing") };
        assert!(missing.to_string().contains(&path.display().to_string()), "{missing}");
        std::fs::write(&path, "first\n").unwrap();
        let credentials = Credentials::new(&config(auth), clock()).unwrap();
        assert_eq!(sent(&credentials).await, "Bearer first");
        std::fs::write(&path, "second").unwrap();
        tokio::time::advance(FILE_AGE).await;
        assert_eq!(sent(&credentials).await, "Bearer second");
        // At once, because the API server does not accept the old one any more.
        std::fs::write(&path, "third").unwrap();
        credentials.refused();
        assert_eq!(sent(&credentials).await, "Bearer third");
        // If the file is gone or half written, the last token stays in use.
        for content in [Some(""), Some("a\nb"), None] {
            content.map_or_else(|| std::fs::remove_file(&path).unwrap(), |text| std::fs::write(&path, text).unwrap());
            credentials.refused();
            assert_eq!(sent(&credentials).await, "Bearer third");
        }
    }
}
