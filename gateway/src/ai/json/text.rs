//! The strings of JSON: where they end, and what is written in them.

use std::borrow::Cow;

use memchr::memchr2;

/// Longest key or text that is kept, in bytes as written, its closing quote included; a longer one counts as not there.
pub(super) const LONGEST: usize = 512;

/// Where in a string one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    Plain,
    /// The next byte belongs to an escape.
    Escape,
}

/// How a run through a string ended.
pub(super) enum Run {
    /// The bytes ended inside it.
    In(Text),
    /// Its closing quote was found.
    Over,
}

/// Runs through a string; the number of bytes used, the closing quote included.
pub(super) fn run(text: Text, bytes: &[u8]) -> (usize, Run) {
    let mut at = usize::from(text == Text::Escape);
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes.get(at) == Some(&b'"') {
            return (at + 1, Run::Over);
        }
        if at + 1 == bytes.len() {
            return (bytes.len(), Run::In(Text::Escape));
        }
        at += 2;
    }
    (bytes.len(), Run::In(Text::Plain))
}

/// The text of a string that was kept with its closing quote; `None` when it is malformed.
pub(super) fn unescaped(kept: &[u8]) -> Option<Cow<'_, str>> {
    let raw = kept.strip_suffix(b"\"")?;
    if !raw.contains(&b'\\') {
        return std::str::from_utf8(raw).ok().map(Cow::Borrowed);
    }
    let quoted = [b"\"", kept].concat();
    serde_json::from_slice(&quoted).ok().map(Cow::Owned)
}
