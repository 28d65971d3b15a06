//! Reading what a model was asked and what it cost, in passing, from recorded exchanges.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use gungraun::{library_benchmark, library_benchmark_group};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use sluice_gateway::ai::{BodyEnd, Tap};
use sluice_testkit::capture;

/// Exchanges in one count, so that what the allocator does now and then weighs little.
const EXCHANGES: usize = 50;

/// The time of every chunk: none of the work depends on it.
const AT: Duration = Duration::from_millis(100);

/// The last model call of a conversation, which has the longest request and the longest answer.
pub(crate) struct Recorded {
    request: Message,
    answer: Message,
}

struct Message {
    headers: HeaderMap,
    chunks: Vec<Bytes>,
}

fn recorded(conversation: &str) -> Recorded {
    let request = capture::requests(conversation).pop().unwrap();
    let answer = capture::answers(conversation).pop().unwrap();
    Recorded { request: message(&request.headers, vec![request.body]), answer: message(&answer.headers, answer.chunks) }
}

fn message(headers: &[(String, String)], chunks: Vec<Bytes>) -> Message {
    let headers = headers.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()));
    Message { headers: headers.collect(), chunks }
}

/// A tap that has read the request.
fn asked(request: &Message) -> Tap {
    let mut tap = Tap::new(&Method::POST, &request.headers);
    request.chunks.iter().for_each(|chunk| tap.request_body(chunk));
    tap
}

#[library_benchmark]
#[bench::streamed(args = ("kagent-0.10.4-stream.llm"), setup = recorded)]
fn request(recorded: Recorded) -> Recorded {
    for _ in 0..EXCHANGES {
        assert!(black_box(asked(&recorded.request)).asks_for_stream());
    }
    recorded
}

fn answered(conversation: &str) -> (Recorded, Vec<Tap>) {
    let recorded = recorded(conversation);
    let taps = (0..EXCHANGES).map(|_| asked(&recorded.request)).collect();
    (recorded, taps)
}

#[library_benchmark]
#[bench::streamed(args = ("kagent-0.10.4-stream.llm"), setup = answered)]
#[bench::whole(args = ("kagent-0.10.4-nostream.llm"), setup = answered)]
fn answer((recorded, taps): (Recorded, Vec<Tap>)) -> Recorded {
    let Message { headers, chunks } = &recorded.answer;
    for mut tap in taps {
        tap.response_head(StatusCode::OK, headers);
        chunks.iter().for_each(|chunk| tap.response_body(chunk, AT));
        let exchange = black_box(tap.finish(BodyEnd::Whole));
        assert!(exchange.is_some_and(|exchange| exchange.output_tokens.is_some()));
    }
    recorded
}

library_benchmark_group!(name = exchanges, benchmarks = [request, answer]);
