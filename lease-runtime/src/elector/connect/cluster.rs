//! A cluster and the credentials for it.

use std::sync::{Arc, Mutex, PoisonError};

use kube::config::Config;

use super::credentials::Credentials;
use crate::clock::{Clock, SystemClock};
use crate::elector::error::ElectorError;

/// A cluster and the credentials for it. A cheap handle: all clients share what was fetched.
#[derive(Clone)]
pub(crate) struct ClusterAccess(Arc<ClusterAccessInner>);

struct ClusterAccessInner {
    config: Config,
    clock: Arc<dyn Clock>,
    credentials: Mutex<Option<Credentials>>,
}

impl From<Config> for ClusterAccess {
    fn from(config: Config) -> ClusterAccess {
        // Credentials expire by the calendar of this machine, whatever clock the elections use.
        ClusterAccess(Arc::new(ClusterAccessInner {
            config,
            clock: Arc::new(SystemClock),
            credentials: Mutex::default(),
        }))
    }
}

impl ClusterAccess {
    /// The credentials. The first call starts to fetch them, if they have to be fetched.
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

    /// The same cluster, whose credentials expire by this clock.
    #[cfg(all(test, feature = "http2", feature = "embedded"))]
    pub(in crate::elector) fn on(cluster: ClusterAccess, clock: Arc<dyn Clock>) -> ClusterAccess {
        let config = cluster.0.config.clone();
        ClusterAccess(Arc::new(ClusterAccessInner { config, clock, credentials: Mutex::default() }))
    }

    /// The address of the cluster.
    pub(in crate::elector) fn url(&self) -> String {
        self.0.config.cluster_url.to_string()
    }

    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock)
    }

    /// The configuration of connections to it.
    pub(super) fn config(&self) -> &Config {
        &self.0.config
    }
}
