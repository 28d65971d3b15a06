//! What load generator and mock have agreed on.

use std::io::Write;

use crc32fast::Hasher;
use memchr::memmem;

use super::clock::Moment;

/// The answer's header that tells what has arrived: path, host, authorization with `_` for each space, length and
/// CRC-32 of the body.
pub(crate) const SEEN: &str = "x-seen";

/// The request's header that asks for a stream. `<events> <pause>` asks for events that tell when they were sent, with so
/// many milliseconds from one to the next; `chat <tokens> <wait> <pause>` for a chat completion as OpenAI streams it.
pub(crate) const EVENTS: &str = "x-events";

/// What the usage of a streamed chat completion says of its prompt, whatever that was.
pub(crate) const PROMPT_TOKENS: usize = 64;

/// The answer to what asks for no stream.
pub(crate) const COMPLETION: &str = concat!(
    r#"{"id":"chatcmpl-side-by-side","object":"chat.completion","created":1700000000,"model":"bench-1","#,
    r#""choices":[{"index":0,"message":{"role":"assistant","content":"Loopback is the shortest way to nowhere: what "#,
    r#"is sent comes back at once, and whatever stands in between can be told apart from the way itself. That is why "#,
    r#"a measurement begins there, with an answer that is known beforehand."},"logprobs":null,"#,
    r#""finish_reason":"stop"}],"usage":{"prompt_tokens":24,"completion_tokens":48,"total_tokens":72},"#,
    r#""system_fingerprint":"fp_side_by_side"}"#
);

/// The last event of a stream.
pub(crate) const DONE: &[u8] = b"data: [DONE]\n\n";

/// Before and after the time of an event.
const AT: (&str, &str) = (r#","at":"#, "}\n\n");

/// Before the number of an event, which is its last field but one.
const NUMBER: &str = r#","event":"#;

/// A body that goes by and is not kept.
#[derive(Default)]
pub(crate) struct Digest {
    length: u64,
    crc: Hasher,
}

impl Digest {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut digest = Self::default();
        digest.add(bytes);
        digest
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.crc.update(bytes);
    }
}

/// Writes the value of [`SEEN`] as far as the head of a request tells it; `-` for what is missing.
pub(crate) fn write_seen_head<'v>(
    out: &mut Vec<u8>,
    path: &[u8],
    host: &[u8],
    credentials: impl Iterator<Item = &'v [u8]>,
) {
    for part in [path, host] {
        out.extend_from_slice(if part.is_empty() { b"-" } else { part });
        out.push(b' ');
    }
    let start = out.len();
    for credential in credentials {
        // A second one is seen, too.
        if out.len() > start {
            out.push(b',');
        }
        out.extend(credential.iter().map(|byte| if *byte == b' ' { b'_' } else { *byte }));
    }
    if out.len() == start {
        out.push(b'-');
    }
}

/// Writes the rest of it.
pub(crate) fn write_seen_body(out: &mut Vec<u8>, body: Digest) {
    print(out, format_args!(" {} {:08x}", body.length, body.crc.finalize()));
}

/// A chat completion request of this many bytes, no part of which is like another.
pub(crate) fn request_body(length: usize, stream: bool) -> Vec<u8> {
    let head = format!(r#"{{"model":"bench-1","stream":{stream},"messages":[{{"role":"user","content":""#);
    let tail = r#""}]}"#;
    let mut random = Random::default();
    let mut letters = |length| (0..length).map(|_| b'a' + random.below(26) as u8).collect::<Vec<_>>();
    match length.checked_sub(head.len() + tail.len()) {
        Some(length) => [head.as_bytes(), &letters(length), tail.as_bytes()].concat(),
        // Too short for JSON; nobody reads it.
        None => letters(length),
    }
}

/// Writes an event, about 200 bytes.
pub(crate) fn write_event(out: &mut Vec<u8>, number: usize, at: Moment) {
    const HEAD: &str = concat!(
        r#"data: {"id":"chatcmpl-side-by-side","object":"chat.completion.chunk","created":1700000000,"model":"bench-1","#,
        r#""choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]"#
    );
    print(out, format_args!("{HEAD}{NUMBER}{number}{}{}{}", AT.0, at.nanos(), AT.1));
}

/// The number and the time of an event; `None` if it is none of ours.
pub(crate) fn read_event(event: &[u8]) -> Option<(usize, Moment)> {
    let fields = &event[memmem::rfind(event, NUMBER.as_bytes())? + NUMBER.len()..];
    let fields = std::str::from_utf8(fields).ok()?;
    let (number, at) = fields.strip_suffix(AT.1)?.split_once(AT.0)?;
    Some((number.parse().ok()?, Moment::from_nanos(at.parse().ok()?)))
}

/// Appends text. A vector takes all that is written to it.
pub(crate) fn print(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

/// Numbers that are the same in each run and look like chance (SplitMix64).
#[derive(Default)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // Below the limit, which fits.
        (mixed % limit as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_one_line() {
        let seen = |credentials: &[&'static str]| {
            let mut out = Vec::new();
            write_seen_head(&mut out, b"/v1", b"", credentials.iter().map(|credential| credential.as_bytes()));
            write_seen_body(&mut out, Digest::of(b"123456789"));
            String::from_utf8(out).unwrap()
        };
        assert_eq!(seen(&["Bearer key"]), "/v1 - Bearer_key 9 cbf43926");
        assert_eq!(seen(&["Bearer key", "Bearer other"]), "/v1 - Bearer_key,Bearer_other 9 cbf43926");
        assert_eq!(seen(&[]), "/v1 - - 9 cbf43926");
    }

    #[test]
    fn an_event_is_read_as_it_was_written() {
        let mut event = Vec::new();
        write_event(&mut event, 17, Moment::from_nanos(123_456_789_012));
        assert!((190..=230).contains(&event.len()), "{}", event.len());
        assert_eq!(read_event(&event), Some((17, Moment::from_nanos(123_456_789_012))));
        assert_eq!(read_event(DONE), None);
        assert_eq!(read_event(&event[..event.len() - 3]), None);
    }

    #[test]
    fn bodies_have_the_length_that_is_asked_for() {
        for length in [0, 10, 200, 1 << 20] {
            assert_eq!(request_body(length, false).len(), length);
        }
        for body in [request_body(200, true), COMPLETION.as_bytes().to_vec()] {
            serde_json::from_slice::<serde_json::Value>(&body).unwrap();
        }
        assert!((450..=600).contains(&COMPLETION.len()), "{}", COMPLETION.len());
    }

    #[test]
    fn chance_is_the_same_each_time_and_reaches_everything() {
        let all = |mut random: Random| (0..200).map(|_| random.below(10)).collect::<Vec<_>>();
        assert_eq!(all(Random::default()), all(Random::default()));
        assert!((0..10).all(|number| all(Random::default()).contains(&number)));
    }
}
