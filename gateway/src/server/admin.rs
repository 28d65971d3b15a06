//! What the admin port of a data plane shows beside its health: what is configured, and pages that others publish.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;

use super::pages::Pages;
use crate::snapshot::Snapshot;
use crate::telemetry::Metrics;

const CONFIG_DUMP: &str = "/config_dump";

/// What the pages show. All of it is safe to show: credentials have no text.
pub(super) struct Admin {
    pub(super) metrics: Arc<Metrics>,
    pub(super) ready: AtomicBool,
    pages: Mutex<BTreeMap<&'static str, Bytes>>,
    snapshots: Mutex<Vec<Arc<Snapshot>>>,
}

/// `/config_dump`.
#[derive(Serialize)]
struct ConfigDump<'a> {
    gateways: &'a [Arc<Snapshot>],
}

impl Admin {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        let (pages, snapshots) = (Mutex::default(), Mutex::default());
        Self { metrics, ready: AtomicBool::new(false), pages, snapshots }
    }

    /// Puts a page in place, or replaces it.
    pub(super) fn publish(&self, path: &'static str, json: String) {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).insert(path, json.into());
    }

    /// What `/config_dump` shows from now on.
    pub(super) fn show(&self, snapshots: Vec<Arc<Snapshot>>) {
        *self.snapshots.lock().unwrap_or_else(PoisonError::into_inner) = snapshots;
    }

    fn config_dump(&self) -> Result<Bytes, String> {
        let gateways = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        let json = serde_json::to_vec_pretty(&ConfigDump { gateways: &gateways });
        json.map(Bytes::from).map_err(|error| error.to_string())
    }
}

impl Pages for Admin {
    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    fn metrics(&self) -> String {
        self.metrics.render()
    }

    fn paths(&self) -> Vec<&'static str> {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        [CONFIG_DUMP].into_iter().chain(pages.keys().copied()).collect()
    }

    fn json(&self, path: &str) -> Option<Result<Bytes, String>> {
        if path == CONFIG_DUMP {
            return Some(self.config_dump());
        }
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned().map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::pages::find;

    #[test]
    fn another_machine_sees_what_probes_and_prometheus_need() {
        let admin = Admin::new(Arc::new(Metrics::new().unwrap()));
        admin.publish("/statuses", "{}".to_owned());
        let all = ["/livez", "/ready", "/metrics", "/config_dump", "/statuses", "/", "/x"];
        let answers = |from: &str| all.map(|path| find(&admin, from.parse().unwrap(), path).status().as_u16());
        assert_eq!(answers("127.0.0.1"), [200, 503, 200, 200, 200, 200, 404]);
        assert_eq!(answers("10.244.0.1"), [200, 503, 200, 403, 403, 403, 403]);
    }
}
