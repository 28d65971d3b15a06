//! What is logged, and how: to standard error, as text for a terminal and as JSON lines otherwise.
//!
//! Standard output belongs to the ready line and the access log.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Our own targets.
const OURS: [&str; 3] = ["sluice", "sluice_controller", "sluice_gateway"];

/// The engine's. What it has to say of a request stands in the access log; its own lines on top of that would let any
/// client fill the log.
const ENGINE: [&str; 1] = ["pingora_core"];

/// How much is logged of what Sluice itself does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[allow(missing_docs)] // The words of `tracing`.
pub enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Starts logging. A second call does nothing, so that tests may call it, too.
pub fn init(level: LogLevel) {
    let terminal = std::io::stderr().is_terminal();
    let format = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let layer = match terminal {
        true => format.boxed(),
        false => format.json().flatten_event(true).boxed(),
    };
    // It fails only when logging has been started already.
    drop(tracing_subscriber::registry().with(layer).with(filter(level)).try_init());
}

/// The chosen level is for our own targets only. All others (the engine, HTTP/2, TLS, DNS…) stay at `warn` whatever the
/// flag says, and `RUST_LOG` is not read at all: their debug and trace lines show heads and bytes of requests in clear,
/// the injected credentials among them.
fn filter(level: LogLevel) -> Targets {
    let ours = LevelFilter::from(level);
    let others = ours.min(LevelFilter::WARN);
    let engine = if ours >= LevelFilter::DEBUG { others } else { LevelFilter::OFF };
    let named = OURS.map(|target| (target, ours)).into_iter().chain(ENGINE.map(|target| (target, engine)));
    Targets::new().with_default(others).with_targets(named)
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Off => Self::OFF,
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn others_never_say_more_than_warnings() {
        let filter = filter(LogLevel::Trace);
        for target in ["pingora_core", "pingora_core::apps", "h2::codec", "hyper", "rustls", "hickory_proto", "mio"] {
            assert!(filter.would_enable(target, &Level::WARN), "{target}");
            assert!(!filter.would_enable(target, &Level::INFO), "{target}");
        }
        assert!(filter.would_enable("sluice_gateway::proxy", &Level::TRACE));
    }

    #[test]
    fn the_engine_is_quiet_unless_one_looks_for_defects() {
        assert!(!filter(LogLevel::Info).would_enable("pingora_core", &Level::ERROR));
        assert!(filter(LogLevel::Debug).would_enable("pingora_core", &Level::WARN));
    }

    #[test]
    fn a_low_level_is_for_all() {
        let filter = filter(LogLevel::Error);
        assert!(!filter.would_enable("pingora_core", &Level::WARN));
        assert!(!filter.would_enable("sluice_gateway", &Level::WARN));
        assert!(!super::filter(LogLevel::Off).would_enable("sluice_gateway", &Level::ERROR));
    }
}
