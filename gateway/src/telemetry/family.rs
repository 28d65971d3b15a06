//! The metrics that are kept once for the process.

use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry, Result};

/// All of them, registered.
#[derive(Debug)]
pub(super) struct Families {
    pub(super) active_requests: IntGauge,
    pub(super) active_streams: IntGauge,
    pub(super) connections: IntGauge,
    /// By `backend`.
    pub(super) connect_failures: IntCounterVec,
    /// By `gateway`.
    pub(super) publishes: IntCounterVec,
    pub(super) dropped: IntCounter,
}

impl Families {
    /// Makes and registers them.
    ///
    /// # Errors
    /// A name stands twice in the registry.
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let r = registry;
        let failures = "sluice_upstream_connect_failures_total";
        Ok(Self {
            active_requests: gauge(r, "sluice_active_requests", "Requests that are running.")?,
            active_streams: gauge(r, "sluice_active_streams", "Event streams that are running.")?,
            connections: gauge(r, "sluice_downstream_connections", "Open connections of clients.")?,
            connect_failures: counters(r, failures, "Connections that failed.", "backend")?,
            publishes: counters(r, "sluice_snapshot_publishes_total", "Configurations put in force.", "gateway")?,
            dropped: added(r, IntCounter::new("sluice_access_log_dropped_total", "Lines of the access log lost.")?)?,
        })
    }
}

fn counters(registry: &Registry, name: &str, help: &str, label: &str) -> Result<IntCounterVec> {
    added(registry, IntCounterVec::new(Opts::new(name, help), &[label])?)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge> {
    added(registry, IntGauge::new(name, help)?)
}

fn added<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
