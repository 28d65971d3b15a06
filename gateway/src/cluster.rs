//! Upstreams: where they are, how their connections are secured, which share of the requests they get.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::filter::RequestEdit;

/// One upstream service; what Envoy calls a cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cluster {
    /// Kind, namespace and name of the object it came from, such as `backend/ai/qwen` or `service/ai/qwen/port/8080`.
    /// State beside the snapshot (addresses, connections) is keyed by it.
    pub name: String,
    /// Where it is. Empty means that requests get a 503.
    pub endpoints: Vec<Endpoint>,
    /// TLS towards it; plain TCP without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<UpstreamTls>,
    /// How it speaks HTTP.
    #[serde(skip_serializing_if = "UpstreamProtocol::is_auto")]
    pub protocol: UpstreamProtocol,
}

/// One place of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// A name that is resolved in the background.
    Fqdn {
        /// Name, without trailing dot, lower case.
        hostname: String,
        /// TCP port.
        port: u16,
    },
    /// A fixed address.
    Ip(SocketAddr),
}

/// The HTTP version towards an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum UpstreamProtocol {
    /// HTTP/1.1, or HTTP/2 where TLS negotiates it.
    #[default]
    Auto,
    /// HTTP/2 without TLS, by prior knowledge (`gateway.envoyproxy.io/h2c`).
    H2c,
}

/// TLS towards an upstream (Gateway API `BackendTLSPolicy.spec.validation`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UpstreamTls {
    /// The name sent as SNI and looked for in the certificate.
    pub hostname: String,
    /// Who may sign the certificate.
    pub roots: Roots,
}

/// Trust anchors.
#[derive(Debug, Clone, PartialEq)]
pub enum Roots {
    /// The machine's own (`wellKnownCACertificates: System`; `SSL_CERT_FILE` is honoured).
    System,
    /// Certificates from objects.
    Bundle(Arc<CaBundle>),
}

/// Parsed CA certificates, and a hash of them that tells bundles apart.
#[derive(Debug, Clone, PartialEq)]
pub struct CaBundle {
    certificates: Vec<Vec<u8>>,
}

/// The backends of a rule, each with its share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Backends(pub Vec<Backend>);

/// One `backendRef` of a rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Backend {
    /// Share among the backends of its rule; 0 takes no requests.
    pub weight: u32,
    /// Where its share goes.
    pub target: Target,
    /// Edits for this backend alone, made after the rule's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<RequestEdit>,
}

/// What a `backendRef` turned out to mean.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// An upstream.
    Cluster(Arc<Cluster>),
    /// A reference that is broken or not permitted: its share of requests gets a 500 (Gateway API `backendRefs`).
    Unresolved,
}

impl UpstreamProtocol {
    fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

impl CaBundle {
    /// Reads PEM text; blocks that are no certificate are passed over.
    ///
    /// # Errors
    /// No certificate is found, or one of them is malformed: which, and how.
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        use rustls_pki_types::{CertificateDer, pem::PemObject};
        let mut roots = rustls::RootCertStore::empty();
        let mut certificates = Vec::new();
        for (index, item) in CertificateDer::pem_slice_iter(pem).enumerate() {
            let der = item.map_err(|error| format!("certificate {}: {error}", index + 1))?;
            roots.add(der.clone()).map_err(|error| format!("certificate {}: {error}", index + 1))?;
            certificates.push(der.to_vec());
        }
        if certificates.is_empty() { Err("holds no PEM certificate".to_owned()) } else { Ok(Self { certificates }) }
    }

    /// Takes certificates that [`CaBundle::from_pem`] has read elsewhere.
    ///
    /// # Errors
    /// There is none, or one of them is malformed: which, and how.
    pub fn from_der(certificates: Vec<Vec<u8>>) -> Result<Self, String> {
        let mut roots = rustls::RootCertStore::empty();
        for (index, der) in certificates.iter().enumerate() {
            let added = roots.add(rustls_pki_types::CertificateDer::from(der.as_slice()));
            added.map_err(|error| format!("certificate {}: {error}", index + 1))?;
        }
        if certificates.is_empty() { Err("holds no certificate".to_owned()) } else { Ok(Self { certificates }) }
    }

    /// The certificates, DER.
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }
}

impl Backends {
    /// The backend for a point in `0..total_weight()`; `None` when no backend takes requests.
    pub fn at(&self, point: u64) -> Option<&Backend> {
        let mut left = point;
        self.0.iter().find(|backend| {
            let share = u64::from(backend.weight);
            let hit = left < share;
            left = left.saturating_sub(share);
            hit
        })
    }

    /// Sum of the weights.
    pub fn total_weight(&self) -> u64 {
        self.0.iter().map(|b| u64::from(b.weight)).sum()
    }
}

impl Hash for UpstreamTls {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hostname.hash(state);
        match &self.roots {
            Roots::System => 0_u8.hash(state),
            Roots::Bundle(bundle) => bundle.certificates.hash(state),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fqdn { hostname, port } => write!(f, "{hostname}:{port}"),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

impl Serialize for Endpoint {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl Serialize for Roots {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::System => s.serialize_str("System"),
            Self::Bundle(bundle) => s.collect_str(&format_args!("{} certificate(s)", bundle.certificates.len())),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Cluster(cluster) => cluster.serialize(s),
            Self::Unresolved => s.serialize_str("Unresolved"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_weights() {
        let backend = |weight| Backend { weight, target: Target::Unresolved, edits: Vec::new() };
        let backends = Backends(vec![backend(1), backend(0), backend(2)]);
        let weights: Vec<_> = (0..4).map(|point| backends.at(point).map(|b| b.weight)).collect();
        assert_eq!(weights, [Some(1), Some(2), Some(2), None]);
    }

    #[test]
    fn bundles_say_what_is_wrong() {
        assert_eq!(CaBundle::from_pem(b"nothing").unwrap_err(), "holds no PEM certificate");
        let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(CaBundle::from_pem(bad.as_bytes()).unwrap_err().starts_with("certificate 1:"));
    }
}
