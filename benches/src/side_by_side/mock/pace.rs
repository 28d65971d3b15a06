//! When the events of a stream are due.

use std::time::Duration;

use crate::side_by_side::clock::Moment;
use crate::side_by_side::wire::{DONE, write_event};

/// A stream that has begun.
#[derive(Debug)]
pub(super) struct Pace {
    start: Moment,
    pause: Duration,
    events: usize,
    sent: usize,
}

impl Pace {
    /// As a header asks for it (`<events> <milliseconds>`), beginning now; `None` if it asks for nothing.
    pub(super) fn asked_by(value: &[u8]) -> Option<Self> {
        let (events, pause) = std::str::from_utf8(value).ok()?.split_once(' ')?;
        let (events, pause) = (events.parse().ok()?, Duration::from_millis(pause.parse().ok()?));
        Some(Self { start: Moment::now(), pause, events, sent: 0 })
    }

    /// When the next event is due, by the start of the stream, however late the last one was; `None` after the last.
    pub(super) fn due(&self) -> Option<Moment> {
        // A run is no hundred years long.
        (self.sent < self.events).then(|| self.start + self.pause * (self.sent as u32 + 1))
    }

    /// Writes the next event, and behind the last one that it was the last.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) {
        write_event(out, self.sent, Moment::now());
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
    fn only_two_numbers_ask_for_a_stream() {
        for value in [&b""[..], b"5", b"5 x", b"x 5"] {
            assert!(Pace::asked_by(value).is_none());
        }
    }
}
