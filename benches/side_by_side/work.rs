//! What the load generator is asked to do, and what it says it saw. It is a process of its own, bound to a core of its own:
//! the work is its argument, and it prints one line of JSON for each [`Said`].

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// One load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Work {
    /// Where the requests go: a proxy, or the mock itself.
    pub(crate) target: SocketAddr,
    /// Their `Host`.
    pub(crate) host: String,
    pub(crate) path: Path,
    /// Their `Authorization`, which a proxy is to overwrite.
    pub(crate) authorization: String,
    /// What may have reached the mock; more than one while the configuration is edited.
    pub(crate) expected: Vec<Seen>,
    pub(crate) connections: usize,
    /// Before anything counts, once all connections are there.
    pub(crate) warm_up_ms: u64,
    /// While things count.
    pub(crate) measure_ms: u64,
    pub(crate) kind: Kind,
}

/// The paths that are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Path {
    One(String),
    /// `/r0/chat/completions` to `/rN/chat/completions` for this many, in an order that is the same in each run and
    /// follows no rule that a cache could guess.
    Numbered(usize),
}

/// What each connection does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// One request after the other, with a body of this many bytes. `per_second` is that of all connections together,
    /// and each latency then counts from when the request was due, whether or not a connection was free to send it.
    Requests { body: usize, per_second: Option<u32> },
    /// One stream after the other, of this many events with this pause between them; the streams begin spread over the
    /// pause. Latency is that of an event, from the time that it carries.
    Streams { events: usize, pause_ms: u64 },
    /// One request, and then nothing until the end.
    Idle,
}

/// The request as the mock has received it, which tells it in its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) host: String,
    pub(crate) authorization: String,
}

/// What the load generator prints, in this order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    /// From now on it counts.
    Begins,
    /// It has stopped to count; the connections are open still, for a moment.
    Ended(Measured),
}

/// What was seen while it counted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) seconds: f64,
    /// Right answers that were whole; of streams, events.
    pub(crate) answers: u64,
    /// Answers that were wrong: another status, path, host, credential, length or hash. Nothing else is measured of them.
    pub(crate) wrong: u64,
    /// Requests without an answer, or with half of one.
    pub(crate) lost: u64,
    /// The first wrong or lost one, in words.
    pub(crate) first_fault: Option<String>,
    /// Of an answer from its request (or from when that was due), of an event from its own time.
    pub(crate) latency: Latency,
    /// From the request to the first byte of the answer.
    pub(crate) first_byte: Latency,
    /// User and system time of the load generator itself: near `seconds`, it is what was measured.
    pub(crate) own_cpu_seconds: f64,
}

/// Microseconds; 0 of nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}
