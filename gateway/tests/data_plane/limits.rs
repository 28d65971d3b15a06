//! What a client may cost before it is refused: size and time of a head, pipelined requests.

use sluice_testkit::client::raw::Raw;
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::provider::raw::{RawProvider, RawStep};

use crate::plane::Plane;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_are_too_large_are_refused() {
    let provider = Provider::plain(Answer::json("{}")).await;
    let plane = Plane::to(provider.address()).await;
    let with = |name: &str, size: usize| format!("GET / HTTP/1.1\r\nHost: h\r\n{name}: {}\r\n\r\n", "x".repeat(size));
    assert_eq!(plane.once(&with("x-a", 30_000)).await.status(), 200);
    assert_eq!(plane.once(&with("x-a", 70_000)).await.status(), 431);
    let target = format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(70_000));
    assert!(matches!(plane.once(&target).await.status(), 414 | 431));
    let endless = format!("GET / HTTP/1.1\r\nHost: h\r\n{}", "x-a: b\r\n".repeat(100_000));
    assert!(matches!(plane.once(&endless).await.status(), 400 | 431));
    assert_eq!(provider.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_headers_are_refused_and_a_fair_number_is_not() {
    let provider = Provider::plain(Answer::json("{}")).await;
    let plane = Plane::to(provider.address()).await;
    let with = |n: usize| {
        let lines: String = (0..n).map(|i| format!("x-{i}: 1\r\n")).collect();
        format!("GET / HTTP/1.1\r\nHost: h\r\n{lines}\r\n")
    };
    assert_eq!(plane.once(&with(80)).await.status(), 200);
    assert!(matches!(plane.once(&with(1000)).await.status(), 400 | 431));
}

/// What an upstream may cost is bounded in the same way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_with_too_large_a_head_are_a_502() {
    let status_for = async |lines: String| {
        let answer = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 0\r\n\r\n");
        let upstream = RawProvider::always(vec![RawStep::ReadHead, RawStep::send(&answer)]).await;
        Plane::to(upstream.address()).await.once("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.status()
    };
    assert_eq!(status_for(format!("x-a: {}\r\n", "x".repeat(30_000))).await, 200);
    assert_eq!(status_for(format!("x-a: {}\r\n", "x".repeat(128_000))).await, 502);
    assert_eq!(status_for((0..80).map(|i| format!("x-{i}: 1\r\n")).collect()).await, 200);
    assert_eq!(status_for((0..200).map(|i| format!("x-{i}: 1\r\n")).collect()).await, 502);
}

/// A head that drips in is given ten seconds as a whole, not ten after each byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_drips_in_is_ended() {
    let provider = Provider::plain(Answer::json("{}")).await;
    let plane = Plane::to(provider.address()).await;
    let mut client = Raw::connect(plane.address).await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\nX-A: ").await;
    let start = std::time::Instant::now();
    let mut answer = Vec::new();
    while answer.is_empty() && start.elapsed().as_secs() < 19 {
        tokio::select! {
            bytes = client.bytes() => answer = bytes.unwrap_or_default().to_vec(),
            () = tokio::time::sleep(std::time::Duration::from_secs(1)) => client.send("x").await,
        }
    }
    assert!(answer.starts_with(b"HTTP/1.1 408 "), "{:?}", String::from_utf8_lossy(&answer));
}

/// Pipelining is off (it is a way to smuggle); the first request is answered, nothing after it is lost unsaid.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_get_an_answer_or_a_closed_connection() {
    let provider = Provider::plain(Answer::json("{}")).await;
    let plane = Plane::to(provider.address()).await;
    let mut client = Raw::connect(plane.address).await;
    client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let text = client.until_closed().await;
    let answers = text.matches("HTTP/1.1 ").count();
    assert!((1..=2).contains(&answers), "{text}");
    assert!(provider.requests().len() <= 2);
}
