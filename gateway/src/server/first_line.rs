//! The first line of an HTTP/1 head as it comes. The engine escapes what may not stand in a target and forgets that it
//! did; what is matched and forwarded must be what was sent, so the line is judged before the engine has it.

/// Follows one line through any chunking.
#[derive(Debug, Default)]
pub(crate) struct FirstLine {
    /// Spaces so far; words are not counted, the engine finds empty ones itself.
    spaces: usize,
    begun: bool,
    malformed: bool,
    ended: bool,
}

impl FirstLine {
    /// Takes the next byte of the head; false when the line has ended and is not `METHOD TARGET VERSION`.
    pub(crate) fn feed(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.ended => return true,
            // Empty lines may come before it (RFC 9112 section 2.2).
            b'\n' if !self.begun => return true,
            b'\n' => {
                self.ended = true;
                return !self.malformed && self.spaces == 2;
            }
            b'\r' => return true,
            b' ' => self.spaces += 1,
            byte => self.malformed |= !byte.is_ascii_graphic(),
        }
        self.begun = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let passes = |text: &str| {
            let mut line = FirstLine::default();
            text.bytes().all(|byte| line.feed(byte))
        };
        for good in ["GET / HTTP/1.1\r\nhost: a b\r\n\r\n", "\r\nGET / HTTP/1.1\n\n", "GET /%20 HTTP/1.1\r\n"] {
            assert!(passes(good), "{good:?}");
        }
        for bad in [
            "GET  / HTTP/1.1\r\n",
            "GET /a b HTTP/1.1\r\n",
            "GET /\u{7f} HTTP/1.1\r\n",
            "GET /\u{1} HTTP/1.1\r\n",
            "GET /\u{e9} HTTP/1.1\r\n",
            "GET /\tHTTP/1.1\r\n",
            "GET /\r\n",
        ] {
            assert!(!passes(bad), "{bad:?}");
        }
    }
}
