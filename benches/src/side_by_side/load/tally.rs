//! What was seen while it counted.

use std::io;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::schedule::Schedule;
use crate::side_by_side::clock::Moment;
use crate::side_by_side::work::{Kind, Latency, Measured, Work};

/// Who waits so long for a sign of an answer has lost it.
const SILENCE: Duration = Duration::from_secs(1);

/// Latencies above are taken for as long as this: a minute, in nanoseconds.
const LONGEST: u64 = 60_000_000_000;

/// An answer that is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It says something else.
    Wrong(String),
    /// It did not come, or not all of it.
    Lost(String),
}

/// Counts, once it has begun.
pub(super) struct Tally {
    counting: bool,
    answers: u64,
    wrong: u64,
    lost: u64,
    first_fault: Option<String>,
    latency: Histogram<u64>,
    first_byte: Histogram<u64>,
    /// Since when each connection has waited; `None` if it does not wait.
    waiting: Vec<Option<Moment>>,
    silence: Duration,
}

impl Tally {
    pub(super) fn of(work: &Work) -> io::Result<Self> {
        let histogram = || Histogram::new_with_max(LONGEST, 3).map_err(io::Error::other);
        let pause = match work.kind {
            Kind::Streams { pause_ms, .. } => Duration::from_millis(pause_ms),
            Kind::Requests { .. } | Kind::Idle => Duration::ZERO,
        };
        Ok(Self {
            // The only request comes first.
            counting: work.kind == Kind::Idle,
            answers: 0,
            wrong: 0,
            lost: 0,
            first_fault: None,
            latency: histogram()?,
            first_byte: histogram()?,
            waiting: vec![None; work.connections],
            silence: SILENCE + pause,
        })
    }

    /// From now on it counts.
    pub(super) fn begin(&mut self) {
        self.counting = true;
    }

    /// A connection waits since a moment: for an answer, or for the next event.
    pub(super) fn waits(&mut self, connection: usize, since: Moment) {
        self.waiting[connection] = Some(since);
    }

    /// A connection has what it waited for.
    pub(super) fn rests(&mut self, connection: usize) {
        self.waiting[connection] = None;
    }

    /// A whole answer, or an event, was right.
    pub(super) fn answer(&mut self, latency: Duration) {
        if self.counting {
            self.answers += 1;
            self.latency.saturating_record(latency.as_nanos() as u64);
        }
    }

    /// An answer has begun.
    pub(super) fn first_byte(&mut self, latency: Duration) {
        if self.counting {
            self.first_byte.saturating_record(latency.as_nanos() as u64);
        }
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        if !self.counting {
            return;
        }
        let (count, description) = match fault {
            Fault::Wrong(what) => (&mut self.wrong, what),
            Fault::Lost(what) => (&mut self.lost, what),
        };
        *count += 1;
        self.first_fault.get_or_insert(description);
    }

    /// Stops to count, and says what it saw. The times are the caller's to fill in.
    pub(super) fn end(&mut self, end: Moment, schedule: Option<&Schedule>) -> Measured {
        let silent = |since: &&Moment| end.since(**since) > self.silence;
        let unanswered = self.waiting.iter().flatten().filter(silent).count() as u64;
        let unsent = schedule.map_or(0, |schedule| schedule.untaken(end, self.silence));
        for (count, what) in [(unanswered, "waited for an answer still"), (unsent, "were due and were not sent yet")] {
            if count > 0 {
                self.lost += count;
                self.first_fault.get_or_insert(format!("{count} requests {what}, for more than {:?}", self.silence));
            }
        }
        self.counting = false;
        Measured {
            answers: self.answers,
            wrong: self.wrong,
            lost: self.lost,
            first_fault: self.first_fault.take(),
            latency: quantiles(&self.latency),
            first_byte: quantiles(&self.first_byte),
            ..Measured::default()
        }
    }
}

fn quantiles(histogram: &Histogram<u64>) -> Latency {
    let micros = |nanos: u64| nanos as f64 / 1000.0;
    let at = |share| micros(histogram.value_at_quantile(share));
    Latency { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: micros(histogram.max()) }
}

/// Enough of some bytes to know them again.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(200)].escape_ascii().to_string()
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData => Self::Wrong(error.to_string()),
            _ => Self::Lost(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::side_by_side::work::Path;

    fn tally(kind: Kind) -> Tally {
        Tally::of(&Work {
            target: ([127, 0, 0, 1], 80).into(),
            host: String::new(),
            path: Path::Numbered(1),
            authorization: String::new(),
            expected: Vec::new(),
            connections: 3,
            warm_up_ms: 0,
            measure_ms: 0,
            kind,
        })
        .unwrap()
    }

    const REQUESTS: Kind = Kind::Requests { body: 0, per_second: None };

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn the_warm_up_does_not_count() {
        let mut tally = tally(REQUESTS);
        let everything = |tally: &mut Tally| {
            tally.answer(Duration::from_micros(100));
            tally.first_byte(Duration::from_micros(50));
            tally.fault(Fault::Wrong("wrong".to_owned()));
            tally.fault(Fault::Lost("lost".to_owned()));
        };
        everything(&mut tally);
        assert_eq!(tally.end(at(1), None), Measured::default());
        tally.begin();
        everything(&mut tally);
        let Measured { answers, wrong, lost, first_fault, latency, first_byte, .. } = tally.end(at(1), None);
        assert_eq!((answers, wrong, lost, first_fault.as_deref()), (1, 1, 1, Some("wrong")));
        assert!((latency.p50 - 100.0).abs() < 0.2 && (first_byte.max - 50.0).abs() < 0.1, "{latency:?} {first_byte:?}");
    }

    #[test]
    fn who_waits_for_long_has_lost_it() {
        let mut tally = tally(REQUESTS);
        tally.begin();
        tally.waits(0, at(100));
        tally.waits(1, at(1500));
        tally.waits(2, at(100));
        tally.rests(2);
        let measured = tally.end(at(2000), None);
        let fault = "1 requests waited for an answer still, for more than 1s";
        assert_eq!((measured.lost, measured.first_fault.as_deref()), (1, Some(fault)));
    }

    #[test]
    fn what_was_due_and_not_sent_is_lost() {
        let mut tally = tally(REQUESTS);
        tally.begin();
        let schedule = Schedule::new(at(1000), 100);
        schedule.take();
        assert_eq!(tally.end(at(3000), Some(&schedule)).lost, 99);
    }

    #[test]
    fn a_stream_may_pause() {
        let mut tally = tally(Kind::Streams { events: 1, pause_ms: 5000 });
        tally.begin();
        tally.waits(0, at(0));
        assert_eq!(tally.end(at(5500), None).lost, 0);
        assert_eq!(tally.end(at(6500), None).lost, 1);
    }
}
