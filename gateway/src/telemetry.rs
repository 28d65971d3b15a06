//! What is told of the requests: one line each in the access log, and numbers for Prometheus.

pub mod access_log;
mod by_place;
mod digits;
mod family;
mod few;
mod fields;
pub mod flag;
mod histogram;
mod known;
mod mask;
pub mod metrics;
mod place;
pub mod record;
mod timestamp;

pub use access_log::AccessLog;
pub(crate) use digits::Text;
pub use flag::ResponseFlag;
pub use metrics::Metrics;
pub use record::Record;
