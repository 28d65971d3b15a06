//! What the controller's admin port shows beside its health: statuses, and what is served.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use sluice_gateway::server::pages::{self, Pages};
use sluice_gateway::snapshot::Snapshot;

use super::metrics::Metrics;
use super::pages::Shown;
use crate::diagnostic::Diagnostic;
use crate::objects::key::Key;
use crate::status::Statuses;

/// The admin port.
pub(super) struct Admin {
    shared: Arc<Shared>,
    address: SocketAddr,
}

type Refresh = Box<dyn Fn(&Metrics) + Send + Sync>;

struct Shared {
    metrics: Metrics,
    refresh: OnceLock<Refresh>,
    ready: AtomicBool,
    shown: Mutex<Shown>,
}

impl Admin {
    /// Binds it and answers from now on.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub(super) async fn start(address: SocketAddr) -> io::Result<Self> {
        let refused = |cause| io::Error::other(format!("the admin port cannot be bound at {address}: {cause}"));
        let (listener, address) = pages::bind(address).await.map_err(refused)?;
        let shared = Arc::new(Shared::new(Metrics::new().map_err(io::Error::other)?));
        tokio::spawn(pages::serve(Arc::clone(&shared), listener));
        Ok(Self { shared, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// What brings the metrics up to date before they are shown; the first one that is given counts.
    pub(super) fn on_scrape(&self, refresh: impl Fn(&Metrics) + Send + Sync + 'static) {
        drop(self.shared.refresh.set(Box::new(refresh)));
    }

    pub(super) fn set_ready(&self, ready: bool) {
        self.shared.ready.store(ready, Ordering::Release);
    }

    pub(super) fn show_snapshots(&self, snapshots: &BTreeMap<Key, Snapshot>) {
        self.shared.shown().snapshots.clone_from(snapshots);
    }

    pub(super) fn show_statuses(&self, statuses: Arc<Statuses>, diagnostics: Vec<Diagnostic>) {
        let mut shown = self.shared.shown();
        (shown.statuses, shown.diagnostics) = (statuses, diagnostics);
    }
}

impl Shared {
    fn new(metrics: Metrics) -> Self {
        Self { metrics, refresh: OnceLock::new(), ready: AtomicBool::new(false), shown: Mutex::default() }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages for Shared {
    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    fn metrics(&self) -> String {
        self.refresh.get().into_iter().for_each(|refresh| refresh(&self.metrics));
        self.metrics.render()
    }

    fn paths(&self) -> Vec<&'static str> {
        vec!["/statuses", "/config_dump"]
    }

    fn json(&self, path: &str) -> Option<Result<Bytes, String>> {
        let value = match path {
            "/statuses" => self.shown().statuses(),
            "/config_dump" => self.shown().config_dump(),
            _ => return None,
        };
        Some(Ok(format!("{value:#}\n").into()))
    }
}

#[cfg(test)]
mod tests {
    use sluice_gateway::server::pages::find;

    use super::*;

    #[test]
    fn another_machine_sees_what_probes_and_prometheus_need() {
        let shared = Shared::new(Metrics::new().unwrap());
        let all = ["/livez", "/ready", "/metrics", "/config_dump", "/statuses", "/", "/x"];
        let answers = |from: &str| all.map(|path| find(&shared, from.parse().unwrap(), path).status().as_u16());
        assert_eq!(answers("127.0.0.1"), [200, 503, 200, 200, 200, 200, 404]);
        assert_eq!(answers("::ffff:127.0.0.1"), answers("::1"));
        assert_eq!(answers("10.244.0.1"), [200, 503, 200, 403, 403, 403, 403]);
    }
}
