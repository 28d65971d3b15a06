//! What each proxy has to do, the same for all: listen in plain HTTP/1.1, rewrite prefix and host, put the provider's
//! key in place of the client's, and hand requests to the provider over connections that are kept.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::case::{Routes, Upstream};

/// The provider's name: what `Host` says upstream, and what its certificate is for.
pub(crate) use super::mock::NAME as PROVIDER;

/// What clients ask for.
pub(crate) const GATEWAY: &str = "gateway.test";
/// What the client sends as its key, which no provider may see.
pub(crate) const PLACEHOLDER: &str = "Bearer placeholder";
/// The provider's.
pub(crate) const KEY: &str = "Bearer sk-0123456789abcdef0123456789abcdef";
/// Longest exchange, for each proxy that has such a limit.
pub(crate) const LIMIT: Duration = Duration::from_secs(600);
/// Idle connections to the provider that are kept.
pub(crate) const KEPT: usize = 2048;

/// One proxy's task.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// Its own folder, for its files.
    pub(crate) folder: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) provider: SocketAddr,
    pub(crate) upstream: Upstream,
    /// The authority that has signed the provider's certificate.
    pub(crate) authority: PathBuf,
    pub(crate) routes: Routes,
    /// What the prefix becomes.
    pub(crate) prefix: &'static str,
    pub(crate) workers: usize,
}

/// What the prefix becomes.
pub(crate) const PREFIX: &str = "/compatible-mode/v1";
/// What it becomes after an edit, and after the next one it is the other again.
pub(crate) const EDITED: &str = "/compatible-mode/v2";

impl Job {
    /// A file of it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The prefixes that it routes.
    pub(crate) fn prefixes(&self) -> Vec<String> {
        match self.routes {
            Routes::One => vec!["/v1".to_owned()],
            Routes::Numbered(routes) => (0..routes).map(|route| format!("/r{route}")).collect(),
        }
    }

    /// Writes a file as careful editors do: whole, beside, and renamed into place.
    pub(crate) fn put(&self, name: &str, text: &str) -> std::io::Result<PathBuf> {
        let (file, beside) = (self.file(name), self.file(&format!("{name}.tmp")));
        std::fs::write(&beside, text)?;
        std::fs::rename(&beside, &file)?;
        Ok(file)
    }

    /// Whether the provider is spoken to by TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.upstream != Upstream::Plain
    }
}
