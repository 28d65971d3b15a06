//! What is outside the cluster: a stand-in for the provider, at the address that the bed's DNS has for its name, with a
//! certificate of an authority that the data plane's image trusts.

use std::path::{Path, PathBuf};

use sluice_testkit::ca::{Alpn, Ca, Leaf};
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use tokio::sync::OnceCell;

/// The provider's name, in the walk-through's files.
pub(crate) const NAME: &str = "dashscope-intl.aliyuncs.com";
/// Where that is in the bed: the node (see `conformance/cluster/ci`).
pub(crate) const ADDRESS: &str = "10.244.0.1:443";
/// The provider's key, which nobody but the provider may see.
pub(crate) const KEY: &str = "sk-0123456789abcdef-of-the-walkthrough";

/// The provider, and the certificate that it shows.
pub(crate) struct Outside {
    pub(crate) provider: Provider,
    leaf: Leaf,
    issuer: String,
}

/// The authority: one for all tests, since pods read it when they start.
static AUTHORITY: OnceCell<Ca> = OnceCell::const_new();

impl Outside {
    pub(crate) async fn start() -> Self {
        let authority = AUTHORITY.get_or_init(async || {
            let authority = Ca::new("public authority of the walk-through");
            std::fs::write(trust_store(), authority.pem()).unwrap();
            authority
        });
        let authority = authority.await;
        let leaf = authority.leaf(&[NAME]);
        let provider = Provider::tls_at(ADDRESS.parse().unwrap(), &leaf, Alpn::Both, Answer::status(500)).await;
        Self { provider, leaf, issuer: authority.pem().to_owned() }
    }

    /// The certificate with key and issuer, as one PEM file.
    pub(crate) fn write_certificate(&self, folder: &Path) -> PathBuf {
        let path = folder.join("provider.pem");
        std::fs::write(&path, format!("{}{}{}", self.leaf.key_pem, self.leaf.certificate_pem, self.issuer)).unwrap();
        path
    }
}

/// What the image trusts (see `conformance/cluster/ci`).
fn trust_store() -> PathBuf {
    std::env::var_os("SLUICE_BED_TRUST")
        .expect("SLUICE_BED_TRUST; run this by conformance/cluster/ci walkthrough")
        .into()
}
