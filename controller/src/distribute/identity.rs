//! What the server shows: a certificate for the Service's name, signed by the controllers' own authority.

mod authority;
mod secret;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::time::sleep;

pub use authority::{Authority, InvalidAuthority};
pub use secret::{SECRET, authority};

/// How often the age of the certificate is looked at.
const LOOK: Duration = Duration::from_secs(3600);

/// The authority, and a certificate that is renewed long before its end.
pub struct ServerIdentity {
    authority: Authority,
    names: Vec<String>,
    current: Arc<Current>,
    tls: Arc<ServerConfig>,
}

/// The certificate that is shown.
struct Current(RwLock<Leaf>);

struct Leaf {
    key: Arc<CertifiedKey>,
    renew: SystemTime,
}

impl ServerIdentity {
    /// Signs a certificate for these names, the Service's first.
    ///
    /// # Errors
    /// The authority cannot sign, or TLS cannot be set up.
    pub fn new(authority: Authority, names: Vec<String>) -> Result<Self, InvalidAuthority> {
        let leaf = Leaf::sign(&authority, &names)?;
        let current = Arc::new(Current(RwLock::new(leaf)));
        let tls = Arc::new(server_config(Arc::clone(&current) as _)?);
        Ok(Self { authority, names, current, tls })
    }

    /// The certificate that replicas check the server by, PEM.
    pub fn ca_pem(&self) -> &str {
        self.authority.certificate_pem()
    }

    /// TLS 1.2 and 1.3, HTTP/2 alone.
    pub(super) fn tls(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.tls)
    }

    /// Renews the certificate when its time has come, for ever.
    pub(super) async fn keep_fresh(self) {
        loop {
            sleep(LOOK).await;
            if SystemTime::now() < self.current.0.read().unwrap_or_else(PoisonError::into_inner).renew {
                continue;
            }
            match Leaf::sign(&self.authority, &self.names) {
                Ok(leaf) => *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = leaf,
                Err(error) => tracing::error!(%error, "the certificate of the stream cannot be renewed"),
            }
        }
    }
}

fn server_config(resolver: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, InvalidAuthority> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(rustls::DEFAULT_VERSIONS).map_err(InvalidAuthority::of)?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

impl Leaf {
    fn sign(authority: &Authority, names: &[String]) -> Result<Self, InvalidAuthority> {
        let now = SystemTime::now();
        let key = authority.sign(names, now)?;
        Ok(Self { key: Arc::new(key), renew: now + authority::LEAF_LIFETIME / 3 })
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).key))
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}
