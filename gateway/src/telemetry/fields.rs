//! One line of JSON, field by field. The standard way through `serde` asks for each character of each name whether it
//! may stand there; here names are literals, and a text that is plain is copied.

use std::fmt::Write;
use std::io;
use std::net::SocketAddr;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

use super::digits::Text;

/// An object that is being written.
pub(super) struct Fields<'l> {
    line: &'l mut Vec<u8>,
    begun: bool,
}

impl<'l> Fields<'l> {
    pub(super) fn new(line: &'l mut Vec<u8>) -> Self {
        Self { line, begun: false }
    }

    /// Ends the object and the line.
    pub(super) fn end(self) {
        self.line.extend_from_slice(if self.begun { b"}\n" } else { b"{}\n" });
    }

    /// A text of ours: printable ASCII without quotes and backslashes.
    pub(super) fn plain(&mut self, name: &'static str, text: &[u8]) {
        self.name(name);
        self.quoted(text);
    }

    /// Whether bytes can be a text as they are; then they are one.
    pub(super) fn takes(&mut self, name: &'static str, bytes: &[u8]) -> bool {
        let plain = are_plain(bytes);
        if plain {
            self.plain(name, bytes);
        }
        plain
    }

    /// A text, whatever is in it.
    pub(super) fn text(&mut self, name: &'static str, text: &str) {
        self.name(name);
        if are_plain(text.as_bytes()) {
            self.quoted(text.as_bytes());
        } else {
            // Writing to a Vec does not fail.
            let _ = text
                .serialize(&mut serde_json::Serializer::with_formatter(&mut *self.line, Printable(CompactFormatter)));
        }
    }

    pub(super) fn maybe_text(&mut self, name: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    pub(super) fn number(&mut self, name: &'static str, number: u64) {
        self.name(name);
        self.line.extend_from_slice(Text::number(number).as_bytes());
    }

    pub(super) fn maybe_number(&mut self, name: &'static str, number: Option<u64>) {
        if let Some(number) = number {
            self.number(name, number);
        }
    }

    /// A number of seconds.
    pub(super) fn maybe_seconds(&mut self, name: &'static str, time: Option<std::time::Duration>) {
        if let Some(time) = time {
            self.name(name);
            let mut text = String::new();
            let _ = write!(text, "{:?}", time.as_secs_f64());
            self.line.extend_from_slice(text.as_bytes());
        }
    }

    pub(super) fn boolean(&mut self, name: &'static str, value: bool) {
        self.name(name);
        self.line.extend_from_slice(if value { b"true" } else { b"false" });
    }

    pub(super) fn maybe_address(&mut self, name: &'static str, address: Option<SocketAddr>) {
        if let Some(address) = address {
            self.plain(name, Text::socket(address).as_bytes());
        }
    }

    fn quoted(&mut self, text: &[u8]) {
        self.line.reserve(text.len() + 2);
        self.line.push(b'"');
        self.line.extend_from_slice(text);
        self.line.push(b'"');
    }

    /// Names are literals of ours, without anything that JSON escapes.
    fn name(&mut self, name: &'static str) {
        self.line.reserve(name.len() + 4);
        self.line.extend_from_slice(if self.begun { b",\"" } else { b"{\"" });
        self.line.extend_from_slice(name.as_bytes());
        self.line.extend_from_slice(b"\":");
        self.begun = true;
    }
}

/// Looks at all of them in any case, and so at many at once.
fn are_plain(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |plain, byte| plain & is_plain(*byte))
}

/// Printable ASCII that JSON leaves as it is.
fn is_plain(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte) & (byte != b'"') & (byte != b'\\')
}

/// Escapes also what JSON would leave as it is and a terminal would obey: DEL, the controls of U+0080 to U+009F, line
/// and paragraph separators, and the marks that turn the direction of text.
struct Printable(CompactFormatter);

impl Formatter for Printable {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, found)) = rest.char_indices().find(|(_, c)| is_obeyed(*c)) {
            let (before, after) = rest.split_at(at);
            self.0.write_string_fragment(writer, before)?;
            write!(writer, "\\u{:04x}", u32::from(found))?;
            rest = after.get(found.len_utf8()..).unwrap_or_default();
        }
        self.0.write_string_fragment(writer, rest)
    }
}

pub(super) fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || c == '\u{feff}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json() {
        let mut line = Vec::new();
        let mut fields = Fields::new(&mut line);
        fields.text("a", "plain, as it is: ~");
        fields.text("b", "\"\\\n\u{9b}ü");
        fields.maybe_text("c", None);
        fields.number("d", u64::MAX);
        fields.boolean("e", false);
        fields.maybe_seconds("f", Some(std::time::Duration::from_millis(2000)));
        fields.maybe_seconds("g", Some(std::time::Duration::from_nanos(1)));
        fields.end();
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        let expected = serde_json::json!({
            "a": "plain, as it is: ~", "b": "\"\\\n\u{9b}ü", "d": u64::MAX, "e": false, "f": 2.0, "g": 1e-9,
        });
        assert_eq!(value, expected);
        assert!(!String::from_utf8(line).unwrap().trim_end().chars().any(is_obeyed));
        let mut line = Vec::new();
        Fields::new(&mut line).end();
        assert_eq!(line, b"{}\n");
    }
}
