//! The controller's metrics: every name is written here.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, IntGaugeVec, Opts, Registry, Result, TextEncoder};

use crate::objects::{Kind, Objects};
use crate::sink::kubernetes::Count;

/// Seconds; a world of 5,000 routes takes tenths of them.
const TRANSLATION: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// All of them, registered.
pub(super) struct Metrics {
    registry: Registry,
    translation: Histogram,
    objects: IntGaugeVec,
    inbox: IntGauge,
    statuses_waiting: IntGauge,
    status_writes: IntCounter,
    status_conflicts: IntCounter,
    leader: IntGauge,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// Two have the same name: a defect, shown by any test that starts.
    pub(super) fn new() -> Result<Self> {
        let registry = Registry::new();
        let r = &registry;
        let duration =
            HistogramOpts::new("sluice_translation_seconds", "Time that a translation of all objects takes.");
        let objects = Opts::new("sluice_objects", "Objects that are read.");
        let writes = IntCounter::new("sluice_status_writes_total", "Statuses written.");
        let conflicts = IntCounter::new("sluice_status_conflicts_total", "Statuses that another's write came before.");
        Ok(Self {
            translation: added(r, Histogram::with_opts(duration.buckets(TRANSLATION.to_vec())))?,
            objects: added(r, IntGaugeVec::new(objects, &["kind"]))?,
            inbox: added(r, IntGauge::new("sluice_inbox_objects", "Changed objects that wait for a translation."))?,
            statuses_waiting: added(r, IntGauge::new("sluice_status_waiting", "Objects whose status may differ."))?,
            status_writes: added(r, writes)?,
            status_conflicts: added(r, conflicts)?,
            leader: added(r, IntGauge::new("sluice_leader", "Whether this controller holds the lease."))?,
            registry,
        })
    }

    /// Where others add theirs.
    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The text that Prometheus scrapes.
    pub(super) fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_else(|error| {
            tracing::error!(%error, "the metrics cannot be written");
            String::new()
        })
    }

    pub(super) fn translated(&self, took: Duration, objects: &Objects) {
        self.translation.observe(took.as_secs_f64());
        for kind in Kind::ALL {
            self.objects.with_label_values(&[kind.name()]).set(gauge(objects.count(*kind)));
        }
    }

    pub(super) fn led(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    pub(super) fn queues(&self, inbox: usize, statuses: Count) {
        let Count { writes, conflicts, waiting } = statuses;
        self.inbox.set(gauge(inbox));
        self.statuses_waiting.set(gauge(waiting));
        // The counts are kept where they arise; these follow them.
        self.status_writes.inc_by(writes.saturating_sub(self.status_writes.get()));
        self.status_conflicts.inc_by(conflicts.saturating_sub(self.status_conflicts.get()));
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn added<C: Collector + Clone + 'static>(registry: &Registry, collector: Result<C>) -> Result<C> {
    let collector = collector?;
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
