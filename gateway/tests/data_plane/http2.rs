//! HTTP/2: towards clients by prior knowledge on the same port, towards upstreams by prior knowledge.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sluice_gateway::cluster::{Cluster, UpstreamProtocol};
use sluice_testkit::client::http::{Http, request};
use sluice_testkit::client::raw::Raw;
use sluice_testkit::client::sse::{Events, StreamEnd};
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::provider::journal::Ended;
use sluice_testkit::steps::{Step, StepBody, chunk};

use crate::plane::{Plane, VERSIONS, cluster, forward};

async fn to_h2c(provider: &Provider) -> Plane {
    let cluster = Cluster { protocol: UpstreamProtocol::H2c, ..cluster("h2c", provider.address()) };
    Plane::new(vec![forward("/", cluster)]).await
}

fn trailers() -> HeaderMap {
    [(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))].into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_versions_are_spoken_on_one_port() {
    let provider = Provider::plain(Answer::json("{}")).await;
    let plane = Plane::to(provider.address()).await;
    let mut h2 = Http::h2c(plane.address).await;
    let mut http1 = Raw::connect(plane.address).await;
    for _ in 0..3 {
        assert_eq!(h2.get("/a").await.whole().await.text(), "{}");
        http1.send("GET /b HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(http1.reply().await.text(), "{}");
    }
    assert!(provider.requests().iter().all(|seen| seen.version == http::Version::HTTP_11));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_authority_is_the_host_of_an_http_1_upstream() {
    let provider = Provider::plain(Answer::json("{}")).await;
    let plane = Plane::to(provider.address()).await;
    let mut client = Http::h2c(plane.address).await;
    let asked = request(Method::GET, "http://api.gateway.test/v1?x=1", StepBody::new([]));
    assert_eq!(client.send(asked).await.status, 200);
    let seen = provider.only_request();
    assert_eq!((seen.all("host"), seen.target.as_str()), (vec!["api.gateway.test"], "/v1?x=1"));
}

/// An upstream may end its stream after the last byte of a body whose length it has told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_has_a_whole_answer_asks_on() {
    let provider = Provider::plain(Answer::sized(2, vec![Step::Send("{}".into()), Step::Hang])).await;
    let plane = to_h2c(&provider).await;
    let mut client = Raw::connect(plane.address).await;
    for _ in 0..3 {
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert_eq!(client.reply().await.text(), "{}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_of_one_connection_run_side_by_side() {
    let gate = sluice_testkit::steps::Gate::default();
    let provider = Provider::plain(Answer::json("{}")).await;
    let plane = to_h2c(&provider).await;
    let mut client = Http::h2c(plane.address).await;
    for _ in 0..10 {
        assert_eq!(client.get("/first").await.whole().await.text(), "{}");
    }
    assert_eq!(provider.journal().connections(), 1);
    provider.set(Answer::json("{}").after_gate(&gate));
    let mut asking = Vec::new();
    for index in 0..50 {
        let mut client = client.another();
        asking.push(tokio::spawn(async move { client.get(&format!("/{index}")).await.status }));
    }
    // All are upstream before any is answered.
    provider.journal().wait_count(60).await;
    assert_eq!(provider.journal().connections(), 1);
    gate.open();
    for one in asking {
        assert_eq!(one.await.unwrap(), 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trailers_of_an_answer_pass_between_http_2_sides() {
    let provider = Provider::plain(Answer::echo().trailers(trailers())).await;
    let plane = to_h2c(&provider).await;
    let mut client = Http::h2c(plane.address).await;
    let body = StepBody::new([Step::Send("abc".into())]).trailers(Some(trailers()));
    let mut asked = request(Method::POST, "/", body);
    asked.headers_mut().insert("te", HeaderValue::from_static("trailers"));
    let whole = client.send(asked).await.whole().await;
    assert_eq!((whole.text().as_str(), whole.trailers), ("abc", Some(trailers())));
    let seen = provider.only_request();
    assert_eq!((seen.version, seen.all("te")), (http::Version::HTTP_2, vec!["trailers"]));
    // Wrong: they belong upstream too. The engine reads no trailers of requests; nothing that we serve sends them.
    assert_eq!(seen.trailers, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_and_large_bodies_cross_an_http_2_upstream() {
    let provider = Provider::scripted(|seen| match seen.method {
        Method::POST => Answer::echo(),
        _ => Answer::sse(20, std::time::Duration::from_millis(1)),
    })
    .await;
    let plane = to_h2c(&provider).await;
    let body: Vec<u8> = (0..5_u32 << 20).map(|i| u8::try_from(i.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect();
    for version in VERSIONS {
        let mut client = plane.client(version).await;
        let whole = client.send(request(Method::POST, "/", StepBody::bytes(body.clone()))).await.whole().await;
        assert!(whole.cut.is_none() && whole.bytes[..] == body[..], "{version:?}: {:?}", whole.cut);
        let (events, end) = Events::of(client.get("/").await).rest().await;
        assert_eq!((events.len(), end), (21, StreamEnd::Clean), "{version:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cuts_and_departures_cross_an_http_2_upstream() {
    let cut = Provider::plain(Answer::event_stream(vec![Step::Event(chunk(0)), Step::Cut])).await;
    let plane = to_h2c(&cut).await;
    for version in VERSIONS {
        let mut client = plane.client(version).await;
        let (events, end) = Events::of(client.get("/").await).rest().await;
        assert_eq!(events.len(), 1);
        assert!(matches!(end, StreamEnd::Cut(_)), "{version:?}: {end:?}");
    }
    let endless = Provider::plain(Answer::event_stream(vec![Step::Event(chunk(0)), Step::Hang])).await;
    let plane = to_h2c(&endless).await;
    for (index, version) in VERSIONS.into_iter().enumerate() {
        let mut client = plane.client(version).await;
        let mut events = Events::of(client.get("/").await);
        events.next().await.unwrap();
        drop((client, events));
        assert_eq!(endless.journal().wait_end(index).await.0, Ended::Gone, "{version:?}");
    }
}

/// The gateway's own answers over HTTP/2 end their stream and leave the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn local_answers_leave_the_connection_open() {
    let provider = Provider::plain(Answer::json("{}")).await;
    let plane = Plane::new(vec![forward("/v1", cluster("only", provider.address()))]).await;
    let mut client = Http::h2c(plane.address).await;
    for _ in 0..3 {
        let answer = client.post("/nowhere", "{}").await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.whole().await.json()["error"]["code"], "route_not_found");
        assert_eq!(client.get("/v1").await.status, 200);
    }
}
