//! A new snapshot is for new requests; the running ones end as they began. Sockets come and go with listeners.

use std::sync::Arc;

use sluice_gateway::route::Precedence;
use sluice_gateway::route::RouteRule;
use sluice_gateway::route::table::RouteEntry;
use sluice_gateway::snapshot::Snapshot;
use sluice_testkit::client::raw::Raw;
use sluice_testkit::client::sse::{Events, StreamEnd};
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::steps::{Gate, Step, chunk};
use sluice_testkit::wait::within;

use crate::plane::{PORT, Plane, VERSIONS, cluster, credential, forward, listener, options};

fn gated(gate: &Gate) -> Answer {
    Answer::event_stream(vec![Step::Event(chunk(0)), Step::Await(gate.clone()), Step::Event(chunk(1))])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn running_streams_outlive_their_route_and_their_listener() {
    for version in VERSIONS {
        let gate = Gate::default();
        let old = Provider::plain(gated(&gate)).await;
        let new = Provider::plain(Answer::json("{}")).await;
        let plane = Plane::to(old.address()).await;
        let mut client = plane.client(version).await;
        let mut events = Events::of(client.get("/").await);
        events.next().await.unwrap();

        plane.apply(vec![forward("/", cluster("only", new.address()))]).await;
        assert_eq!(plane.get("/").await.text(), "{}");
        assert_eq!((old.requests().len(), new.requests().len()), (1, 1));

        assert!(plane.server.apply(Vec::new()).await.is_empty());
        assert!(tokio::net::TcpStream::connect(plane.address).await.is_err(), "the port is still open");
        gate.open();
        let (rest, end) = events.rest().await;
        assert_eq!((rest.len(), end), (1, StreamEnd::Clean), "{version:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_request_of_a_connection_sees_the_new_snapshot() {
    let provider = Provider::plain(Answer::json("{}")).await;
    let with = |key: &str| RouteRule {
        edits: vec![credential("authorization", key, true)],
        ..forward("/", cluster("llm", provider.address()))
    };
    let plane = Plane::new(vec![with("old")]).await;
    let mut client = Raw::connect(plane.address).await;
    for key in ["old", "new", "newer"] {
        plane.apply(vec![with(key)]).await;
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(client.reply().await.status(), 200);
        assert_eq!(provider.requests().pop().unwrap().all("authorization"), [key]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listeners_come_and_go_and_the_others_stay() {
    let provider = Provider::plain(Answer::json("{}")).await;
    let mut options = options();
    options.ports.insert(8081, 0);
    let plane = Plane::with(options, Vec::new()).await;
    let with = |ports: &[u16]| {
        let entry = || {
            let rule = forward("/", cluster("llm", provider.address()));
            vec![RouteEntry { hosts: Vec::new(), precedence: Precedence::default(), rule: Arc::new(rule) }]
        };
        let listeners = ports.iter().map(|port| listener(&format!("l{port}"), *port, entry())).collect();
        vec![Snapshot::new("test/gateway".into(), Vec::new(), listeners)]
    };
    let mut kept = Raw::connect(plane.address).await;
    for _ in 0..3 {
        let bound = plane.server.apply(with(&[PORT, 8081])).await;
        let address = |port| bound.iter().find(|b| b.port == port).unwrap().result.clone().unwrap();
        assert_eq!(address(PORT), plane.address, "a port that stays keeps its socket");
        let second = address(8081);
        assert_eq!(Raw::once(second, "GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.status(), 200);
        assert_eq!(plane.server.apply(with(&[PORT])).await.len(), 1);
        assert!(tokio::net::TcpStream::connect(second).await.is_err());
        kept.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(kept.reply().await.status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_on_one_port_do_not_hide_each_other() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = options();
    options.ports.insert(8081, taken.local_addr().unwrap().port());
    let plane = Plane::with(options, Vec::new()).await;
    let listeners = vec![listener("free", PORT, Vec::new()), listener("taken", 8081, Vec::new())];
    let bound = plane.server.apply(vec![Snapshot::new("test/gateway".into(), Vec::new(), listeners)]).await;
    let result = |name: &str| bound.iter().find(|b| b.listener == name).unwrap().result.clone();
    assert_eq!(result("free").unwrap(), plane.address);
    assert!(result("taken").unwrap_err().len() > 10, "the error says why");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_lets_running_requests_finish_and_closes_idle_connections() {
    for version in VERSIONS {
        let gate = Gate::default();
        let provider = Provider::plain(gated(&gate)).await;
        let plane = Plane::to(provider.address()).await;
        let address = plane.address;
        let mut idle = Raw::connect(address).await;
        idle.send("GET /nothing HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").await;
        let head = idle.head().await;
        assert_eq!(head.status, 200);
        let mut client = plane.client(version).await;
        let mut events = Events::of(client.get("/").await);
        events.next().await.unwrap();
        let draining = tokio::spawn(async move { plane.server.drain().await });
        let refused = async {
            while tokio::net::TcpStream::connect(address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        within("the listener to close", refused).await;
        assert!(!draining.is_finished(), "{version:?}");
        gate.open();
        assert_eq!(events.rest().await.1, StreamEnd::Clean, "{version:?}");
        drop(client);
        assert!(idle.until_closed().await.contains("\"i\":1"));
        within("the drain to end", draining).await.unwrap();
    }
}
