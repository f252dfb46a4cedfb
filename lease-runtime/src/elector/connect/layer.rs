//! kube's client, with credentials and certificates that are renewed.

use std::pin::Pin;
use std::sync::Arc;
#[cfg(feature = "http2")]
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use http::{Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use kube::config::Config;

use super::cluster::ClusterAccess;
use super::credentials::{Credentials, without_header};
use super::plain::plain_client;
#[cfg(feature = "http2")]
use super::tls::{Built, Tls};
use crate::elector::error::ElectorError;
use crate::elector::multiplexed::Multiplexed;
use crate::elector::passed_body::{PassedBody, passed};

/// A client that sends each request with the current credentials, over connections with the current certificates.
pub(super) struct Renewing(Arc<RenewingInner>);

/// Certificates, and the client that uses them.
#[cfg(feature = "http2")]
type Dressed = (Arc<Built>, Client);

struct RenewingInner {
    credentials: Credentials,
    #[cfg(feature = "http2")]
    multiplexed: Multiplexed,
    #[cfg(feature = "http2")]
    tls: Option<(Tls, Mutex<Dressed>)>,
    /// Used if there is nothing to renew.
    plain: Option<Client>,
}

impl Renewing {
    /// Call it on the runtime that runs the client.
    pub(super) fn new(
        cluster: &ClusterAccess,
        config: &Config,
        multiplexed: &Multiplexed,
    ) -> Result<Renewing, ElectorError> {
        let credentials = cluster.credentials()?;
        #[cfg(feature = "http2")]
        if config.cluster_url.scheme() == Some(&http::uri::Scheme::HTTPS) {
            let tls = Tls::new(config, credentials.clone(), cluster.clock());
            let built = tls.built()?;
            let client = plain_client(built.config.clone(), multiplexed)?;
            let tls = Some((tls, Mutex::new((built, client))));
            let multiplexed = multiplexed.clone();
            return Ok(Renewing(Arc::new(RenewingInner { credentials, multiplexed, tls, plain: None })));
        }
        let mut config = config.clone();
        config.auth_info = without_header(&config.auth_info);
        // Without our own TLS, the certificate stays the same until a restart.
        credentials.identity().iter().for_each(|identity| identity.put_into(&mut config.auth_info));
        let inner = RenewingInner {
            credentials,
            #[cfg(feature = "http2")]
            multiplexed: multiplexed.clone(),
            #[cfg(feature = "http2")]
            tls: None,
            plain: Some(plain_client(config, multiplexed)?),
        };
        Ok(Renewing(Arc::new(inner)))
    }
}

impl RenewingInner {
    #[cfg(feature = "http2")]
    fn client(&self) -> Result<Client, ElectorError> {
        let Some((tls, now)) = &self.tls else { return self.plain() };
        let built = tls.built()?;
        let mut now = now.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&now.0, &built) {
            // The connections of the old client end when the requests on them have ended.
            let client = plain_client(built.config.clone(), &self.multiplexed)?;
            *now = (built, client);
        }
        Ok(now.1.clone())
    }

    #[cfg(not(feature = "http2"))]
    fn client(&self) -> Result<Client, ElectorError> {
        self.plain()
    }

    fn plain(&self) -> Result<Client, ElectorError> {
        let none = || ElectorError::Ended { reason: "there is no client".to_owned() };
        self.plain.clone().ok_or_else(none)
    }

    fn ended(&self, ended: Result<Response<Body>, kube::Error>) -> Result<Response<Body>, kube::Error> {
        if ended.as_ref().is_ok_and(|response| response.status() == StatusCode::UNAUTHORIZED) {
            self.credentials.refused();
        }
        #[cfg(feature = "http2")]
        if let Some((tls, _)) = &self.tls {
            match &ended {
                Ok(_) => tls.served(),
                Err(error) => drop(tls.failed(error)),
            }
        }
        ended
    }
}

impl tower_service::Service<Request<Body>> for Renewing {
    type Response = Response<PassedBody>;
    /// kube unwraps its own errors, so that the errors of the inner client arrive unchanged.
    type Error = kube::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<PassedBody>, kube::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), kube::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let own = |error| kube::Error::Service(Box::new(error));
            inner.credentials.authorize(&mut request).await.map_err(own)?;
            let client = inner.client().map_err(own)?;
            let ended = client.send(request).await;
            Ok(inner.ended(ended)?.map(passed))
        })
    }
}
