//! TLS to the API server, with certificates that are read again when their files change.
//!
//! Certificates are renewed on disk: a pod's CA bundle by the kubelet, a client certificate by kubeadm or cert-manager. A
//! connection that is opened afterwards uses the new ones.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::client::ConfigExt;
use kube::config::Config;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{AlertDescription, CertificateError, ClientConfig};
use tracing::Level;

use super::credentials::{Credentials, without_header};
use super::keeper::{Identity, base64};
use crate::clock::{Clock, Moment};
use crate::elector::causes::find;
use crate::elector::error::ElectorError;
use crate::elector::log_thread::say;
use crate::elector::text::chain;

/// How long the content of the files is used before they are read again.
const AGE: Duration = Duration::from_secs(1);
/// The pause after the first handshake that failed because of a certificate. It doubles with each failure after that.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The TLS side of a connection.
pub(in crate::elector) struct Tls {
    config: Config,
    files: CertificateFiles,
    credentials: Credentials,
    clock: Arc<dyn Clock>,
    now: Mutex<Now>,
}

#[derive(Default)]
struct CertificateFiles {
    authority: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// The content of the files, and of the plugin. It has no `Debug`, because keys are secret.
#[derive(Clone, Default, PartialEq, Eq)]
struct TlsMaterial {
    authority: Option<Vec<u8>>,
    certificate: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
    of_plugin: Option<Identity>,
}

/// The TLS configuration for one version of the certificates.
pub(super) struct Built {
    #[allow(dead_code, reason = "see `Tls::current`")]
    pub(super) rustls: Arc<ClientConfig>,
    /// The same for kube, with the content of the files.
    pub(super) config: Config,
}

#[derive(Default)]
struct Now {
    material: TlsMaterial,
    looked: Option<Moment>,
    built: Option<Arc<Built>>,
    /// Why the last handshake with these certificates has failed, and how many have in a row.
    failed: Option<Failed>,
}

struct Failed {
    count: u32,
    until: Moment,
    error: ElectorError,
}

impl Tls {
    pub(in crate::elector) fn new(config: &Config, credentials: Credentials, clock: Arc<dyn Clock>) -> Tls {
        let path = |file: &Option<String>, data: bool| file.as_ref().filter(|_| !data).map(PathBuf::from);
        let auth = &config.auth_info;
        let files = CertificateFiles {
            authority: config.root_cert_file.clone(),
            certificate: path(&auth.client_certificate, auth.client_certificate_data.is_some()),
            key: path(&auth.client_key, auth.client_key_data.is_some()),
        };
        let mut config = config.clone();
        config.auth_info = without_header(&config.auth_info);
        config.root_cert_file = None;
        Tls { config, files, credentials, clock, now: Mutex::default() }
    }

    /// The configuration for a new connection. As long as nothing has changed, it is the same `Arc`. If it is not the `Arc` of an
    /// open connection, that connection should be replaced, because its certificates may expire soon.
    ///
    /// # Errors
    ///
    /// If the certificates cannot be used. After a handshake that failed because of a certificate (see [`failed`](Self::failed)), it
    /// returns the reason for a pause that grows with each failure, or until a certificate changes.
    #[allow(dead_code, reason = "for connections that are opened without kube's client")]
    pub(in crate::elector) fn current(&self) -> Result<Arc<ClientConfig>, ElectorError> {
        self.built().map(|built| Arc::clone(&built.rustls))
    }

    /// A connection could not be made, or broke. If a certificate is the reason, this returns what is wrong with it, and no other
    /// connection is tried for a while.
    pub(in crate::elector) fn failed(&self, error: &(dyn StdError + 'static)) -> Option<ElectorError> {
        let error = certificate_error(error)?;
        let mut now = self.now();
        let at = self.clock.now();
        // Several connections may have been opened at once. They count as one failure.
        if now.failed.as_ref().is_none_or(|failed| at >= failed.until) {
            let count = now.failed.as_ref().map_or(0, |failed| failed.count) + 1;
            let pause = FIRST_PAUSE.saturating_mul(1 << (count - 1).min(10)).min(LONGEST_PAUSE);
            now.failed = Some(Failed { count, until: at + pause, error: error.again() });
        }
        Some(error)
    }

    /// A request succeeded, so the certificates are good.
    pub(in crate::elector) fn served(&self) {
        self.now().failed = None;
    }

    pub(super) fn built(&self) -> Result<Arc<Built>, ElectorError> {
        let mut now = self.now();
        let at = self.clock.now();
        if now.looked.is_none_or(|looked| at.since(looked) >= AGE) {
            let material = self.read(&now.material)?;
            now.looked = Some(at);
            if now.built.is_none() || material != now.material {
                now.renew(self.build(&material), material)?;
            }
        }
        match (&now.failed, &now.built) {
            (Some(failed), _) if at < failed.until => Err(failed.error.again()),
            (_, Some(built)) => Ok(Arc::clone(built)),
            (_, None) => Err(unusable("its certificates could not be read".to_owned())),
        }
    }

    /// Reads the files. If one cannot be read at the moment, its last content is used. The first time, it has to exist.
    fn read(&self, old: &TlsMaterial) -> Result<TlsMaterial, ElectorError> {
        let read = |path: &Option<PathBuf>, old: &Option<Vec<u8>>| match path {
            Some(path) => contents(path).or_else(|error| old.clone().map(Some).ok_or(error)),
            None => Ok(None),
        };
        Ok(TlsMaterial {
            authority: read(&self.files.authority, &old.authority)?,
            certificate: read(&self.files.certificate, &old.certificate)?,
            key: read(&self.files.key, &old.key)?,
            of_plugin: self.credentials.identity(),
        })
    }

    fn build(&self, material: &TlsMaterial) -> Result<Built, ElectorError> {
        let mut config = self.config.clone();
        if let Some(pem) = &material.authority {
            let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).map(|der| Ok(der?.to_vec())).collect();
            let roots = roots.map_err(|error: rustls::pki_types::pem::Error| unusable(chain(&error)))?;
            config.root_cert = Some(roots);
        }
        if let Some(pem) = &material.certificate {
            config.auth_info.client_certificate_data = Some(base64(pem));
        }
        if let Some(pem) = &material.key {
            config.auth_info.client_key_data = Some(base64(pem).into());
        }
        if let Some(identity) = &material.of_plugin {
            identity.put_into(&mut config.auth_info);
        }
        // If the key and the certificate do not belong together, rustls finds out here.
        let rustls = config.rustls_client_config().map_err(|error| unusable(chain(&error)))?;
        Ok(Built { rustls: Arc::new(rustls), config })
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    /// The certificates have changed. While files are being written, they are not usable for a moment.
    fn renew(&mut self, built: Result<Built, ElectorError>, material: TlsMaterial) -> Result<(), ElectorError> {
        match built {
            Ok(built) => {
                let renewed = self.built.is_some();
                (self.material, self.failed, self.built) = (material, None, Some(Arc::new(built)));
                if renewed {
                    say(Level::INFO, || tracing::info!(target: "lease_runtime", "renewed certificates are now in use"));
                }
            }
            Err(error) if self.built.is_none() => {
                self.looked = None;
                return Err(error);
            }
            Err(error) => {
                let error = error.to_string();
                say(Level::DEBUG, move || {
                    tracing::debug!(target: "lease_runtime", error, "renewed certificates cannot be used: the earlier ones stay in use");
                });
            }
        }
        Ok(())
    }
}

fn contents(path: &Path) -> Result<Option<Vec<u8>>, ElectorError> {
    std::fs::read(path).map(Some).map_err(|error| unusable(format!("`{}`: {error}", path.display())))
}

fn unusable(reason: String) -> ElectorError {
    ElectorError::Client { reason, remedy: "check the certificates and keys that it names" }
}

/// What is wrong with a certificate, if that is why a connection failed.
pub(in crate::elector) fn certificate_error(error: &(dyn StdError + 'static)) -> Option<ElectorError> {
    let cause = find::<rustls::Error>(error)?;
    let remedy = match cause {
        rustls::Error::InvalidCertificate(wrong) => match wrong {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "renew the API server's certificate, or correct this machine's clock"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "correct this machine's clock, or that of the machine that made the certificate"
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "give the authority of the API server's certificate as `certificate-authority`, or correct `server`; a file \
                 that changes is read again"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "use a name of the certificate in `server`, or give one as `tls-server-name`"
            }
            _ => "replace the API server's certificate",
        },
        rustls::Error::NoCertificatesPresented => "check that `server` is the address of the API server",
        rustls::Error::AlertReceived(alert) if is_about_ours(*alert) => {
            "renew the client certificate; a file that changes is read again"
        }
        _ => return None,
    };
    Some(ElectorError::Certificate { reason: chain(cause), remedy })
}

/// Whether the alert of the server is about the certificate of this process.
fn is_about_ours(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(
        alert,
        A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::CertificateRequired
            | A::UnknownCA
    )
}
