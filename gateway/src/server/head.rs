//! Where a request's head ends, and whether it is too large. The engine parses it; this only watches the bytes.

use super::first_line::FirstLine;

/// Most bytes of a head: Envoy's default for all header fields together.
pub(crate) const HEAD_LIMIT: usize = 60 * 1024;

/// Follows one head through any chunking.
#[derive(Debug, Default)]
pub(crate) struct HeadScanner {
    seen: usize,
    /// The last byte that is not a carriage return was a line feed.
    line_ended: bool,
    first_line: FirstLine,
}

/// What is known after some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// The head goes on.
    Going,
    /// An empty line ended it.
    Ended,
    /// It is larger than [`HEAD_LIMIT`].
    TooLarge,
    /// Its first line is none.
    Malformed,
}

impl HeadScanner {
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Scanned {
        for (index, byte) in bytes.iter().enumerate() {
            if !self.first_line.feed(*byte) {
                return Scanned::Malformed;
            }
            match byte {
                // Empty lines before the request line are no end of it (RFC 9112 section 2.2).
                b'\n' if self.line_ended && self.seen + index > 2 => return Scanned::Ended,
                b'\n' => self.line_ended = true,
                b'\r' => {}
                _ => self.line_ended = false,
            }
        }
        self.seen += bytes.len();
        if self.seen > HEAD_LIMIT { Scanned::TooLarge } else { Scanned::Going }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_in_any_chunking() {
        let head = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        for size in 1..head.len() {
            let mut scanner = HeadScanner::default();
            let last = head.chunks(size).map(|chunk| scanner.feed(chunk)).last();
            assert_eq!(last, Some(Scanned::Ended), "chunks of {size}");
        }
    }

    #[test]
    fn a_body_does_not_count() {
        let mut message = b"POST / HTTP/1.1\r\n\r\n".to_vec();
        message.extend(vec![b'x'; HEAD_LIMIT]);
        assert_eq!(HeadScanner::default().feed(&message), Scanned::Ended);
    }

    #[test]
    fn endless_heads_are_too_large() {
        let mut scanner = HeadScanner::default();
        assert_eq!(scanner.feed(&vec![b'x'; HEAD_LIMIT]), Scanned::Going);
        assert_eq!(scanner.feed(b"x"), Scanned::TooLarge);
    }
}
