//! The mock on each of its ports, by what its answers say: what was asked, and how much of a stream has come.

// Tests may fail loudly.
#![allow(clippy::unwrap_used)]

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sluice_benches::side_by_side::mock::{Addresses, Mock, NAME};
use sluice_benches::side_by_side::thread::single_threaded;
use sluice_testkit::client::raw::Raw;
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// CRC-32 of `123456789` by the book.
const SEEN: &str = "/v1?a=b provider.bench.test Bearer_key 9 cbf43926";

/// Runs a test beside a mock: with its ports, and its authority's certificate.
fn beside_a_mock<F: Future<Output = ()>>(test: impl FnOnce(Addresses, String) -> F) {
    let tested = single_threaded(async {
        let mock = Mock::bind().await.unwrap();
        let (addresses, ca) = (mock.addresses().unwrap(), mock.ca_pem().to_owned());
        spawn_local(mock.serve());
        test(addresses, ca).await;
    });
    tested.unwrap();
}

async fn tls(address: SocketAddr, ca: &str, alpn: &[u8]) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(NAME).unwrap(), stream).await
}

fn request(target: &str, events: Option<&str>) -> Request<Full<Bytes>> {
    let mut request = Request::post(target).header("authorization", "Bearer key");
    if let Some(events) = events {
        request = request.header("x-events", events);
    }
    request.body(Full::new(Bytes::from_static(b"123456789"))).unwrap()
}

/// What was seen, and the body.
async fn read(answer: Response<Incoming>) -> (String, String) {
    let seen = answer.headers()["x-seen"].to_str().unwrap().to_owned();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (seen, String::from_utf8(body.to_vec()).unwrap())
}

/// A completion, and a stream.
#[track_caller]
fn assert_both(completion: &(String, String), stream: &(String, String)) {
    assert_eq!((&*completion.0, &*stream.0), (SEEN, SEEN));
    assert!(completion.1.contains(r#""usage":{"#), "{}", completion.1);
    let events: Vec<_> = stream.1.split_terminator("\n\n").collect();
    assert_eq!((events.len(), events.last()), (4, Some(&"data: [DONE]")));
    assert!(events[2].contains(r#""event":2,"at":"#), "{}", events[2]);
}

/// A chat completion of two tokens: role, tokens, end, usage.
#[track_caller]
fn assert_chat(answer: &(String, String)) {
    assert_eq!(&*answer.0, SEEN);
    let events: Vec<_> = answer.1.split_terminator("\n\n").collect();
    assert_eq!((events.len(), events.last()), (6, Some(&"data: [DONE]")));
    assert!(
        events[0].contains(r#""role":"assistant""#) && events[4].contains(r#""completion_tokens":2"#),
        "{events:?}"
    );
}

#[test]
fn http1_over_tls() {
    beside_a_mock(|addresses, ca| async move {
        let stream = tls(addresses.tls_h1, &ca, b"http/1.1").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        spawn_local(connection);
        let mut answers = Vec::new();
        for events in [None, Some("3 5"), Some("chat 2 1 5")] {
            let mut request = request("/v1?a=b", events);
            request.headers_mut().insert("host", NAME.parse().unwrap());
            answers.push(read(sender.send_request(request).await.unwrap()).await);
        }
        assert_both(&answers[0], &answers[1]);
        assert_chat(&answers[2]);
    });
}

#[test]
fn http2_over_tls() {
    beside_a_mock(|addresses, ca| async move {
        let stream = tls(addresses.tls_h2, &ca, b"h2").await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        spawn_local(connection);
        let target = "https://provider.bench.test/v1?a=b";
        let completion = sender.send_request(request(target, None));
        let stream = sender.clone().send_request(request(target, Some("3 5")));
        let chat = sender.clone().send_request(request(target, Some("chat 2 1 5")));
        let (completion, stream) = (read(completion.await.unwrap()).await, read(stream.await.unwrap()).await);
        assert_both(&completion, &stream);
        assert_chat(&read(chat.await.unwrap()).await);
    });
}

#[test]
fn each_tls_port_speaks_one_protocol() {
    beside_a_mock(|addresses, ca| async move {
        assert!(tls(addresses.tls_h1, &ca, b"h2").await.is_err());
        assert!(tls(addresses.tls_h2, &ca, b"http/1.1").await.is_err());
    });
}

#[test]
fn a_chunked_body_is_seen_like_another() {
    beside_a_mock(|addresses, _| async move {
        let request = "POST /v1?a=b HTTP/1.1\r\nhost: provider.bench.test\r\nauthorization: Bearer key\r\n\
                       transfer-encoding: chunked\r\n\r\n4\r\n1234\r\n5\r\n56789\r\n0\r\n\r\n";
        assert_eq!(Raw::once(addresses.plain, request).await.header("x-seen"), SEEN);
    });
}

#[test]
fn only_posts_of_http_1_1_are_answered() {
    beside_a_mock(|addresses, _| async move {
        let status = async |line| Raw::once(addresses.plain, &format!("{line}\r\nhost: h\r\n\r\n")).await.status();
        assert_eq!(status("GET / HTTP/1.1").await, 405);
        assert_eq!(status("POST / HTTP/1.0").await, 505);
        assert_eq!(status("POST / HTTP/1.1").await, 200);
    });
}
