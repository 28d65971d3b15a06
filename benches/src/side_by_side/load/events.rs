//! A stream of events, cut wherever the network cut it.

use memchr::memmem;

use super::tally::{Fault, excerpt};
use crate::side_by_side::clock::Moment;
use crate::side_by_side::wire::{DONE, read_event};

/// The blank line behind each event.
const END: &[u8] = b"\n\n";

/// What has come of a stream.
#[derive(Default)]
pub(super) struct Events {
    /// The beginning of an event whose end has not come.
    begun: Vec<u8>,
    count: usize,
    done: bool,
}

impl Events {
    /// Takes what has arrived, and tells the time of each event that is complete by it.
    pub(super) fn add(&mut self, data: &[u8], each: &mut impl FnMut(Moment)) -> Result<(), Fault> {
        if self.begun.is_empty() {
            let used = self.take(data, each)?;
            self.begun.extend_from_slice(&data[used..]);
            return Ok(());
        }
        let mut begun = std::mem::take(&mut self.begun);
        begun.extend_from_slice(data);
        let used = self.take(&begun, each)?;
        begun.drain(..used);
        self.begun = begun;
        Ok(())
    }

    /// Whether all of the events have come, the last one of them, and nothing else.
    pub(super) fn end(&self, events: usize) -> Result<(), Fault> {
        match (self.count == events, self.done, self.begun.is_empty()) {
            (true, true, true) => Ok(()),
            (_, false, _) => Err(Fault::Lost(format!("a stream ended after {} of {events} events", self.count))),
            _ => Err(Fault::Wrong(format!("a stream of {} events and not of {events}", self.count))),
        }
    }

    /// Takes the whole events of some bytes, and returns how long they are.
    fn take(&mut self, bytes: &[u8], each: &mut impl FnMut(Moment)) -> Result<usize, Fault> {
        let mut used = 0;
        while let Some(length) = memmem::find(&bytes[used..], END) {
            let event = &bytes[used..used + length + END.len()];
            used += event.len();
            match read_event(event) {
                Some((number, at)) if number == self.count && !self.done => {
                    self.count += 1;
                    each(at);
                }
                None if event == DONE && !self.done => self.done = true,
                _ => return Err(Fault::Wrong(format!("event {} is `{}`", self.count, excerpt(event)))),
            }
        }
        Ok(used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::side_by_side::wire::write_event;

    fn stream(numbers: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in numbers {
            write_event(&mut bytes, *number, Moment::from_nanos(*number as u64));
        }
        [&bytes, DONE].concat()
    }

    /// The times of a stream of three events that arrives in parts.
    fn read(bytes: &[u8], part: usize) -> Result<Vec<u64>, Fault> {
        let (mut events, mut times) = (Events::default(), Vec::new());
        for part in bytes.chunks(part) {
            events.add(part, &mut |at| times.push(at.nanos()))?;
        }
        events.end(3).map(|()| times)
    }

    #[test]
    fn events_are_the_same_in_whatever_parts_they_arrive() {
        let bytes = stream(&[0, 1, 2]);
        for part in 1..=bytes.len() {
            assert_eq!(read(&bytes, part), Ok(vec![0, 1, 2]), "parts of {part}");
        }
    }

    #[test]
    fn a_stream_that_ends_early_is_lost() {
        let bytes = stream(&[0, 1, 2]);
        for missing in 1..=bytes.len() {
            let cut = read(&bytes[..bytes.len() - missing], 100);
            assert!(matches!(cut, Err(Fault::Lost(_))), "{missing} bytes less: {cut:?}");
        }
    }

    #[test]
    fn a_stream_that_says_something_else_is_wrong() {
        let more = [&stream(&[0, 1, 2])[..], b"data: x"].concat();
        for bytes in [&stream(&[0, 1])[..], &stream(&[0, 2, 1]), &stream(&[0, 1, 2, 3]), b"data: error\n\n", &more] {
            let read = read(bytes, bytes.len());
            assert!(matches!(read, Err(Fault::Wrong(_))), "{read:?}");
        }
    }
}
