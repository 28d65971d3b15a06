//! What is counted of streams.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, Registry};

/// The metrics of all streams.
#[derive(Clone)]
pub(super) struct Metrics {
    /// Streams whose replica has said who it is.
    pub(super) connected: IntGauge,
    /// Updates, whole ones.
    pub(super) updates: IntCounter,
    /// Bytes of messages to replicas.
    pub(super) bytes: IntCounter,
    /// Seconds from the first byte of an update to its acknowledgement.
    pub(super) latency: Histogram,
    /// Updates that a replica refused.
    pub(super) nacks: IntCounter,
    /// Calls that were turned away.
    pub(super) refused: IntCounter,
}

impl Metrics {
    /// Makes and registers them.
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let connected = IntGauge::new("sluice_stream_replicas", "Replicas that are connected.")?;
        registry.register(Box::new(connected.clone()))?;
        let buckets = prometheus::exponential_buckets(0.001, 2.0, 14)?;
        let latency = "Time from sending an update to its acknowledgement.";
        let latency = HistogramOpts::new("sluice_stream_acknowledgement_seconds", latency).buckets(buckets);
        let latency = Histogram::with_opts(latency)?;
        registry.register(Box::new(latency.clone()))?;
        Ok(Self {
            connected,
            latency,
            updates: counter("sluice_stream_updates_total", "Updates sent to replicas.")?,
            bytes: counter("sluice_stream_sent_bytes_total", "Bytes of the updates sent to replicas.")?,
            nacks: counter("sluice_stream_nacks_total", "Updates that a replica refused.")?,
            refused: counter("sluice_stream_refused_total", "Calls without a token that permits them.")?,
        })
    }
}
