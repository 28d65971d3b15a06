//! How large and how long. Short by default; the full form, that of the issue, is `conformance/cluster/full`, which sets
//! `$SLUICE_ENDURANCE_ROUTES` and so on by the names below.

use std::time::Duration;

/// HTTPRoutes of the Gateway.
pub(crate) fn routes() -> usize {
    number("ROUTES", 500)
}

/// Replicas of its data plane.
pub(crate) fn replicas() -> usize {
    number("REPLICAS", 3)
}

/// How long the API server is away.
pub(crate) fn outage() -> Duration {
    Duration::from_secs(number("OUTAGE", 20))
}

/// Changes whose way to all replicas is timed.
pub(crate) fn changes() -> usize {
    number("CHANGES", 30)
}

/// Replicas in the storm: each of them is sent each change, and reads it.
pub(crate) fn storm_replicas() -> usize {
    number("STORM_REPLICAS", 3)
}

/// Updates in each second of the storm.
pub(crate) fn storm_rate() -> u64 {
    number("STORM_RATE", 200)
}

/// How long the storm lasts.
pub(crate) fn storm() -> Duration {
    Duration::from_secs(number("STORM_SECONDS", 10))
}

/// Requests in each second.
pub(crate) fn load() -> u32 {
    number("LOAD", 50)
}

fn number<N: std::str::FromStr>(name: &str, short: N) -> N {
    let name = format!("SLUICE_ENDURANCE_{name}");
    match std::env::var(&name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => short,
    }
}
