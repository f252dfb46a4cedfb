//! The older `auth-provider`s of a kubeconfig (`oidc`, `gcp`), which kube implements.

use std::error::Error as StdError;
use std::future::{Ready, ready};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, header};
use kube::Client;
use kube::client::{AuthError, Body, ClientBuilder, ConfigExt};
use kube::config::Config;

use super::keeper::{CredentialSource, FetchedCredentials};
use super::secrets::Secrets;
use crate::elector::causes::find;
use crate::elector::error::ElectorError;
use crate::elector::text::{chain, shown};

/// kube keeps such tokens and does not say when they expire, so it is asked as often as this.
const AGAIN: Duration = Duration::from_secs(20);

pub(super) struct Provider {
    config: Config,
    name: String,
    secrets: Secrets,
    client: Option<Client>,
}

impl Provider {
    pub(super) fn new(config: &Config) -> Provider {
        let auth = &config.auth_info;
        let name = auth.auth_provider.as_ref().map_or(String::new(), |provider| provider.name.clone());
        Provider { config: config.clone(), name, secrets: Secrets::of(auth), client: None }
    }

    fn failed(&self, error: &(dyn StdError + 'static)) -> ElectorError {
        let reason = match find::<AuthError>(error) {
            // Its text contains the command with its arguments and its output.
            Some(AuthError::AuthExecRun { out, .. }) => format!("failed ({})", out.status),
            _ => format!("failed: {}", shown(&self.secrets.redact(&chain(error)))),
        };
        let remedy = "log in again, or replace `auth-provider` by a credential plugin (`exec`)".to_owned();
        ElectorError::Plugin { command: shown(&self.name).to_string(), reason, remedy }
    }

    /// A client with kube's own layer for credentials, around [`Mirror`].
    fn client(&mut self) -> Result<Client, ElectorError> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        // This asks the provider, and blocks this thread, which has nothing else to do.
        let layer = self.config.auth_layer().map_err(|error| self.failed(&error))?;
        let client = match layer {
            Some(layer) => ClientBuilder::new(Mirror, "").with_layer(&layer).build(),
            None => ClientBuilder::new(Mirror, "").build(),
        };
        Ok(self.client.insert(client).clone())
    }
}

impl CredentialSource for Provider {
    async fn fetch(&mut self) -> Result<FetchedCredentials, ElectorError> {
        let client = self.client()?;
        let shown = client.send(Request::new(Body::empty())).await.map_err(|error| self.failed(&error))?;
        let mut header = shown.headers().get(header::AUTHORIZATION).cloned();
        header.iter_mut().for_each(|header| header.set_sensitive(true));
        Ok(FetchedCredentials { header, again: Some(AGAIN), ..FetchedCredentials::default() })
    }

    fn hangs(&self, limit: Duration) -> ElectorError {
        let remedy = "check that the identity provider can be reached".to_owned();
        let reason = format!("did not answer within {limit:?}");
        ElectorError::Plugin { command: shown(&self.name).to_string(), reason, remedy }
    }
}

/// Answers a request with the `Authorization` header of that request.
#[derive(Clone)]
struct Mirror;

impl tower_service::Service<Request<Body>> for Mirror {
    type Response = Response<Body>;
    type Error = Box<dyn StdError + Send + Sync>;
    type Future = Ready<Result<Response<Body>, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut response = Response::new(Body::empty());
        let authorization = request.headers().get(header::AUTHORIZATION).cloned();
        authorization.map(|value| response.headers_mut().insert(header::AUTHORIZATION, value));
        ready(Ok(response))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use kube::config::AuthProviderConfig;

    use super::*;

    fn provider(name: &str, config: &[(&str, &str)]) -> Provider {
        let mut whole = Config::new("http://127.0.0.1:1".parse().unwrap());
        let config: HashMap<String, String> =
            config.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        whole.auth_info.auth_provider =
            Some(AuthProviderConfig { name: name.to_owned(), config, ..AuthProviderConfig::default() });
        Provider::new(&whole)
    }

    #[tokio::test]
    async fn kube_is_asked_for_the_token_of_a_provider() {
        let fresh = provider("oidc", &[("id-token", "a-token")]).fetch().await.unwrap();
        assert_eq!(fresh.header.unwrap(), "Bearer a-token");
        let Err(error) = provider("azure", &[]).fetch().await else { panic!("azure is known") };
        assert!(error.to_string().contains("`azure` failed"), "{error}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_failed_command_of_a_provider_shows_nothing_of_itself() {
        let command = [("cmd-path", "/bin/sh"), ("cmd-args", "CANARY-ARG"), ("secret", "CANARY-VALUE")];
        let Err(error) = provider("gcp", &command).fetch().await else { panic!("it ran") };
        let text = format!("{error} {error:?}");
        assert!(text.contains("`gcp` failed") && !text.contains("CANARY"), "{text}");
    }
}
