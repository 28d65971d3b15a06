//! The metrics: every name, every label and every bucket is written here and nowhere else.
//!
//! No label holds what a client can invent: Gateway, route and backend come from the configuration, the status from
//! the gateway or its upstream, the model from the provider (and from a limited number of names).

use prometheus::core::Collector;
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, Result};

/// Where a request went.
const PLACE: [&str; 3] = ["gateway", "route", "backend"];
const REQUEST: [&str; 5] = ["gateway", "route", "backend", "code", "response_flag"];
const MODEL: [&str; 5] = ["gateway", "route", "backend", OPERATION, RESPONSE_MODEL];
const MODEL_TOKENS: [&str; 6] = ["gateway", "route", "backend", OPERATION, RESPONSE_MODEL, "gen_ai_token_type"];
const MODEL_ERROR: [&str; 6] = ["gateway", "route", "backend", OPERATION, RESPONSE_MODEL, "error_type"];
const OPERATION: &str = "gen_ai_operation_name";
const RESPONSE_MODEL: &str = "gen_ai_response_model";

/// Seconds; an answer of a model may take the ten minutes that clients give it.
const DURATION: [f64; 17] =
    [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];

// The buckets that OpenTelemetry's conventions for generative AI ask for (gen-ai-metrics.md).
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
const OPERATION_DURATION: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const FIRST_TOKEN: [f64; 16] =
    [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
const OUTPUT_TOKEN: [f64; 13] = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5];

/// All of them, registered.
#[derive(Debug)]
pub(super) struct Families {
    /// By [`PLACE`], `code` and `response_flag`.
    pub(super) requests: IntCounterVec,
    /// By [`PLACE`], as the next three.
    pub(super) duration: HistogramVec,
    pub(super) first_byte: HistogramVec,
    pub(super) received: IntCounterVec,
    pub(super) sent: IntCounterVec,
    pub(super) active_requests: IntGauge,
    pub(super) active_streams: IntGauge,
    pub(super) connections: IntGauge,
    /// By `backend`.
    pub(super) connect_failures: IntCounterVec,
    /// By `gateway`.
    pub(super) publishes: IntCounterVec,
    pub(super) dropped: IntCounter,
    /// By [`PLACE`], operation, model and `gen_ai_token_type`.
    pub(super) tokens: HistogramVec,
    /// By [`PLACE`], operation, model and `error_type`, which is empty for success.
    pub(super) operation: HistogramVec,
    /// By [`PLACE`], operation and model, as the next one.
    pub(super) first_token: HistogramVec,
    pub(super) output_token: HistogramVec,
}

impl Families {
    /// Makes and registers them.
    ///
    /// # Errors
    /// A name stands twice in the registry.
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let r = registry;
        Ok(Self {
            requests: counters(r, "sluice_requests_total", "Requests that ended.", &REQUEST)?,
            duration: histograms(
                r,
                HistogramOpts::new("sluice_request_duration_seconds", "From head to last byte."),
                &PLACE,
                &DURATION,
            )?,
            first_byte: histograms(
                r,
                HistogramOpts::new("sluice_upstream_first_byte_seconds", "From head to the upstream's first byte."),
                &PLACE,
                &DURATION,
            )?,
            received: counters(r, "sluice_request_bytes_total", "Bytes of request bodies.", &PLACE)?,
            sent: counters(r, "sluice_response_bytes_total", "Bytes of response bodies.", &PLACE)?,
            active_requests: gauge(r, "sluice_active_requests", "Requests that are running.")?,
            active_streams: gauge(r, "sluice_active_streams", "Event streams that are running.")?,
            connections: gauge(r, "sluice_downstream_connections", "Open connections of clients.")?,
            connect_failures: counters(
                r,
                "sluice_upstream_connect_failures_total",
                "Connections that failed.",
                &["backend"],
            )?,
            publishes: counters(r, "sluice_snapshot_publishes_total", "Configurations put in force.", &["gateway"])?,
            dropped: added(r, IntCounter::new("sluice_access_log_dropped_total", "Lines of the access log lost.")?)?,
            tokens: histograms(
                r,
                HistogramOpts::new("gen_ai_client_token_usage", "Tokens of an exchange."),
                &MODEL_TOKENS,
                &TOKENS,
            )?,
            operation: histograms(
                r,
                HistogramOpts::new("gen_ai_client_operation_duration_seconds", "Duration of an exchange."),
                &MODEL_ERROR,
                &OPERATION_DURATION,
            )?,
            first_token: histograms(
                r,
                HistogramOpts::new("gen_ai_server_time_to_first_token_seconds", "Time to the first token."),
                &MODEL,
                &FIRST_TOKEN,
            )?,
            output_token: histograms(
                r,
                HistogramOpts::new("gen_ai_server_time_per_output_token_seconds", "Time per token after the first."),
                &MODEL,
                &OUTPUT_TOKEN,
            )?,
        })
    }
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec> {
    added(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge> {
    added(registry, IntGauge::new(name, help)?)
}

fn added<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn histograms(registry: &Registry, opts: HistogramOpts, labels: &[&str], buckets: &[f64]) -> Result<HistogramVec> {
    added(registry, HistogramVec::new(opts.buckets(buckets.to_vec()), labels)?)
}
