//! CA bundles in the engine's form, made once each.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use pingora_core::protocols::tls::CaType;
use pingora_core::utils::tls::WrappedX509;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::cluster::CaBundle;

/// The bundles in use. A publish makes new `CaBundle`s with the old content; those share what was made before.
#[derive(Debug, Default)]
pub(crate) struct Bundles(RwLock<Vec<(Weak<CaBundle>, Bundle)>>);

/// A bundle for the engine, and what tells it apart from others in this process.
#[derive(Debug, Clone)]
pub(crate) struct Bundle {
    pub(crate) certificates: Arc<CaType>,
    pub(crate) digest: u64,
}

impl Bundles {
    /// The engine's form of a bundle. `keys` must be the same in all calls.
    pub(crate) fn of(&self, bundle: &Arc<CaBundle>, keys: &RandomState) -> Bundle {
        // A weak reference keeps the allocation, so that an equal address is the same bundle.
        let seen = |(weak, _): &&(Weak<CaBundle>, Bundle)| std::ptr::eq(weak.as_ptr(), Arc::as_ptr(bundle));
        if let Some((_, known)) = self.0.read().unwrap_or_else(PoisonError::into_inner).iter().find(seen) {
            return known.clone();
        }
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let digest = keys.hash_one(bundle.certificates());
        let made = all.iter().find(|(_, known)| known.digest == digest).map(|(_, known)| known.clone());
        let made = made.unwrap_or_else(|| Bundle { certificates: engine_form(bundle), digest });
        all.retain(|(weak, _)| weak.strong_count() > 0);
        all.push((Arc::downgrade(bundle), made.clone()));
        made
    }
}

/// A certificate that the engine's parser refuses is left out; the engine refuses connections when none is left.
fn engine_form(bundle: &CaBundle) -> Arc<CaType> {
    let parse = |der: &Vec<u8>| {
        WrappedX509::try_new(der.clone(), |raw| X509Certificate::from_der(raw).map(|(_, certificate)| certificate))
            .inspect_err(|error| tracing::warn!(%error, "a CA certificate of a bundle cannot be used"))
            .ok()
    };
    bundle.certificates().iter().filter_map(parse).collect()
}
