//! The machine's trust anchors, those of them that can be used.
//!
//! The engine ends the process when one certificate of the system's bundle is malformed. So the bundle is read here,
//! and the engine is given a file with the usable ones. Giving them to each peer instead would build a store of some
//! 140 certificates at each connect, and rule out the resumption of TLS sessions.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_native_certs::CertificateResult;
use rustls_pki_types::CertificateDer;
use tempfile::{NamedTempFile, TempPath};

/// Where a temporary file can go; containers with a read-only root file system commonly have the second.
const SHARED_MEMORY: &str = "/dev/shm";

/// The usable certificates of the machine, and what was wrong with the others.
#[derive(Debug, Clone)]
pub struct SystemRoots {
    /// DER.
    certificates: Vec<CertificateDer<'static>>,
    /// How many certificates can be trust anchors.
    pub usable: usize,
    /// What was passed over, one sentence each.
    pub skipped: Vec<String>,
}

/// A file with trust anchors, readable for as long as this lives.
#[derive(Debug)]
pub(super) struct RootsFile {
    path: PathBuf,
    _open: File,
    _named: Option<TempPath>,
}

impl RootsFile {
    /// On Linux the file has no name from here on: nothing that clears away old temporary files can take it from a
    /// proxy that is made weeks later, and a killed process leaves nothing behind.
    fn new(file: NamedTempFile) -> Self {
        let (open, named) = file.into_parts();
        let path = PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()));
        if cfg!(target_os = "linux") && File::open(&path).is_ok() {
            return Self { path, _open: open, _named: None };
        }
        Self { path: named.to_path_buf(), _open: open, _named: Some(named) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl SystemRoots {
    /// Reads the machine's bundle, or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name instead.
    pub fn load() -> Self {
        Self::sorted_out(rustls_native_certs::load_native_certs())
    }

    /// Reads a bundle and a directory of certificates.
    pub fn from_paths(file: Option<&Path>, directory: Option<&Path>) -> Self {
        Self::sorted_out(rustls_native_certs::load_certs_from_paths(file, directory))
    }

    /// Writes the usable ones to a file that is deleted with the returned value.
    pub(super) fn write(&self) -> io::Result<RootsFile> {
        let builder = || {
            let mut builder = tempfile::Builder::new();
            builder.prefix("sluice-roots-").suffix(".pem");
            builder
        };
        let mut file = builder().tempfile().or_else(|_| builder().tempfile_in(SHARED_MEMORY))?;
        file.write_all(self.pem().as_bytes())?;
        Ok(RootsFile::new(file))
    }

    fn sorted_out(read: CertificateResult) -> Self {
        let mut skipped: Vec<_> = read.errors.iter().map(ToString::to_string).collect();
        let mut certificates = read.certs;
        let mut index = 0;
        certificates.retain(|certificate| {
            index += 1;
            let added = rustls::RootCertStore::empty().add(certificate.clone());
            added.map_err(|error| skipped.push(format!("certificate {index} of the system's: {error}"))).is_ok()
        });
        Self { usable: certificates.len(), certificates, skipped }
    }

    fn pem(&self) -> String {
        let mut text = String::new();
        for certificate in &self.certificates {
            text.push_str("-----BEGIN CERTIFICATE-----\n");
            for line in STANDARD.encode(certificate).as_bytes().chunks(64) {
                text.push_str(&String::from_utf8_lossy(line));
                text.push('\n');
            }
            text.push_str("-----END CERTIFICATE-----\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use sluice_testkit::ca::Ca;

    use super::*;

    fn roots(text: &str) -> SystemRoots {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        SystemRoots::from_paths(Some(file.path()), None)
    }

    #[test]
    fn bad_ones_cost_no_good_one() {
        let (one, other) = (Ca::new("one"), Ca::new("other"));
        let no_base64 = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
        let no_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let roots = roots(&[one.pem(), no_base64, no_der, other.pem()].concat());
        assert_eq!((roots.usable, roots.skipped.len()), (2, 2), "{roots:?}");
        let written = roots.write().unwrap();
        let again = SystemRoots::from_paths(Some(written.path()), None);
        assert_eq!((again.usable, again.skipped), (2, Vec::new()));
        assert_eq!(again.certificates, roots.certificates);
    }

    #[test]
    fn none_at_all_is_told_and_is_no_error() {
        assert_eq!(roots("").usable, 0);
        let missing = SystemRoots::from_paths(Some(Path::new("/nowhere/ca.pem")), None);
        assert_eq!(missing.usable, 0);
        assert!(missing.skipped[0].contains("/nowhere/ca.pem"), "{missing:?}");
        assert_eq!(std::fs::read(missing.write().unwrap().path()).unwrap(), b"");
    }

    #[test]
    fn the_file_is_read_again_and_goes_in_the_end() {
        let written = roots(Ca::new("one").pem()).write().unwrap();
        let path = written.path().to_owned();
        let read = || std::fs::read(&path).unwrap_or_default();
        assert!(!read().is_empty());
        assert_eq!(read(), read());
        assert!(
            !cfg!(target_os = "linux") || std::fs::read_link(&path).unwrap().to_string_lossy().ends_with("(deleted)")
        );
    }
}
