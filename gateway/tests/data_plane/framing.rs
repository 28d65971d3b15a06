//! Messages without a body, before the body, after the body: HEAD, 204, 304, 1xx, keep-alive, trailers.

use http::{HeaderMap, Method};
use sluice_gateway::cluster::{Cluster, UpstreamProtocol};
use sluice_testkit::client::http::request;
use sluice_testkit::client::raw::{End, Raw};
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::provider::raw::{RawProvider, RawStep};
use sluice_testkit::steps::StepBody;

use crate::plane::{Plane, VERSIONS, cluster, forward};

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_without_a_body_leave_the_connection_usable() {
    let provider = Provider::scripted(|seen| match seen.target.as_str() {
        "/204" => Answer::status(204),
        "/304" => Answer::status(304).header("etag", "\"x\""),
        "/202" => Answer::status(202).header("content-length", 0),
        _ => Answer::json("{\"a\":1}"),
    })
    .await;
    let plane = Plane::to(provider.address()).await;
    let mut client = Raw::connect(plane.address).await;
    for _ in 0..2 {
        for (target, expected) in [("/204", 204), ("/304", 304), ("/202", 202), ("/200", 200)] {
            client.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n")).await;
            let reply = client.reply().await;
            assert_eq!((reply.status(), reply.end), (expected, End::Clean));
            assert_eq!(reply.body.is_empty(), expected != 200, "{target}");
        }
        client.send("HEAD /200 HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let reply = client.reply_to_head().await;
        assert_eq!((reply.status(), reply.header("content-length")), (200, "7"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_over_both_versions() {
    let provider = Provider::scripted(|seen| match seen.target.as_str() {
        "/204" => Answer::status(204),
        "/304" => Answer::status(304),
        _ => Answer::json("{\"a\":1}"),
    })
    .await;
    let plane = Plane::to(provider.address()).await;
    for version in VERSIONS {
        let mut client = plane.client(version).await;
        for (method, target, status) in [
            (Method::GET, "/204", 204),
            (Method::GET, "/304", 304),
            (Method::HEAD, "/200", 200),
            (Method::GET, "/200", 200),
        ] {
            let answer = client.send(request(method.clone(), target, StepBody::new([]))).await;
            assert_eq!(answer.status, status);
            let whole = answer.whole().await;
            assert!(whole.cut.is_none(), "{version:?} {method} {target}: {:?}", whole.cut);
            assert_eq!(whole.bytes.is_empty(), !(method == Method::GET && status == 200));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_hints_are_passed_on() {
    let answer = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let upstream = RawProvider::always(vec![RawStep::ReadHead, RawStep::send(answer)]).await;
    let plane = Plane::to(upstream.address()).await;
    let reply = plane.once(GET).await;
    assert_eq!((reply.informational, reply.head.status, &reply.body[..]), (vec![103], 200, &b"ok"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_only_informs_is_given_up() {
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let upstream = RawProvider::always(vec![RawStep::ReadHead, RawStep::send(&hint.repeat(200)), RawStep::Hang]).await;
    let plane = Plane::to(upstream.address()).await;
    let reply = plane.once(GET).await;
    assert_eq!(reply.status(), 502);
    assert!(reply.informational.len() < 100, "{} were passed on", reply.informational.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expectations_are_answered_and_the_body_follows() {
    let provider = Provider::plain(Answer::echo()).await;
    let plane = Plane::to(provider.address()).await;
    let mut client = Raw::connect(plane.address).await;
    client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").await;
    assert_eq!(client.head().await.status, 100);
    client.send("body").await;
    let reply = client.reply().await;
    assert_eq!((reply.status(), reply.text().as_str()), (200, "body"));
}

/// A hostile upstream could else speak raw bytes to the client.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_101_that_nobody_asked_for_is_an_error() {
    let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nraw bytes";
    let upstream = RawProvider::always(vec![RawStep::ReadHead, RawStep::send(answer), RawStep::Hang]).await;
    let plane = Plane::to(upstream.address()).await;
    for asked in ["", "Upgrade: other\r\n", "Connection: Upgrade\r\nUpgrade: other\r\n"] {
        let mut client = Raw::connect(plane.address).await;
        client.send(format!("GET / HTTP/1.1\r\nHost: h\r\n{asked}\r\n")).await;
        let text = client.until_closed().await;
        assert!(text.starts_with("HTTP/1.1 502 ") && !text.contains("raw bytes"), "{asked:?}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keep_alive_and_close_are_obeyed() {
    let provider = Provider::plain(Answer::json("{}")).await;
    let plane = Plane::to(provider.address()).await;
    let mut client = Raw::connect(plane.address).await;
    for _ in 0..5 {
        client.send(GET).await;
        assert_eq!(client.reply().await.status(), 200);
    }
    client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    assert_eq!(client.reply().await.status(), 200);
    assert!(client.bytes().await.is_none(), "the connection was to close");
    let upstream: std::collections::BTreeSet<_> = provider.requests().iter().map(|seen| seen.connection).collect();
    assert_eq!(upstream.len(), 1, "the upstream's connection is kept as well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_1_0_is_answered_and_closed() {
    let provider = Provider::plain(Answer::sse(2, std::time::Duration::ZERO)).await;
    let h2c = Cluster { protocol: UpstreamProtocol::H2c, ..cluster("h2c", provider.address()) };
    let rules = vec![forward("/1", cluster("http1", provider.address())), forward("/2", h2c)];
    let plane = Plane::new(rules).await;
    for target in ["/1", "/2"] {
        let mut client = Raw::connect(plane.address).await;
        client.send(format!("GET {target} HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n")).await;
        let head = client.head().await;
        assert_eq!((head.status, head.header("transfer-encoding")), (200, ""), "{target}");
        let body = client.until_closed().await;
        assert!(body.starts_with("data: {") && body.ends_with("data: [DONE]\n\n"), "{target}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunked_uploads_arrive_whole() {
    let provider = Provider::plain(Answer::echo()).await;
    let plane = Plane::to(provider.address()).await;
    let mut client = Raw::connect(plane.address).await;
    for _ in 0..2 {
        client.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n").await;
        client.send("A\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n").await;
        let reply = client.reply().await;
        assert_eq!((reply.status(), reply.text().as_str()), (200, "abc0123456789"));
    }
}

/// The answer of an upstream that does not want the body reaches a client that is still sending.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_reaches_the_client() {
    let refusal = Answer::json("{\"error\":{\"message\":\"too large\"}}").with_status(413).reads_nothing();
    for version in VERSIONS {
        let provider = Provider::plain(refusal.clone()).await;
        let plane = Plane::to(provider.address()).await;
        let mut client = plane.client(version).await;
        let body = StepBody::bytes(vec![b'x'; 300_000]);
        let answer = client.send(request(Method::POST, "/", body)).await;
        assert_eq!(answer.status, 413, "{version:?}");
        assert_eq!(answer.whole().await.json()["error"]["message"], "too large", "{version:?}");
    }
}

/// HTTP/1.1 trailers towards a client are dropped, as Envoy does by default; the body must still end cleanly.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trailers_of_http_1_do_no_harm() {
    let trailers: HeaderMap = [("x-t".parse().unwrap(), "1".parse().unwrap())].into_iter().collect();
    let provider = Provider::plain(Answer::sse(1, std::time::Duration::ZERO).trailers(trailers)).await;
    let plane = Plane::to(provider.address()).await;
    let reply = plane.once("GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n").await;
    assert_eq!((reply.status(), reply.end), (200, End::Clean));
    assert!(reply.text().ends_with("data: [DONE]\n\n"));
}
