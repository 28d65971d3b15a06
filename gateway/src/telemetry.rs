//! What is told of the requests: one line each in the access log, and numbers for Prometheus.

pub mod access_log;
mod family;
mod known;
mod mask;
pub mod metrics;
pub mod record;

pub use access_log::AccessLog;
pub use metrics::Metrics;
pub use record::{Record, ResponseFlag};
