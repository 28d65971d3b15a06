//! What the load generator is asked to do, and what it says it saw. It is a process of its own, bound to a core of its own:
//! the work is its argument, and it prints one line of JSON for each [`Said`].

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// One load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Where the requests go: a proxy, or the mock itself.
    pub target: SocketAddr,
    /// Their `Host`.
    pub host: String,
    /// Their paths.
    pub path: Path,
    /// Their `Authorization`, which a proxy is to overwrite.
    pub authorization: String,
    /// What may have reached the mock; more than one while the configuration is edited.
    pub expected: Vec<Seen>,
    /// How many there are; each does the same.
    pub connections: usize,
    /// Before anything counts, once all connections are there.
    pub warm_up_ms: u64,
    /// While things count.
    pub measure_ms: u64,
    /// What is done.
    pub kind: Kind,
}

/// The paths that are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Path {
    /// Always this one.
    One(String),
    /// `/r0/chat/completions` to `/rN/chat/completions` for this many, in an order that is the same in each run and
    /// follows no rule that a cache could guess.
    Numbered(usize),
}

/// What each connection does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One request after the other, with a body of this many bytes. `per_second` is that of all connections together,
    /// and each latency then counts from when the request was due, whether or not a connection was free to send it.
    Requests {
        /// Bytes of each.
        body: usize,
        /// As fast as the answers come if there is none.
        per_second: Option<u32>,
    },
    /// One stream after the other, of this many events with this pause between them; the streams begin spread over the
    /// pause. The first ones are shorter, each by another length, so that they do not end together. Latency is that of
    /// an event, from the time that it carries.
    Streams {
        /// Of each stream.
        events: usize,
        /// From one event to the next.
        pause_ms: u64,
    },
    /// One request, which counts although it comes before the warm-up, and then nothing until the end. A connection
    /// that does not stay open is replaced, which makes more answers than connections.
    Idle,
}

/// The request as the mock has received it, which tells it in its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The target of the request.
    pub path: String,
    /// `Host`, or `:authority`.
    pub host: String,
    /// `Authorization`.
    pub authorization: String,
}

/// What the load generator prints, in this order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// From now on it counts.
    Begins,
    /// It has stopped to count; the connections are open still, for a moment.
    Ended(Measured),
}

/// What was seen while it counted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Measured {
    /// How long it counted.
    pub seconds: f64,
    /// Right answers that were whole; of streams, events.
    pub answers: u64,
    /// Answers that were wrong: another status, path, host, credential, length or hash. Nothing else is measured of them.
    pub wrong: u64,
    /// Requests without an answer, or with half of one. At the end, these are the ones that have waited for a second.
    pub lost: u64,
    /// The first wrong or lost one, in words.
    pub first_fault: Option<String>,
    /// Of an answer from its request (or from when that was due), of an event from its own time.
    pub latency: Latency,
    /// From the request to the first byte of the answer.
    pub first_byte: Latency,
    /// User and system time of the load generator itself: near `seconds`, it is what was measured.
    pub own_cpu_seconds: f64,
}

/// Microseconds; 0 of nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Latency {
    /// Half of them are at most this.
    pub p50: f64,
    /// 90 %.
    pub p90: f64,
    /// 99 %.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}
