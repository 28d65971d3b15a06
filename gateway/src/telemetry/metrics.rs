//! Counts requests and measures exchanges for Prometheus.
//!
//! What a request needs is looked up once per place (Gateway, route, backend): after that it is atomics.

use std::sync::Arc;

use prometheus::{IntCounter, IntGauge, Registry, TextEncoder};

use super::by_place::Gathered;
use super::family::Families;
use super::known::Known;
use super::place::{Place, PlaceName};
use super::record::Record;

/// How many names of models become labels; all further ones are [`OTHER`].
const MODELS: usize = 200;
const OTHER: &str = "other";
/// The label of a name that there is not.
const NONE: &str = "-";

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    families: Families,
    /// As many as there are routes.
    places: Known<Arc<Place>, 128>,
    models: Known<()>,
}

/// Something that is counted for as long as it is held.
#[derive(Debug)]
#[must_use = "it is counted until it is dropped"]
pub struct Held(IntGauge);

impl Metrics {
    /// Registers all metrics, at zero.
    ///
    /// # Errors
    /// Two have the same name: a bug, shown by any test that starts.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let families = Families::new(&registry)?;
        Ok(Self { registry, families, places: Known::new(), models: Known::new() })
    }

    /// The text that Prometheus scrapes.
    pub fn render(&self) -> String {
        let mut gathered = Gathered::default();
        for place in self.places.sorted(|a, b| a.name().cmp(&b.name())) {
            place.gather(&mut gathered);
        }
        let mut families = self.registry.gather();
        families.extend(gathered.into_families());
        families.sort_unstable_by(|a, b| a.name().cmp(b.name()));
        TextEncoder::new().encode_to_string(&families).unwrap_or_else(|error| {
            tracing::error!(%error, "the metrics cannot be written");
            String::new()
        })
    }

    /// Counts one finished request.
    pub fn observe(&self, record: &Record<'_>) {
        let name = PlaceName {
            gateway: record.gateway,
            route: record.route_name.unwrap_or(NONE),
            backend: record.upstream_cluster.unwrap_or(NONE),
        };
        let place = self.places.at(name, || Arc::new(Place::new(name)));
        place.request(record);
        if let Some(exchange) = record.exchange {
            place.exchange(record, exchange, self.model_label(exchange.response_model.as_deref()));
        }
    }

    /// The label of a model: its name while there are few of them, since a provider may echo what a client invents.
    fn model_label<'a>(&self, model: Option<&'a str>) -> &'a str {
        let Some(model) = model else { return NONE };
        match self.models.has(model) {
            (true, _) => model,
            (false, MODELS..) => OTHER,
            (false, _) => {
                self.models.at(model, || ());
                model
            }
        }
    }

    /// A request has begun; it counts as running until the result is dropped.
    pub fn active_request(&self) -> Held {
        Held::new(&self.families.active_requests)
    }

    /// An answer that is an event stream has begun.
    pub fn active_stream(&self) -> Held {
        Held::new(&self.families.active_streams)
    }

    /// A client has connected.
    pub fn connection(&self) -> Held {
        Held::new(&self.families.connections)
    }

    /// A connection to a backend (`Cluster::name`) failed.
    pub fn connect_failed(&self, backend: &str) {
        self.families.connect_failures.with_label_values(&[backend]).inc();
    }

    /// A snapshot of a Gateway has come into force.
    pub fn published(&self, gateway: &str) {
        self.families.publishes.with_label_values(&[gateway]).inc();
    }

    /// The counter of lines that the access log lost.
    pub fn access_log_dropped(&self) -> IntCounter {
        self.families.dropped.clone()
    }
}

impl Held {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ai::{Ending, Exchange, Operation};
    use crate::telemetry::ResponseFlag;

    fn exchange(response_model: &str, ending: Ending) -> Exchange {
        Exchange {
            operation: Some(Operation::Chat),
            request_model: Some("marker".to_owned()),
            response_model: Some(response_model.to_owned()),
            streamed: true,
            input_tokens: Some(759),
            output_tokens: Some(5),
            cached_tokens: None,
            reasoning_tokens: None,
            time_to_first_token: Some(Duration::from_millis(50)),
            time_per_output_token: None,
            ending,
        }
    }

    /// The value of the one sample of this name whose labels have these pairs; `None` when there is none.
    fn value(metrics: &Metrics, name: &str, labels: &[&str]) -> Option<f64> {
        let text = metrics.render();
        let mut found = text.lines().filter_map(|line| {
            let (sample, value) = line.rsplit_once(' ')?;
            let (found, pairs) = sample.split_once('{').unwrap_or((sample, ""));
            let fits = found == name && labels.iter().all(|pair| pairs.contains(pair));
            fits.then(|| value.parse::<f64>().unwrap())
        });
        let value = found.next();
        assert_eq!(found.next(), None, "{name} {labels:?} is more than one sample");
        value
    }

    #[test]
    fn a_request_is_counted_at_its_place() {
        let metrics = Metrics::new().unwrap();
        let fine = Record::sample(b"/");
        let refused = Record {
            response_code: 503,
            response_flags: ResponseFlag::UpstreamConnectionFailure,
            route_name: None,
            ..Record::sample(b"/")
        };
        for record in [&fine, &fine, &refused, &fine] {
            metrics.observe(record);
        }
        let place =
            [r#"gateway="ai/model-gateway""#, r#"route="httproute/ai/qwen/rule/0""#, r#"backend="backend/ai/qwen""#];
        let total = |code, flag| value(&metrics, "sluice_requests_total", &[code, flag]);
        assert_eq!(total(r#"code="200""#, r#"response_flag="-""#), Some(3.0));
        assert_eq!(total(r#"code="503""#, r#"response_flag="UF""#), Some(1.0));
        assert_eq!(total(r#"code="503""#, r#"route="-""#), Some(1.0));
        assert_eq!(total(r#"code="500""#, ""), None);
        for (name, expected) in [
            ("sluice_requests_total", 3.0),
            ("sluice_request_bytes_total", 3.0 * 7365.0),
            ("sluice_response_bytes_total", 3.0 * 552.0),
            ("sluice_request_duration_seconds_count", 3.0),
            ("sluice_upstream_first_byte_seconds_count", 3.0),
        ] {
            assert_eq!(value(&metrics, name, &place), Some(expected), "{name}");
        }
    }

    #[test]
    fn an_exchange_is_counted_under_opentelemetrys_names() {
        let metrics = Metrics::new().unwrap();
        let (done, cut) = (exchange("qwen-plus", Ending::Done), exchange("qwen-plus", Ending::Cut));
        for (exchange, response_code) in [(&done, 200), (&cut, 200), (&done, 200), (&cut, 429)] {
            metrics.observe(&Record { exchange: Some(exchange), response_code, ..Record::sample(b"/") });
        }
        for (name, label, expected) in [
            ("gen_ai_client_token_usage_sum", r#"gen_ai_token_type="input""#, Some(4.0 * 759.0)),
            ("gen_ai_client_token_usage_sum", r#"gen_ai_token_type="output""#, Some(4.0 * 5.0)),
            ("gen_ai_client_operation_duration_seconds_count", r#"error_type="""#, Some(2.0)),
            ("gen_ai_client_operation_duration_seconds_count", r#"error_type="cut""#, Some(1.0)),
            ("gen_ai_client_operation_duration_seconds_count", r#"error_type="429""#, Some(1.0)),
            ("gen_ai_client_operation_duration_seconds_count", r#"error_type="done""#, None),
            ("gen_ai_server_time_to_first_token_seconds_sum", "", Some(0.2)),
            ("gen_ai_server_time_per_output_token_seconds_count", "", Some(0.0)),
        ] {
            let model = [r#"gen_ai_operation_name="chat""#, r#"gen_ai_response_model="qwen-plus""#, label];
            assert_eq!(value(&metrics, name, &model), expected, "{name} {label}");
        }
    }

    #[test]
    fn no_client_makes_labels() {
        let metrics = Metrics::new().unwrap();
        let asked = exchange("qwen-plus", Ending::Done);
        let marker = Some(b"marker".as_slice());
        metrics.observe(&Record {
            user_agent: marker,
            authority: marker,
            request_id: marker,
            exchange: Some(&asked),
            ..Record::sample(b"/marker")
        });
        assert!(!metrics.render().contains("marker"));
        for number in 0..MODELS + 9 {
            let echoed = exchange(&format!("invented-{number}"), Ending::Done);
            metrics.observe(&Record { exchange: Some(&echoed), ..Record::sample(b"/") });
        }
        let text = metrics.render();
        let counts = text.lines().filter(|line| line.starts_with("gen_ai_client_operation_duration_seconds_count"));
        assert_eq!(counts.count(), MODELS + 1);
        let others = [r#"gen_ai_response_model="other""#];
        assert_eq!(value(&metrics, "gen_ai_client_operation_duration_seconds_count", &others), Some(10.0));
    }

    #[test]
    fn gauges_follow_what_is_held() {
        let metrics = Metrics::new().unwrap();
        let held = (metrics.active_request(), metrics.active_request(), metrics.active_stream(), metrics.connection());
        assert_eq!(value(&metrics, "sluice_active_requests", &[]), Some(2.0));
        assert_eq!(value(&metrics, "sluice_active_streams", &[]), Some(1.0));
        assert_eq!(value(&metrics, "sluice_downstream_connections", &[]), Some(1.0));
        drop(held);
        for gauge in ["sluice_active_requests", "sluice_active_streams", "sluice_downstream_connections"] {
            assert_eq!(value(&metrics, gauge, &[]), Some(0.0), "{gauge}");
        }
        metrics.connect_failed("backend/ai/qwen");
        metrics.published("ai/g");
        metrics.access_log_dropped().inc();
        for (name, label) in [
            ("sluice_upstream_connect_failures_total", r#"backend="backend/ai/qwen""#),
            ("sluice_snapshot_publishes_total", r#"gateway="ai/g""#),
            ("sluice_access_log_dropped_total", ""),
        ] {
            assert_eq!(value(&metrics, name, &[label]), Some(1.0), "{name}");
        }
    }
}
