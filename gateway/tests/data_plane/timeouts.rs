//! Limits of time: on the whole request, on an attempt, on silence; and none where none is set.

use std::time::{Duration, Instant};

use sluice_gateway::route::{RouteRule, Timeouts};
use sluice_testkit::client::http::Answered;
use sluice_testkit::client::sse::{Events, StreamEnd};
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::provider::journal::Ended;
use sluice_testkit::steps::{Gate, Step, chunk};

use crate::plane::{Plane, VERSIONS, Version, cluster, forward};

const LIMIT: Duration = Duration::from_millis(400);

const NONE: Timeouts = Timeouts { request: None, backend_request: None, idle: None };

/// Each limit alone, on an upstream that says nothing.
const LIMITS: [Timeouts; 3] = [
    Timeouts { request: Some(LIMIT), ..NONE },
    Timeouts { backend_request: Some(LIMIT), ..NONE },
    Timeouts { idle: Some(LIMIT), ..NONE },
];

async fn limited(answer: Answer, timeouts: Timeouts) -> (Provider, Plane) {
    let provider = Provider::plain(answer).await;
    let rule = RouteRule { timeouts, ..forward("/", cluster("llm", provider.address())) };
    let plane = Plane::new(vec![rule]).await;
    (provider, plane)
}

async fn ask(plane: &Plane, version: Version) -> Answered {
    // The connection is dropped, the answer goes on: hyper keeps it alive through the body for HTTP/1.1 only if the
    // driver lives, so the client is leaked on purpose.
    let client = Box::leak(Box::new(plane.client(version).await));
    client.post("/v1/chat/completions", "{\"model\":\"m\"}").await
}

/// A retry would bill the call again: the OpenAI SDKs obey `x-should-retry`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_before_the_head_is_a_504_that_is_not_to_be_retried() {
    for timeouts in LIMITS {
        for version in VERSIONS {
            let (provider, plane) = limited(Answer::silence(), timeouts).await;
            let start = Instant::now();
            let answer = ask(&plane, version).await;
            assert!(start.elapsed() >= LIMIT, "{timeouts:?} after {:?}", start.elapsed());
            assert_eq!((answer.status.as_u16(), answer.header("x-should-retry")), (504, "false"), "{timeouts:?}");
            let body = answer.whole().await.json();
            let error = &body["error"];
            assert!(error["message"].is_string() && error["type"].is_string() && error["code"].is_string(), "{body}");
            assert_eq!(provider.journal().wait_end(0).await.0, Ended::Gone, "the upstream is released");
            assert_eq!(provider.requests().len(), 1, "a POST was sent twice");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_cut_when_its_time_is_up() {
    for timeouts in &LIMITS[..2] {
        for version in VERSIONS {
            let (provider, plane) = limited(Answer::sse(1000, Duration::from_millis(20)), *timeouts).await;
            let start = Instant::now();
            let (events, end) = Events::of(ask(&plane, version).await).rest().await;
            assert!(start.elapsed() >= LIMIT && !events.is_empty());
            assert!(matches!(end, StreamEnd::Cut(_)), "{timeouts:?} {version:?}: {end:?}");
            assert_eq!(provider.journal().wait_end(0).await.0, Ended::Gone);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_stream_is_cut_by_every_limit() {
    for timeouts in LIMITS {
        for version in VERSIONS {
            let steps = vec![Step::Event(chunk(0)), Step::Hang];
            let (provider, plane) = limited(Answer::event_stream(steps), timeouts).await;
            let (events, end) = Events::of(ask(&plane, version).await).rest().await;
            assert_eq!(events.len(), 1);
            assert!(matches!(end, StreamEnd::Cut(_)), "{timeouts:?} {version:?}: {end:?}");
            assert_eq!(provider.journal().wait_end(0).await.0, Ended::Gone);
        }
    }
}

/// Three times the idle limit in all, never silent for longer than a fraction of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_idle_limit_does_not_cut_a_live_stream() {
    for version in VERSIONS {
        let (_provider, plane) = limited(Answer::sse(24, LIMIT / 8), LIMITS[2]).await;
        let start = Instant::now();
        let (events, end) = Events::of(ask(&plane, version).await).rest().await;
        assert_eq!((events.len(), end), (25, StreamEnd::Clean), "{version:?}");
        assert!(start.elapsed() >= 3 * LIMIT);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shorter_limit_counts() {
    let long = Some(Duration::from_secs(60));
    for timeouts in [
        Timeouts { request: long, backend_request: Some(LIMIT), idle: long },
        Timeouts { request: Some(LIMIT), backend_request: long, idle: long },
    ] {
        let (_provider, plane) = limited(Answer::silence(), timeouts).await;
        let start = Instant::now();
        assert_eq!(ask(&plane, Version::Http1).await.status, 504, "{timeouts:?}");
        assert!(start.elapsed() < Duration::from_secs(10), "{timeouts:?}");
    }
}

/// The walk-through's own case: an answer that takes its time, well within the limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_in_time_is_whole_and_the_connection_goes_on() {
    let timeouts = Timeouts {
        request: Some(Duration::from_secs(600)),
        backend_request: Some(Duration::from_secs(600)),
        idle: None,
    };
    let gate = Gate::default();
    let (provider, plane) = limited(Answer::completion("hi").after_gate(&gate), timeouts).await;
    let mut client = plane.client(Version::Http1).await;
    let opening = tokio::spawn({
        let journal = provider.journal().clone();
        async move {
            journal.wait_count(1).await;
            gate.open();
        }
    });
    for _ in 0..3 {
        let whole = client.post("/", "{}").await.whole().await;
        assert_eq!(whole.json()["choices"][0]["message"]["content"], "hi");
    }
    opening.await.unwrap();
    assert_eq!(provider.journal().connections(), 1);
}

/// An upload that trickles is under the limits as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_stops_is_ended() {
    for timeouts in [LIMITS[0], LIMITS[2]] {
        let (_provider, plane) = limited(Answer::echo(), timeouts).await;
        let mut client = sluice_testkit::client::raw::Raw::connect(plane.address).await;
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc").await;
        let reply = client.reply().await;
        assert!(matches!(reply.status(), 408 | 504), "{timeouts:?}: {}", reply.status());
    }
}
