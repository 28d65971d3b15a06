//! The gateway's access log, handed to the demo line by line.

use std::io::{self, Write};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The writing end: a sink for the access log. Unbounded, as a terminal would be; who reads it prints it.
pub(super) struct Lines {
    whole: UnboundedSender<String>,
    begun: Vec<u8>,
}

impl Lines {
    pub(super) fn new() -> (Self, UnboundedReceiver<String>) {
        let (whole, lines) = unbounded_channel();
        (Self { whole, begun: Vec::new() }, lines)
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(piece);
            if self.begun.pop_if(|last| *last == b'\n').is_some() {
                let line = String::from_utf8_lossy(&std::mem::take(&mut self.begun)).into_owned();
                // The demo is over; nobody wants the line.
                drop(self.whole.send(line));
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_they_are_written() {
        let (mut sink, mut lines) = Lines::new();
        for piece in ["one\ntw", "o", "\n\n"] {
            sink.write_all(piece.as_bytes()).unwrap();
        }
        let mut next = || lines.try_recv().ok();
        assert_eq!(
            [next(), next(), next(), next()],
            [Some("one".into()), Some("two".into()), Some(String::new()), None]
        );
    }
}
