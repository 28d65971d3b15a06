//! Reading server-sent events as they come.

use std::collections::VecDeque;
use std::time::Instant;

use super::http::Answered;

/// A stream of events.
pub struct Events {
    answer: Answered,
    text: String,
    ready: VecDeque<Event>,
}

/// One event.
#[derive(Debug, Clone)]
pub struct Event {
    /// When its last byte came.
    pub at: Instant,
    /// The same, microseconds since 1970, the clock of [`crate::steps::SENT`].
    pub at_micros: u64,
    /// Its data.
    pub data: String,
}

/// How a stream of events ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEnd {
    /// Cleanly.
    Clean,
    /// It broke off, and why.
    Cut(String),
}

impl Events {
    /// Reads the body of an answer as events.
    pub fn of(answer: Answered) -> Self {
        Self { answer, text: String::new(), ready: VecDeque::new() }
    }

    /// The next event.
    ///
    /// # Errors
    /// There is none any more: how the stream ended.
    pub async fn next(&mut self) -> Result<Event, StreamEnd> {
        while self.ready.is_empty() {
            match self.answer.piece().await {
                None => return Err(StreamEnd::Clean),
                Some(Err(error)) => return Err(StreamEnd::Cut(error)),
                Some(Ok((at, data))) => self.take(at, &String::from_utf8_lossy(&data)),
            }
        }
        self.ready.pop_front().ok_or(StreamEnd::Clean)
    }

    /// All events that are left, and how the stream ended.
    pub async fn rest(mut self) -> (Vec<Event>, StreamEnd) {
        let mut events = Vec::new();
        loop {
            match self.next().await {
                Ok(event) => events.push(event),
                Err(end) => return (events, end),
            }
        }
    }

    fn take(&mut self, at: Instant, text: &str) {
        self.text.push_str(text);
        while let Some(end) = self.text.find("\n\n") {
            let block: String = self.text.drain(..end + 2).collect();
            let lines = block.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim_start);
            let data = lines.collect::<Vec<_>>().join("\n");
            self.ready.push_back(Event { at, at_micros: crate::steps::now_micros(), data });
        }
    }
}

impl Event {
    /// Microseconds from sending (see [`crate::steps::SENT`]) to arrival; `None` when the event carries no time.
    pub fn latency_micros(&self) -> Option<u64> {
        let data: serde_json::Value = serde_json::from_str(&self.data).ok()?;
        Some(self.at_micros.saturating_sub(data["sent"].as_u64()?))
    }
}
