//! A request that may have been read is sent once; one that cannot have been is tried elsewhere.

use sluice_gateway::cluster::{Cluster, Endpoint};
use sluice_testkit::client::raw::Raw;
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::provider::raw::{RawProvider, RawStep};

use crate::plane::{Plane, VERSIONS, cluster, forward, refusing};

const POST: &str = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Reads a whole [`POST`] as the gateway forwards it.
fn read_post() -> [RawStep; 2] {
    [RawStep::ReadHead, RawStep::Read(2)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_refuses_is_passed_over_whatever_the_method() {
    let provider = Provider::plain(Answer::echo()).await;
    let mut endpoints = vec![Endpoint::Ip(refusing().await), Endpoint::Ip(refusing().await)];
    endpoints.push(Endpoint::Ip(provider.address()));
    let cluster = Cluster { endpoints, ..cluster("three", provider.address()) };
    let plane = Plane::new(vec![forward("/", cluster)]).await;
    for version in VERSIONS {
        let mut client = plane.client(version).await;
        for _ in 0..10 {
            let whole = client.post("/", "{\"a\":1}").await.whole().await;
            assert_eq!(whole.text(), "{\"a\":1}", "{version:?}");
        }
    }
    assert_eq!(provider.requests().len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_addresses_refuse_it_is_a_503_at_once() {
    let mut endpoints = Vec::new();
    for _ in 0..10 {
        endpoints.push(Endpoint::Ip(refusing().await));
    }
    let cluster = Cluster { endpoints, ..cluster("dead", refusing().await) };
    let plane = Plane::new(vec![forward("/", cluster)]).await;
    assert_eq!(plane.once(POST).await.status(), 503);
}

/// The upstream closes a kept connection just when the next POST arrives on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_that_was_read_is_never_sent_again() {
    let upstream = RawProvider::always([&read_post()[..], &[RawStep::send(OK)], &read_post()[..]].concat()).await;
    let plane = Plane::to(upstream.address()).await;
    let mut client = Raw::connect(plane.address).await;
    client.send(POST).await;
    assert_eq!(client.reply().await.status(), 200);
    client.send(POST).await;
    assert!(matches!(client.reply().await.status(), 502 | 503));
    assert_eq!(posts(&upstream), 2, "the second POST was sent twice");
}

/// The same as a race: connections that the upstream closes right after its answer. Each POST is answered, and the
/// upstream never sees more of them than clients sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_races_against_closing_connections_bill_nothing_twice() {
    let upstream = RawProvider::always([&read_post()[..], &[RawStep::send(OK)]].concat()).await;
    let plane = Plane::to(upstream.address()).await;
    let mut served = 0;
    for round in 0..1000 {
        let reply = plane.once(POST).await;
        match reply.status() {
            200 => served += 1,
            502 | 503 => {}
            other => panic!("round {round}: {other}"),
        }
    }
    assert!((served..=1000).contains(&posts(&upstream)), "{} upstream for 1000 sent", posts(&upstream));
    assert!(served > 900, "only {served} of 1000 were served");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_answer_is_not_asked_for_again() {
    for answer in [Answer::hang_up(), Answer::json("{}").with_status(503)] {
        let provider = Provider::plain(answer).await;
        let plane = Plane::to(provider.address()).await;
        for version in VERSIONS {
            let before = provider.requests().len();
            let status = plane.client(version).await.post("/", "{}").await.status.as_u16();
            assert!(matches!(status, 502 | 503), "{version:?}: {status}");
            assert_eq!(provider.requests().len(), before + 1, "{version:?}: a POST was sent twice");
        }
    }
}

/// A connection that was closed while it lay in the pool costs no request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_died_idle_is_replaced() {
    let upstream = RawProvider::always([&read_post()[..], &[RawStep::send(OK)]].concat()).await;
    let plane = Plane::to(upstream.address()).await;
    let mut client = Raw::connect(plane.address).await;
    for sent in 1..=5 {
        client.send(POST).await;
        let reply = client.reply().await;
        assert_eq!(reply.status(), 200);
        // The pool has seen the close when it closes its own side.
        upstream.closed(sent).await;
    }
    assert_eq!(posts(&upstream), 5);
}

fn posts(upstream: &RawProvider) -> usize {
    upstream.received().iter().map(|text| text.matches("POST / HTTP/1.1").count()).sum()
}
