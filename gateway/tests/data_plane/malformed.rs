//! Input that is no HTTP, or two kinds of it at once: refused, never forwarded, and nothing breaks.

use sluice_testkit::client::raw::Raw;
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;

use crate::plane::Plane;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_requests_are_refused_and_nothing_goes_upstream() {
    let provider = Provider::plain(Answer::json("{}")).await;
    let plane = Plane::to(provider.address()).await;
    let mut wrong = Vec::new();
    for (what, request) in [
        ("no Host", "GET / HTTP/1.1\r\n\r\n"),
        ("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        ("an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        ("a Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
        ("a Host with user info", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"),
        ("a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        ("a Host with a bad port", "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n"),
        (
            "length and chunks",
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "chunks and length",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        ),
        ("two lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        ("a list of lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 4\r\n\r\nabcd"),
        ("a negative length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n"),
        ("a signed length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc"),
        ("a hexadecimal length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x3\r\n\r\nabc"),
        ("a length out of range", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\nabc"),
        (
            "identity after chunked",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        ),
        ("an unknown coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        (
            "two codings",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        ("a space in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("a target without slash", "GET a HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("a NUL in the target", "GET /a%00 HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("a backslash in the target", "GET /a\\b HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("a control byte in the target", "GET /a\x01 HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("the whole server", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("TRACE", "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"),
        ("a space before the colon", "GET / HTTP/1.1\r\nHost: h\r\nX-A : 1\r\n\r\n"),
        ("no colon", "GET / HTTP/1.1\r\nHost: h\r\nX-A\r\n\r\n"),
        ("an empty name", "GET / HTTP/1.1\r\nHost: h\r\n: 1\r\n\r\n"),
        ("a NUL in a value", "GET / HTTP/1.1\r\nHost: h\r\nX-A: a\0b\r\n\r\n"),
        ("a carriage return in a value", "GET / HTTP/1.1\r\nHost: h\r\nX-A: a\rb\r\n\r\n"),
        ("an unknown version", "GET / HTTP/9.9\r\nHost: h\r\n\r\n"),
        ("no version", "GET /\r\nHost: h\r\n\r\n"),
        ("no request line", "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n"),
    ] {
        let seen = provider.requests().len();
        let mut client = Raw::connect(plane.address).await;
        client.send(request).await;
        let text = String::from_utf8_lossy(&client.bytes().await.unwrap_or_default()).into_owned();
        let refused = text.starts_with("HTTP/1.1 4") || text.starts_with("HTTP/1.1 501") || text.is_empty();
        if !refused || text.matches("HTTP/1.1 ").count() > 1 || provider.requests().len() > seen {
            wrong.push(format!("{what}: {text:?}, upstream saw {}", provider.requests().len() - seen));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(plane.get("/canary").await.status(), 200);
}

/// The head may be upstream by the time its body turns out to be malformed; then the request ends there, unfinished.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_chunks_end_the_request() {
    let provider = Provider::plain(Answer::echo()).await;
    let plane = Plane::to(provider.address()).await;
    for chunks in [
        "xyz\r\nabc\r\n0\r\n\r\n",
        "-1\r\nabc\r\n0\r\n\r\n",
        "3\r\nabcdef\r\n0\r\n\r\n",
        "ffffffffffffffff1\r\n",
        "3 3\r\nabc",
    ] {
        let mut client = Raw::connect(plane.address).await;
        client.send(format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}")).await;
        let text = client.until_closed().await;
        assert!(!text.contains(" 200 "), "{chunks:?}: {text:?}");
    }
    assert_eq!(plane.get("/canary").await.status(), 200);
}

/// Deformed by a fixed seed: bytes changed, dropped, doubled. Whatever comes back, the gateway lives, and what an
/// upstream sees is a request that the gateway wrote.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deformed_requests_break_nothing() {
    let provider = Provider::plain(Answer::echo()).await;
    let plane = Plane::to(provider.address()).await;
    let good = b"POST /v1/chat?x=1 HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n";
    let mut random = Random(0x5EED);
    for _ in 0..2000 {
        let mut bytes = good.to_vec();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, b"\r\n\0 :,;\t%"[random.below(9)]),
                _ => bytes[at] ^= 0x20,
            }
        }
        let mut client = Raw::connect(plane.address).await;
        client.send(&bytes).await;
        client.finish().await;
        client.until_closed().await;
    }
    assert_eq!(plane.get("/canary").await.status(), 200);
    assert!(provider.requests().iter().all(|seen| seen.header("x-forwarded-proto") == "http"));
}

/// A small generator with a fixed seed, so that a failure is found again (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let value = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(value).unwrap() % limit
    }
}
