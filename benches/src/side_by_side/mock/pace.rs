//! When the events of a stream are due.

use std::time::Duration;

use super::chat::write_token;
use crate::side_by_side::clock::Moment;
use crate::side_by_side::wire::{DONE, write_event};

/// A stream that has begun.
#[derive(Debug)]
pub(super) struct Pace {
    start: Moment,
    /// Until the first event is due.
    wait: Duration,
    pause: Duration,
    events: usize,
    sent: usize,
    kind: Kind,
}

/// What its events are.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Each tells when it was sent.
    Timed,
    /// The tokens of a chat completion.
    Chat,
}

impl Pace {
    /// As a header asks for it (see [`EVENTS`](crate::side_by_side::wire::EVENTS)), beginning now; `None` if it asks for
    /// nothing.
    pub(super) fn asked_by(value: &[u8]) -> Option<Self> {
        let words: Vec<&str> = std::str::from_utf8(value).ok()?.split(' ').collect();
        match words[..] {
            [events, pause] => Self::begin(Kind::Timed, events, [pause, pause]),
            ["chat", tokens, wait, pause] => Self::begin(Kind::Chat, tokens, [wait, pause]),
            _ => None,
        }
    }

    fn begin(kind: Kind, events: &str, [wait, pause]: [&str; 2]) -> Option<Self> {
        let millis = |number: &str| number.parse().ok().map(Duration::from_millis);
        let (wait, pause, events) = (millis(wait)?, millis(pause)?, events.parse().ok()?);
        Some(Self { start: Moment::now(), wait, pause, events, sent: 0, kind })
    }

    /// When the next event is due, by the start of the stream, however late the last one was; `None` after the last.
    pub(super) fn due(&self) -> Option<Moment> {
        // A run is no hundred years long.
        (self.sent < self.events).then(|| self.start + self.wait + self.pause * self.sent as u32)
    }

    /// Writes the next event, and behind the last one that it was the last.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) {
        match self.kind {
            Kind::Timed => write_event(out, self.sent, Moment::now()),
            Kind::Chat => write_token(out, self.sent, self.events),
        }
        self.sent += 1;
        if self.sent == self.events {
            out.extend_from_slice(DONE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_event_delays_no_other() {
        let mut pace = Pace::asked_by(b"2 50").unwrap();
        let start = pace.start;
        assert_eq!(pace.due(), Some(start + Duration::from_millis(50)));
        pace.start = Moment::from_nanos(0);
        assert_eq!(pace.due(), Some(Moment::from_nanos(50_000_000)));
        let mut out = Vec::new();
        pace.write(&mut out);
        assert!(!out.ends_with(DONE));
        assert_eq!(pace.due(), Some(Moment::from_nanos(100_000_000)));
        pace.write(&mut out);
        assert!(out.ends_with(DONE));
        assert_eq!(pace.due(), None);
    }

    #[test]
    fn a_chat_waits_for_its_first_token_only() {
        let mut pace = Pace::asked_by(b"chat 2 100 20").unwrap();
        pace.start = Moment::from_nanos(0);
        assert_eq!(pace.due(), Some(Moment::from_nanos(100_000_000)));
        let mut out = Vec::new();
        pace.write(&mut out);
        assert_eq!(pace.due(), Some(Moment::from_nanos(120_000_000)));
        pace.write(&mut out);
        assert!(out.ends_with(DONE) && pace.due().is_none());
    }

    #[test]
    fn only_numbers_ask_for_a_stream() {
        for value in [&b""[..], b"5", b"5 x", b"x 5", b"5 5 5", b"chat 5 5", b"chat 5 5 x"] {
            assert!(Pace::asked_by(value).is_none());
        }
    }
}
