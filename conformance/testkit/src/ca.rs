//! A private certificate authority, the certificates it signs, and server settings made of them.

use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate authority of its own; two of them trust each other's leaves in nothing.
pub struct Ca {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A server's certificate with its key.
#[derive(Clone)]
pub struct Leaf {
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// Its private key, PEM (PKCS#8).
    pub key_pem: String,
}

/// What a TLS server offers by ALPN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    /// No ALPN extension at all.
    Nothing,
    /// `http/1.1`
    Http1,
    /// `h2`
    H2,
    /// `h2` and `http/1.1`
    Both,
}

impl Ca {
    /// A new authority with a new key.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// The authority's own certificate, PEM: what a `ca.crt` holds.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Signs a server certificate for names (DNS names or IP addresses).
    pub fn leaf(&self, names: &[&str]) -> Leaf {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, names[0]);
        params.subject_alt_names = names.iter().map(|name| subject(name)).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Leaf { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() }
    }
}

fn subject(name: &str) -> SanType {
    match name.parse::<IpAddr>() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(name.try_into().unwrap()),
    }
}

impl Leaf {
    /// Settings of a TLS server that shows this certificate.
    pub fn server_config(&self, alpn: Alpn) -> Arc<ServerConfig> {
        let chain = vec![CertificateDer::from_pem_slice(self.certificate_pem.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
        config.alpn_protocols = alpn.names().iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }
}

impl Alpn {
    fn names(self) -> &'static [&'static [u8]] {
        match self {
            Self::Nothing => &[],
            Self::Http1 => &[b"http/1.1"],
            Self::H2 => &[b"h2"],
            Self::Both => &[b"h2", b"http/1.1"],
        }
    }
}
