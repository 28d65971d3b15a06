//! Server-sent events, read in passing: events of any size, nothing of them kept but a short name.
//!
//! The grammar is that of the HTML standard (section 9.2.6): LF, CRLF and CR end a line, a colon at its start makes
//! it a comment, one space after the colon of a field is dropped, an empty line ends the event.

use memchr::memchr2;

use super::kept::Kept;

/// Longest event name that is told apart, in bytes; a longer one is no name we know.
const NAME: usize = 64;
const BOM: &[u8] = "\u{feff}".as_bytes();

/// What the reader tells.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// The event's name (its `event` field), whole.
    Name(&'a [u8]),
    /// Some more bytes of the event's data; its lines are joined by LF.
    Data(&'a [u8]),
    /// An event that had data or a name is over. Without data, the standard has it that nothing happened.
    End,
}

/// Reads a stream of events.
#[derive(Debug)]
pub struct Events {
    state: State,
    /// How much of the byte order mark has been seen; past its length when the stream has begun.
    bom: usize,
    /// The last byte was a CR: an LF that follows belongs to it.
    after_cr: bool,
    has_data: bool,
    has_name: bool,
    /// A field's name, later an event's name.
    kept: Kept<NAME>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the name of a field, or at the start of a line.
    Field,
    /// After the colon, where one space is dropped.
    Colon(Field),
    /// In a value.
    Value(Field),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Data,
    Event,
    Other,
}

impl Default for Events {
    fn default() -> Self {
        Self { state: State::Field, bom: 0, after_cr: false, has_data: false, has_name: false, kept: Kept::default() }
    }
}

impl Events {
    /// Takes the next bytes of the stream and tells what is in them.
    pub fn feed(&mut self, bytes: &[u8], tell: &mut impl FnMut(Piece<'_>)) {
        let mut rest = self.without_bom(bytes);
        while let Some(first) = rest.first() {
            let used = if std::mem::take(&mut self.after_cr) && *first == b'\n' { 1 } else { self.step(rest, tell) };
            rest = rest.get(used..).unwrap_or_default();
        }
    }

    fn without_bom<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut rest = bytes;
        while let (Some(wanted), Some((first, after))) = (BOM.get(self.bom), rest.split_first()) {
            if wanted != first {
                // A part of a mark cannot start a field that we know.
                self.kept.push(BOM.get(..self.bom).unwrap_or_default());
                self.bom = BOM.len();
                break;
            }
            self.bom += 1;
            rest = after;
        }
        rest
    }

    /// Reads on to the end of the part one is in; the number of bytes used.
    fn step(&mut self, bytes: &[u8], tell: &mut impl FnMut(Piece<'_>)) -> usize {
        match self.state {
            State::Field => self.field(bytes, tell),
            State::Colon(field) => {
                self.state = State::Value(field);
                if field == Field::Data {
                    self.begin_data(tell);
                }
                usize::from(bytes.first() == Some(&b' '))
            }
            State::Value(field) => self.value(field, bytes, tell),
        }
    }

    fn field(&mut self, bytes: &[u8], tell: &mut impl FnMut(Piece<'_>)) -> usize {
        let end = bytes.iter().position(|b| matches!(b, b':' | b'\n' | b'\r'));
        let used = end.unwrap_or(bytes.len());
        self.kept.push(bytes.get(..used).unwrap_or_default());
        let Some(end) = end.and_then(|end| bytes.get(end)) else { return used };
        let empty = self.kept.whole() == Some(b"");
        let field = match self.kept.whole() {
            Some(b"data") => Field::Data,
            Some(b"event") => Field::Event,
            _ => Field::Other,
        };
        if *end == b':' {
            self.kept.clear();
            self.state = State::Colon(field);
        } else {
            if empty {
                self.end_event(tell);
            } else if field == Field::Data {
                self.begin_data(tell);
            }
            self.end_line(*end);
        }
        used + 1
    }

    fn value(&mut self, field: Field, bytes: &[u8], tell: &mut impl FnMut(Piece<'_>)) -> usize {
        let end = memchr2(b'\n', b'\r', bytes);
        let used = end.unwrap_or(bytes.len());
        let piece = bytes.get(..used).unwrap_or_default();
        match field {
            Field::Data if !piece.is_empty() => tell(Piece::Data(piece)),
            Field::Event => self.kept.push(piece),
            _ => {}
        }
        let Some(end) = end.and_then(|end| bytes.get(end)) else { return used };
        if let (Field::Event, Some(name)) = (field, self.kept.whole()) {
            self.has_name = true;
            tell(Piece::Name(name));
        }
        self.end_line(*end);
        used + 1
    }

    fn begin_data(&mut self, tell: &mut impl FnMut(Piece<'_>)) {
        if std::mem::replace(&mut self.has_data, true) {
            tell(Piece::Data(b"\n"));
        }
    }

    fn end_event(&mut self, tell: &mut impl FnMut(Piece<'_>)) {
        if std::mem::take(&mut self.has_data) | std::mem::take(&mut self.has_name) {
            tell(Piece::End);
        }
    }

    fn end_line(&mut self, end: u8) {
        self.kept.clear();
        self.after_cr = end == b'\r';
        self.state = State::Field;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stream: &[u8], size: usize) -> Vec<String> {
        let mut events = Events::default();
        let (mut done, mut data) = (Vec::new(), String::new());
        for chunk in stream.chunks(size) {
            events.feed(chunk, &mut |piece| match piece {
                Piece::Name(name) => data.push_str(&format!("<{}>", String::from_utf8_lossy(name))),
                Piece::Data(bytes) => data.push_str(std::str::from_utf8(bytes).unwrap_or("?")),
                Piece::End => done.push(std::mem::take(&mut data)),
            });
        }
        done
    }

    fn check(stream: &str, expected: &[&str]) {
        for line_end in ["\n", "\r\n", "\r"] {
            let stream = stream.replace('\n', line_end);
            for size in 1..=stream.len() {
                assert_eq!(read(stream.as_bytes(), size), expected, "{stream:?} in chunks of {size}");
            }
        }
    }

    #[test]
    fn events_end_at_empty_lines() {
        check("data: a\n\ndata: b\n\ndata: cut\n", &["a", "b"]);
        check("data: a\ndata:b\n\n\n\ndata\n\n", &["a\nb", ""]);
        check("data:  two spaces\n\n", &[" two spaces"]);
    }

    #[test]
    fn names_comments_and_other_fields() {
        check("event: ping\ndata: {}\n\n", &["<ping>{}"]);
        check("event: ping\n\ndata: {}\n\n", &["<ping>", "{}"]);
        check(": ping - now\n\n:\nid: 3\nretry: 10\ndatax: no\ndata: a\n\n", &["a"]);
        check(&format!("event: {}\ndata: a\n\n", "x".repeat(NAME + 1)), &["a"]);
    }

    #[test]
    fn a_byte_order_mark_is_dropped_once() {
        check("xdata: a\n\ndata: b\n\n", &["b"]);
        for size in 1..20 {
            assert_eq!(read("\u{feff}data: a\n\n\u{feff}data: b\n\n".as_bytes(), size), ["a"]);
            assert_eq!(read(b"\xef\xbbdata: a\n\ndata: b\n\n", size), ["b"]);
        }
    }
}
