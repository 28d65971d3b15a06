//! The metrics that are kept for each place: every name, every label and every limit is written here or in [`super::place`].
//!
//! No label holds what a client can invent: Gateway, route and backend come from the configuration, the status from
//! the gateway or its upstream, the model from the provider (and from a limited number of names).

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus::proto::{self, LabelPair, Metric, MetricFamily, MetricType};

use super::histogram::{Histogram, Scale};

pub(super) const OPERATION: &str = "gen_ai_operation_name";
pub(super) const RESPONSE_MODEL: &str = "gen_ai_response_model";

/// An answer of a model may take the ten minutes that clients give it.
pub(super) static DURATION: Scale<17> = Scale::milliseconds([
    1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000,
]);

// The buckets that OpenTelemetry's conventions for generative AI ask for (gen-ai-metrics.md).
pub(super) static TOKENS: Scale<14> = Scale::numbers([
    1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864,
]);
pub(super) static OPERATION_DURATION: Scale<14> =
    Scale::milliseconds([10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10_240, 20_480, 40_960, 81_920]);
pub(super) static FIRST_TOKEN: Scale<16> =
    Scale::milliseconds([1, 5, 10, 20, 40, 60, 80, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000]);
pub(super) static OUTPUT_TOKEN: Scale<13> =
    Scale::milliseconds([10, 25, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000, 2500]);

/// Name and value.
pub(super) type Label<'a> = (&'a str, &'a str);

/// A metric that each place has.
#[derive(Debug, Clone, Copy)]
pub(super) enum ByPlace {
    /// Also by `code` and `response_flag`.
    Requests,
    Duration,
    FirstByte,
    Received,
    Sent,
    /// By operation, model and `gen_ai_token_type`.
    Tokens,
    /// By operation, model and `error_type`, which is empty for success.
    Operation,
    /// By operation and model, as the next one.
    FirstToken,
    OutputToken,
}

/// The metrics of all places, as they are shown.
#[derive(Debug, Default)]
pub(super) struct Gathered([Vec<Metric>; ByPlace::ALL.len()]);

impl ByPlace {
    const ALL: [Self; 9] = [
        Self::Requests,
        Self::Duration,
        Self::FirstByte,
        Self::Received,
        Self::Sent,
        Self::Tokens,
        Self::Operation,
        Self::FirstToken,
        Self::OutputToken,
    ];

    fn name_and_help(self) -> (&'static str, &'static str) {
        match self {
            Self::Requests => ("sluice_requests_total", "Requests that ended."),
            Self::Duration => ("sluice_request_duration_seconds", "From head to last byte."),
            Self::FirstByte => ("sluice_upstream_first_byte_seconds", "From head to the upstream's first byte."),
            Self::Received => ("sluice_request_bytes_total", "Bytes of request bodies."),
            Self::Sent => ("sluice_response_bytes_total", "Bytes of response bodies."),
            Self::Tokens => ("gen_ai_client_token_usage", "Tokens of an exchange."),
            Self::Operation => ("gen_ai_client_operation_duration_seconds", "Duration of an exchange."),
            Self::FirstToken => ("gen_ai_server_time_to_first_token_seconds", "Time to the first token."),
            Self::OutputToken => ("gen_ai_server_time_per_output_token_seconds", "Time per token after the first."),
        }
    }

    fn field_type(self) -> MetricType {
        match self {
            Self::Requests | Self::Received | Self::Sent => MetricType::COUNTER,
            _ => MetricType::HISTOGRAM,
        }
    }
}

impl Gathered {
    pub(super) fn counter(&mut self, of: ByPlace, labels: &[Label<'_>], value: &AtomicU64) {
        let mut counter = proto::Counter::default();
        counter.set_value(value.load(Ordering::Relaxed) as f64);
        let mut metric = Metric::from_label(pairs(labels));
        metric.set_counter(counter);
        self.0[of as usize].push(metric);
    }

    pub(super) fn histogram<const N: usize>(&mut self, of: ByPlace, labels: &[Label<'_>], values: &Histogram<N>) {
        let mut metric = Metric::from_label(pairs(labels));
        metric.set_histogram(values.shown());
        self.0[of as usize].push(metric);
    }

    /// Those that any place has, in no order.
    pub(super) fn into_families(self) -> impl Iterator<Item = MetricFamily> {
        ByPlace::ALL.into_iter().zip(self.0).filter(|(_, metrics)| !metrics.is_empty()).map(|(of, metrics)| {
            let (name, help) = of.name_and_help();
            let mut family = MetricFamily::default();
            family.set_name(name.to_owned());
            family.set_help(help.to_owned());
            family.set_field_type(of.field_type());
            family.set_metric(metrics);
            family
        })
    }
}

/// In the order that Prometheus shows them in.
fn pairs(labels: &[Label<'_>]) -> Vec<LabelPair> {
    let mut labels = labels.to_vec();
    labels.sort_unstable();
    let pair = |(name, value): Label<'_>| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    };
    labels.into_iter().map(pair).collect()
}
