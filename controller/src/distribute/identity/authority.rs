//! A certificate authority that signs for the controllers, and for nobody else.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::crypto::ring;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// How long a server's certificate is valid; it is renewed after a third of that.
pub(super) const LEAF_LIFETIME: Duration = Duration::from_secs(9 * 24 * 3600);
/// How long the authority is.
const AUTHORITY_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// Clocks differ.
const SKEW: Duration = Duration::from_secs(3600);

/// A certificate and the key that it certifies. The key cannot be printed.
#[derive(Clone)]
pub struct Authority {
    certificate_pem: String,
    key_pem: String,
}

/// The authority cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidAuthority(String);

impl Authority {
    /// A new authority with a new key.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn generate(now: SystemTime) -> Result<Self, InvalidAuthority> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "sluice-controller-ca");
        valid(&mut params, now, AUTHORITY_LIFETIME);
        let key = KeyPair::generate().map_err(InvalidAuthority::of)?;
        let certificate_pem = params.self_signed(&key).map_err(InvalidAuthority::of)?.pem();
        Ok(Self { certificate_pem, key_pem: key.serialize_pem() })
    }

    /// An authority that was kept.
    ///
    /// # Errors
    /// It is no authority: what is wrong with it.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, InvalidAuthority> {
        let text = |what: &str, pem: &[u8]| {
            String::from_utf8(pem.to_vec()).map_err(|_| InvalidAuthority(format!("the {what} is no PEM text")))
        };
        let authority = Self { certificate_pem: text("certificate", certificate)?, key_pem: text("key", key)? };
        authority.issuer().map(|_| authority)
    }

    /// The certificate, PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The key, PEM; for the place where the authority is kept.
    pub(super) fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// A server's certificate for these names, with a key of its own.
    pub(super) fn sign(&self, names: &[String], now: SystemTime) -> Result<CertifiedKey, InvalidAuthority> {
        let mut params = CertificateParams::new(names).map_err(InvalidAuthority::of)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        if let Some(first) = names.first() {
            params.distinguished_name.push(DnType::CommonName, first.as_str());
        }
        valid(&mut params, now, LEAF_LIFETIME);
        let key = KeyPair::generate().map_err(InvalidAuthority::of)?;
        let certificate = params.signed_by(&key, &self.issuer()?).map_err(InvalidAuthority::of)?;
        let chain = [Ok(certificate.der().clone())]
            .into_iter()
            .chain(CertificateDer::pem_slice_iter(self.certificate_pem.as_bytes()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| InvalidAuthority("the certificate is no PEM text".to_owned()))?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(InvalidAuthority::of)?;
        CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(InvalidAuthority::of)
    }

    fn issuer(&self) -> Result<Issuer<'static, KeyPair>, InvalidAuthority> {
        let key = KeyPair::from_pem(&self.key_pem).map_err(InvalidAuthority::of)?;
        Issuer::from_ca_cert_pem(&self.certificate_pem, key).map_err(InvalidAuthority::of)
    }
}

fn valid(params: &mut CertificateParams, now: SystemTime, lifetime: Duration) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    params.not_before = epoch + now.saturating_sub(SKEW);
    params.not_after = epoch + now + lifetime;
}

impl InvalidAuthority {
    /// The libraries say what is wrong with a key, and never the key.
    pub(super) fn of(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for InvalidAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidAuthority {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_signs_as_before() {
        let now = SystemTime::now();
        let made = Authority::generate(now).unwrap();
        let kept = Authority::from_pem(made.certificate_pem().as_bytes(), made.key_pem().as_bytes()).unwrap();
        let signed = kept.sign(&["sluice-controller.sluice.svc".to_owned()], now).unwrap();
        assert_eq!(signed.cert.len(), 2, "leaf and authority");
        assert!(signed.keys_match().is_ok());
    }

    #[test]
    fn what_is_none_is_refused() {
        let made = Authority::generate(SystemTime::now()).unwrap();
        for (certificate, key) in [("", made.key_pem()), (made.certificate_pem(), "")] {
            assert!(Authority::from_pem(certificate.as_bytes(), key.as_bytes()).is_err());
        }
    }
}
