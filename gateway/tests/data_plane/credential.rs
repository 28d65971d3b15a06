//! Exactly one credential goes upstream, and to its own backend only.

use http::Method;
use sluice_gateway::cluster::{Backends, Endpoint};
use sluice_gateway::route::{Action, RouteRule};
use sluice_testkit::client::http::request;
use sluice_testkit::client::raw::Raw;
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::steps::StepBody;

use crate::plane::{Plane, VERSIONS, backend, cluster, credential, forward, refusing, rule};

const OURS: &str = "Bearer ours";

async fn injecting(header: &str, overwrite: bool) -> (Provider, Plane) {
    let provider = Provider::plain(Answer::json("{}")).await;
    let edits = vec![credential(header, OURS, overwrite)];
    let rule = RouteRule { edits, ..forward("/", cluster("llm", provider.address())) };
    let plane = Plane::new(vec![rule]).await;
    (provider, plane)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overwrite_leaves_exactly_ours_whatever_the_client_sends() {
    let (provider, plane) = injecting("authorization", true).await;
    for lines in [
        "",
        "Authorization: Bearer placeholder\r\n",
        "authorization: a\r\nAUTHORIZATION: b\r\n",
        "Authorization: a\r\nConnection: Authorization\r\n",
        "Connection: authorization\r\n",
        "Connection: close, Authorization\r\nAuthorization: a\r\n",
        "Connection: keep-alive\r\nConnection: authorization\r\nAuthorization: a\r\n",
        "Authorization:\r\n",
        "Authorization: a\r\nProxy-Connection: Authorization\r\n",
        "Authorization: a\r\nTE: trailers\r\nConnection: TE, Authorization\r\n",
    ] {
        let reply = plane.once(&format!("GET / HTTP/1.1\r\nHost: h\r\n{lines}\r\n")).await;
        // A gateway may refuse such a request; if it goes up, it carries our credential and no other.
        match reply.status() {
            200 => assert_eq!(provider.requests().pop().unwrap().all("authorization"), [OURS], "{lines:?}"),
            status => assert!(status == 400 && lines.contains("onnection"), "{lines:?}: {status}"),
        }
    }
    assert!(provider.requests().iter().all(|seen| seen.all("authorization") == [OURS]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overwrite_holds_over_both_versions() {
    let (provider, plane) = injecting("authorization", true).await;
    for version in VERSIONS {
        let mut request = request(Method::POST, "/v1", StepBody::bytes("{}"));
        request.headers_mut().append("authorization", "Bearer a".parse().unwrap());
        request.headers_mut().append("authorization", "Bearer b".parse().unwrap());
        assert_eq!(plane.client(version).await.send(request).await.status, 200);
        assert_eq!(provider.requests().pop().unwrap().all("authorization"), [OURS], "{version:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_overwrite_the_clients_own_goes_up() {
    let (provider, plane) = injecting("authorization", false).await;
    plane.once("GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer mine\r\n\r\n").await;
    plane.once("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let sent: Vec<_> = provider.requests().iter().map(|seen| seen.all("authorization").join("|")).collect();
    assert_eq!(sent, ["Bearer mine", OURS]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_header_can_carry_it() {
    let (provider, plane) = injecting("x-api-key", true).await;
    plane.once("GET / HTTP/1.1\r\nHost: h\r\nX-Api-Key: a\r\nX-API-KEY: b\r\nAuthorization: c\r\n\r\n").await;
    let seen = provider.only_request();
    assert_eq!((seen.all("x-api-key"), seen.all("authorization")), (vec![OURS], vec!["c"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_backend_gets_its_own_and_no_other() {
    let (one, two) = (Provider::plain(Answer::json("1")).await, Provider::plain(Answer::json("2")).await);
    let with = |provider: &Provider, name: &str, key: &str| {
        let mut backend = backend(cluster(name, provider.address()));
        backend.edits = vec![credential("authorization", key, true)];
        backend
    };
    let backends = Backends(vec![with(&one, "one", "Bearer one"), with(&two, "two", "Bearer two")]);
    let plane = Plane::new(vec![rule("/", Action::Forward(backends))]).await;
    for _ in 0..20 {
        plane.once("GET / HTTP/1.1\r\nHost: h\r\nAuthorization: mine\r\n\r\n").await;
    }
    for (provider, key) in [(&one, "Bearer one"), (&two, "Bearer two")] {
        let seen = provider.requests();
        assert!(!seen.is_empty() && seen.iter().all(|seen| seen.all("authorization") == [key]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_at_another_address_carries_it_once() {
    let provider = Provider::plain(Answer::json("{}")).await;
    let mut cluster = cluster("llm", provider.address());
    cluster.endpoints.push(Endpoint::Ip(refusing().await));
    let rule = RouteRule { edits: vec![credential("authorization", OURS, true)], ..forward("/", cluster) };
    let plane = Plane::new(vec![rule]).await;
    for _ in 0..10 {
        assert_eq!(plane.get("/").await.status(), 200);
    }
    assert!(provider.requests().iter().all(|seen| seen.all("authorization") == [OURS]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_not_shared_between_credentials_or_backends() {
    let provider = Provider::plain(Answer::json("{}")).await;
    let to = |prefix: &str, name: &str, key: &str| RouteRule {
        edits: vec![credential("authorization", key, true)],
        ..forward(prefix, cluster(name, provider.address()))
    };
    let plane = Plane::new(vec![to("/a", "same", "ka"), to("/b", "same", "kb"), to("/c", "other", "ka")]).await;
    let mut client = Raw::connect(plane.address).await;
    for _ in 0..3 {
        for target in ["/a", "/b", "/c"] {
            client.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n")).await;
            assert_eq!(client.reply().await.status(), 200);
        }
    }
    let all = provider.requests();
    let of = |target: &str| {
        let mut ids: Vec<_> = all.iter().filter(|seen| seen.target == target).map(|seen| seen.connection).collect();
        ids.dedup();
        ids
    };
    let (a, b, c) = (of("/a"), of("/b"), of("/c"));
    assert_eq!((a.len(), b.len(), c.len()), (1, 1, 1), "each kind keeps its own connection: {a:?} {b:?} {c:?}");
    assert!(a != b && b != c && a != c);
}
