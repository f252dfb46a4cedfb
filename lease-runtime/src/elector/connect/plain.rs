//! Clients without credentials.

use kube::config::Config;

use super::proxy;
use crate::elector::error::ElectorError;
use crate::elector::multiplexed::Multiplexed;
use crate::elector::text::chain;
#[cfg(feature = "http2")]
use crate::elector::transport;

/// HTTP/2 if the server speaks it, which only TLS can tell. Through a proxy, HTTP/1.1 by kube's own client.
fn build(config: Config, multiplexed: &Multiplexed) -> kube::Result<kube::Client> {
    #[cfg(feature = "http2")]
    if config.cluster_url.scheme() == Some(&http::uri::Scheme::HTTPS) && config.proxy_url.is_none() {
        return transport::client(&config, multiplexed);
    }
    multiplexed.set(false);
    kube::Client::try_from(config)
}

/// A client for a configuration without credentials.
pub(super) fn plain_client(config: Config, multiplexed: &Multiplexed) -> Result<kube::Client, ElectorError> {
    match build(config, multiplexed) {
        Ok(client) => Ok(client),
        Err(error @ kube::Error::TlsRequired) => Err(ElectorError::Client {
            reason: chain(&error),
            remedy: "turn on lease-runtime's feature `rustls-ring`, or one of kube's TLS features",
        }),
        // Its text contains the password of the proxy.
        Err(
            kube::Error::ProxyProtocolDisabled { proxy_url, .. } | kube::Error::ProxyProtocolUnsupported { proxy_url },
        ) => Err(proxy::needs_feature(&proxy_url)),
        Err(error) => Err(ElectorError::Client {
            reason: chain(&error),
            remedy: "check the certificates, keys and credential plugins it names",
        }),
    }
}
