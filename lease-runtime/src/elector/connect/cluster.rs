//! A cluster and who we are to it.

use std::sync::{Arc, Mutex, PoisonError};

use kube::config::Config;

use super::credentials::Credentials;
use crate::clock::{Clock, SystemClock};
use crate::elector::error::ElectorError;

/// A cluster and who we are to it. A cheap handle: all clients of one share what is fetched.
#[derive(Clone)]
pub(crate) struct ClusterAccess(Arc<ClusterAccessInner>);

struct ClusterAccessInner {
    config: Config,
    clock: Arc<dyn Clock>,
    credentials: Mutex<Option<Credentials>>,
}

impl From<Config> for ClusterAccess {
    fn from(config: Config) -> ClusterAccess {
        // Credentials end by the calendar of this machine, whatever clock elections go by.
        ClusterAccess(Arc::new(ClusterAccessInner {
            config,
            clock: Arc::new(SystemClock),
            credentials: Mutex::default(),
        }))
    }
}

impl ClusterAccess {
    /// Who we are. The first call begins to fetch what has to be fetched.
    pub(super) fn credentials(&self) -> Result<Credentials, ElectorError> {
        let mut credentials = self.0.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        match &*credentials {
            Some(credentials) => Ok(credentials.clone()),
            None => {
                let new = Credentials::new(&self.0.config, self.clock())?;
                Ok(credentials.insert(new).clone())
            }
        }
    }

    /// The same cluster, whose credentials end by this clock.
    #[cfg(all(test, feature = "http2", feature = "embedded"))]
    pub(in crate::elector) fn on(cluster: ClusterAccess, clock: Arc<dyn Clock>) -> ClusterAccess {
        let config = cluster.0.config.clone();
        ClusterAccess(Arc::new(ClusterAccessInner { config, clock, credentials: Mutex::default() }))
    }

    /// Where it is.
    pub(in crate::elector) fn url(&self) -> String {
        self.0.config.cluster_url.to_string()
    }

    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock)
    }

    /// How it is reached.
    pub(super) fn config(&self) -> &Config {
        &self.0.config
    }
}
