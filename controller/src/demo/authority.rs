//! A certificate authority that lives as long as the demo, and the certificate it signs for the stand-in provider.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::trouble::Trouble;

/// The authority's name, as a certificate shows it.
pub(super) const NAME: &str = "Sluice demo CA";

/// An authority, made anew for each run; its key is never written anywhere.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, PEM.
    pub(super) pem: String,
}

impl Authority {
    /// A new key, and a certificate for it.
    pub(super) fn new() -> Result<Self, Trouble> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, NAME);
        let key = KeyPair::generate().map_err(Trouble::certificate)?;
        let pem = params.self_signed(&key).map_err(Trouble::certificate)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// Settings of a TLS server of that name, for HTTP/2 and HTTP/1.1.
    pub(super) fn server(&self, hostname: &str) -> Result<Arc<ServerConfig>, Trouble> {
        let mut params = CertificateParams::new([hostname.to_owned()]).map_err(Trouble::certificate)?;
        params.distinguished_name.push(DnType::CommonName, hostname);
        let key = KeyPair::generate().map_err(Trouble::certificate)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(Trouble::certificate)?;
        let chain = vec![CertificateDer::from(certificate)];
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(Trouble::certificate)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(Trouble::certificate)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}
