//! The kit against itself: what its clients and its provider say of each other must agree.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::time::Duration;

use sluice_testkit::ca::{Alpn, Ca};
use sluice_testkit::client::http::Http;
use sluice_testkit::client::raw::{End, Raw};
use sluice_testkit::client::sse::{Events, StreamEnd};
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::provider::journal::Ended;
use sluice_testkit::steps::{Gate, Step, chunk};

const POST: &str = "POST /v1/x?a=%20b HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 2\r\n\r\nhi";

#[tokio::test]
async fn requests_are_recorded_as_they_were() {
    let provider = Provider::plain(Answer::echo()).await;
    let reply = Raw::once(provider.address(), POST).await;
    assert_eq!((reply.status(), reply.text().as_str(), reply.end), (200, "hi", End::Clean));
    let seen = provider.only_request();
    assert_eq!((seen.method.as_str(), seen.target.as_str(), seen.host()), ("POST", "/v1/x?a=%20b", "h"));
    assert_eq!(seen.all("x-a"), ["1", "2"]);
    assert_eq!((&seen.body[..], seen.received), (&b"hi"[..], 2));
    assert_eq!(provider.journal().wait_end(0).await.0, Ended::Finished);
}

#[tokio::test]
async fn streams_come_event_by_event_and_a_cut_is_no_end() {
    for h2 in [false, true] {
        let gate = Gate::default();
        let steps = vec![Step::Event(chunk(0)), Step::Await(gate.clone()), Step::Event(chunk(1)), Step::Cut];
        let provider = Provider::plain(Answer::event_stream(steps)).await;
        let mut client = connect(&provider, h2).await;
        let mut events = Events::of(client.get("/").await);
        assert!(events.next().await.unwrap().latency_micros().is_some());
        gate.open();
        let (rest, end) = events.rest().await;
        assert_eq!(rest.len(), 1);
        assert!(matches!(end, StreamEnd::Cut(_)), "{end:?}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed() {
    for h2 in [false, true] {
        for answer in [Answer::event_stream(vec![Step::Event(chunk(0)), Step::Hang]), Answer::silence()] {
            let provider = Provider::plain(answer).await;
            let mut client = connect(&provider, h2).await;
            let asking = tokio::spawn(async move { client.get("/").await.piece().await.is_some() });
            provider.journal().wait_count(1).await;
            asking.abort();
            assert_eq!(provider.journal().wait_end(0).await.0, Ended::Gone);
        }
    }
}

#[tokio::test]
async fn raw_clients_tell_a_cut_from_an_end() {
    let provider = Provider::plain(Answer::sized(4, vec![Step::Send("ab".into()), Step::Cut])).await;
    let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_eq!(Raw::once(provider.address(), get).await.end, End::Cut);
    provider.set(Answer::sse(2, Duration::ZERO));
    let reply = Raw::once(provider.address(), get).await;
    assert_eq!((reply.end, reply.arrivals.len()), (End::Clean, 3));
    assert!(reply.text().ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn tls_is_verified_by_the_authority_alone() {
    let ca = Ca::new("kit");
    let leaf = ca.leaf(&["provider.test", "127.0.0.1"]);
    let provider = Provider::tls(&leaf, Alpn::Both, Answer::json("{}")).await;
    let roots = |ca: &Ca| {
        use rustls_pki_types::pem::PemObject;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(rustls_pki_types::CertificateDer::from_pem_slice(ca.pem().as_bytes()).unwrap()).unwrap();
        let ring = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions().unwrap();
        tokio_rustls::TlsConnector::from(std::sync::Arc::new(
            config.with_root_certificates(roots).with_no_client_auth(),
        ))
    };
    let name = || "provider.test".try_into().unwrap();
    let stream = tokio::net::TcpStream::connect(provider.address()).await.unwrap();
    assert!(roots(&ca).connect(name(), stream).await.is_ok());
    let stream = tokio::net::TcpStream::connect(provider.address()).await.unwrap();
    assert!(roots(&Ca::new("kit")).connect(name(), stream).await.is_err());
}

async fn connect(provider: &Provider, h2: bool) -> Http {
    if h2 { Http::h2c(provider.address()).await } else { Http::http1(provider.address()).await }
}
