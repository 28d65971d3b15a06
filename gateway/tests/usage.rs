//! What `ai::Tap` reads of real and of broken exchanges, whatever the chunks are.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fmt::Write as _;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use sluice_gateway::ai::{BodyEnd, Exchange, Tap};

/// Each file of `providers/`, and what is read of it when its events come 100 ms apart, the first one at 0.
///
/// The `dashscope-*` ones are bodies of our captures of a kagent conversation, the others follow the API references
/// of OpenAI, DashScope and vLLM, and MCP.
const GOLDEN: [(&str, u16, &str); 16] = [
    ("dashscope-stream-tool-call.sse", 200, "chat qwen-plus in=759 out=5 cached=0 first=0 each=25000 done"),
    ("dashscope-stream-arguments.sse", 200, "chat qwen-plus in=870 out=34 cached=0 first=0 each=39393 done"),
    ("dashscope-stream-text.sse", 200, "chat qwen-plus in=1025 out=127 cached=0 first=100000 each=16666 done"),
    ("dashscope-tool-call.json", 200, "chat qwen-plus in=759 out=5 cached=0 complete"),
    ("dashscope-text.json", 200, "chat qwen-plus in=1025 out=127 cached=0 complete"),
    ("reasoning-crlf.sse", 200, "chat qwq-plus in=9 out=5 cached=4 reasoning=3 first=200000 each=50000 done"),
    ("running-usage.sse", 200, "chat m in=9 out=3 first=100000 each=100000 unfinished"),
    ("error-amid.sse", 200, "chat qwen-plus first=0 error"),
    ("error-name.sse", 200, "chat qwen-plus first=0 error"),
    ("error.json", 429, "chat ? error"),
    (
        "responses-stream.sse",
        200,
        "chat gpt-5-mini-2025-08-07 in=36 out=75 cached=12 reasoning=64 first=200000 each=10000 done",
    ),
    ("responses-failed.sse", 200, "chat gpt-5-mini error"),
    ("responses.json", 200, "chat gpt-5-mini-2025-08-07 in=36 out=87 cached=0 reasoning=64 complete"),
    ("completion.json", 200, "text_completion qwen2.5-coder in=5 out=7 complete"),
    ("embeddings.json", 200, "embeddings text-embedding-v4 in=23 complete"),
    ("mcp.sse", 200, "chat ? unfinished"),
];

const REQUEST: &[u8] = br#"{"model":"qwen-plus","stream":true,"messages":[{"role":"user","content":"\"model\": 1"}]}"#;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/providers/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn head(content_type: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))])
}

fn tap(name: &str, status: u16) -> Tap {
    let mut tap = Tap::new(&Method::POST, &head("application/json"));
    tap.request_body(REQUEST);
    let content_type = if name.ends_with(".sse") { "text/event-stream;charset=UTF-8" } else { "application/json" };
    tap.response_head(StatusCode::from_u16(status).unwrap(), &head(content_type));
    tap
}

/// An exchange in one line; times in microseconds.
fn line(exchange: &Exchange) -> String {
    let mut line = exchange.operation.map_or("?", |operation| operation.as_str()).to_owned();
    write!(line, " {}", exchange.response_model.as_deref().unwrap_or("?")).unwrap();
    let micros = |time: Option<Duration>| time.map(|time| u64::try_from(time.as_micros()).unwrap());
    for (name, value) in [
        ("in", exchange.input_tokens),
        ("out", exchange.output_tokens),
        ("cached", exchange.cached_tokens),
        ("reasoning", exchange.reasoning_tokens),
        ("first", micros(exchange.time_to_first_token)),
        ("each", micros(exchange.time_per_output_token)),
    ] {
        if let Some(value) = value {
            write!(line, " {name}={value}").unwrap();
        }
    }
    write!(line, " {}", exchange.ending.as_str()).unwrap();
    line
}

/// The events of a stream (a comment counts as one), or the one document.
fn events(body: &[u8]) -> Vec<&[u8]> {
    let mut events = Vec::new();
    let mut rest = body;
    while let Some(end) = (0..rest.len()).find(|at| rest[..*at].ends_with(b"\n\n") || rest[..*at].ends_with(b"\n\r\n"))
    {
        events.push(&rest[..end]);
        rest = &rest[end..];
    }
    events.push(rest);
    events
}

/// Reads a body as one piece of time, cut into chunks of the sizes given, over and over.
fn read(tap: Tap, body: &[u8], sizes: &[usize], end: BodyEnd) -> Option<Exchange> {
    let (mut tap, mut rest) = (tap, body);
    for size in sizes.iter().cycle() {
        let (chunk, after) = rest.split_at((*size).min(rest.len()));
        tap.response_body(chunk, Duration::from_secs(1));
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    tap.finish(end)
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).unwrap()
    }
}

#[test]
fn every_provider_is_read_in_chunks_of_every_size() {
    for (name, status, expected) in GOLDEN {
        let body = fixture(name);
        let longest = events(&body).iter().map(|event| event.len()).max().unwrap();
        for size in 1..=longest {
            let mut tap = tap(name, status);
            for (event, tenths) in events(&body).into_iter().zip(0..) {
                for chunk in event.chunks(size) {
                    tap.response_body(chunk, Duration::from_millis(100) * tenths);
                }
            }
            assert_eq!(line(&tap.finish(BodyEnd::Whole).unwrap()), expected, "{name} in chunks of {size}");
        }
    }
}

#[test]
fn every_file_has_its_line() {
    let folder = std::fs::read_dir(format!("{}/tests/providers", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut files: Vec<_> = folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let mut named: Vec<_> = GOLDEN.iter().map(|(name, ..)| (*name).to_owned()).collect();
    files.sort();
    named.sort();
    assert_eq!(files, named);
}

#[test]
fn line_ends_make_no_difference() {
    for (name, status, _) in GOLDEN.iter().filter(|(name, ..)| name.ends_with(".sse")) {
        let lf = String::from_utf8(fixture(name)).unwrap().replace('\r', "");
        let expected = read(tap(name, *status), lf.as_bytes(), &[4096], BodyEnd::Whole).unwrap();
        for end in ["\r\n", "\r"] {
            let body = lf.replace('\n', end);
            for size in [1, 2, 3, 7, 4096] {
                let read = read(tap(name, *status), body.as_bytes(), &[size], BodyEnd::Whole).unwrap();
                assert_eq!(read, expected, "{name} with {end:?} in chunks of {size}");
            }
        }
    }
}

#[test]
fn broken_bodies_are_read_the_same_in_any_chunks() {
    let mut dice = Dice(0x5eed_1e55_c0ff_ee11);
    for (name, status, _) in GOLDEN {
        let whole = fixture(name);
        for _ in 0..300 {
            let mut body = whole.clone();
            for _ in 0..dice.roll(12) {
                let at = dice.roll(body.len());
                match dice.roll(3) {
                    0 => body[at] = u8::try_from(dice.roll(256)).unwrap(),
                    1 => body[at] = b"\"\\{}[]:,\n\r "[dice.roll(11)],
                    _ => body.truncate(at.max(1)),
                }
            }
            let sizes: Vec<_> = (0..40).map(|_| 1 + dice.roll(90)).collect();
            let chunked = read(tap(name, status), &body, &sizes, BodyEnd::Cut);
            let whole = read(tap(name, status), &body, &[body.len()], BodyEnd::Cut);
            assert_eq!(chunked, whole, "{name}: {:?}", String::from_utf8_lossy(&body));
        }
    }
}

#[test]
fn noise_tells_nothing() {
    let mut dice = Dice(42);
    for name in ["noise.sse", "noise.json"] {
        for _ in 0..200 {
            let noise: Vec<u8> = (0..2000).map(|_| u8::try_from(dice.roll(256)).unwrap()).collect();
            let exchange = read(tap(name, 200), &noise, &[64], BodyEnd::Whole).unwrap();
            assert_eq!(line(&exchange), "chat ? unfinished");
        }
    }
}

#[test]
fn a_cut_answer_never_counts_as_done() {
    for name in ["dashscope-stream-text.sse", "dashscope-text.json", "responses-stream.sse"] {
        let body = fixture(name);
        let blank = body.iter().rev().take_while(|b| b.is_ascii_whitespace()).count();
        for (end, word) in [(BodyEnd::Cut, "cut"), (BodyEnd::ClientGone, "client_gone"), (BodyEnd::Whole, "unfinished")]
        {
            for length in (1..body.len() - blank).rev().take(700) {
                let exchange = read(tap(name, 200), &body[..length], &[length], end).unwrap();
                assert_eq!(exchange.ending.as_str(), word, "{name} cut at {length}: {exchange:?}");
            }
            let exchange = read(tap(name, 200), &body, &[99], end).unwrap();
            assert!(["done", "complete"].contains(&exchange.ending.as_str()), "{name}, {end:?} after its end");
        }
    }
}

#[test]
fn what_cannot_be_read_is_left_alone() {
    let body = fixture("dashscope-text.json");
    let mut zipped = head("application/json");
    zipped.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    for headers in [zipped, head("text/html"), HeaderMap::new()] {
        let mut tap = tap("x.json", 200);
        tap.response_head(StatusCode::OK, &headers);
        assert_eq!(line(&read(tap, &body, &[99], BodyEnd::Whole).unwrap()), "chat ? complete");
    }
    let mut plain = head("Application/JSON ; charset=utf-8");
    plain.insert(CONTENT_ENCODING, HeaderValue::from_static("identity"));
    let mut tap = tap("x.json", 200);
    tap.response_head(StatusCode::OK, &plain);
    assert_eq!(read(tap, &body, &[99], BodyEnd::Whole).unwrap().input_tokens, Some(1025));
}

#[test]
fn only_a_post_of_json_is_an_exchange() {
    let body = fixture("dashscope-text.json");
    for (method, headers) in [(Method::GET, head("application/json")), (Method::POST, head("text/plain"))] {
        let mut tap = Tap::new(&method, &headers);
        tap.request_body(REQUEST);
        tap.response_head(StatusCode::OK, &head("application/json"));
        assert_eq!(read(tap, &body, &[99], BodyEnd::Whole), None);
    }
    // A tool call of MCP is a POST of JSON, and no exchange with a model.
    let mut tap = Tap::new(&Method::POST, &head("application/json"));
    tap.request_body(br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"model":"x"}}"#);
    tap.response_head(StatusCode::OK, &head("text/event-stream"));
    assert_eq!(read(tap, &fixture("mcp.sse"), &[7], BodyEnd::Whole), None);
}

#[test]
fn the_request_is_read_in_any_chunks() {
    for size in 1..=REQUEST.len() {
        let mut tap = Tap::new(&Method::POST, &head("application/json"));
        for chunk in REQUEST.chunks(size) {
            tap.request_body(chunk);
        }
        assert_eq!((tap.request_model(), tap.asks_for_stream()), (Some("qwen-plus"), true));
        let exchange = tap.finish(BodyEnd::Cut).unwrap();
        assert_eq!((exchange.request_model.as_deref(), exchange.ending.as_str()), (Some("qwen-plus"), "cut"));
    }
}

#[test]
fn the_last_attempt_counts() {
    let mut tap = tap("x.json", 200);
    tap.response_body(&fixture("dashscope-text.json"), Duration::ZERO);
    tap.response_head(StatusCode::OK, &head("application/json"));
    let exchange = read(tap, &fixture("dashscope-tool-call.json"), &[50], BodyEnd::Whole).unwrap();
    assert_eq!(exchange.input_tokens, Some(759));
}
