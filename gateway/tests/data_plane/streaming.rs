//! Every piece goes out at once, in both directions; whoever leaves or breaks off is believed at once.

use std::time::Duration;

use http::Method;
use sluice_testkit::client::http::request;
use sluice_testkit::client::raw::{End, Framing, Piece, Raw};
use sluice_testkit::client::sse::{Events, StreamEnd};
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::provider::journal::Ended;
use sluice_testkit::provider::raw::{RawProvider, RawStep};
use sluice_testkit::steps::{Gate, Step, StepBody, chunk};

use crate::plane::{Plane, VERSIONS, Version};

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/// The next event is sent only after the one before it was read: whatever is held back anywhere hangs this test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_go_out_one_by_one() {
    for version in VERSIONS {
        let gates: Vec<_> = (0..20).map(|_| Gate::default()).collect();
        let lockstep = |(index, gate): (usize, &Gate)| [Step::Event(chunk(index)), Step::Await(gate.clone())];
        let steps = gates.iter().enumerate().flat_map(lockstep).collect();
        let provider = Provider::plain(Answer::event_stream(steps)).await;
        let plane = Plane::to(provider.address()).await;
        let mut client = plane.client(version).await;
        let mut events = Events::of(client.post("/v1/chat/completions", "{\"stream\":true}").await);
        for (index, gate) in gates.iter().enumerate() {
            assert!(events.next().await.unwrap().data.contains(&format!("\"i\":{index},")), "{version:?}");
            gate.open();
        }
        assert_eq!(events.next().await.unwrap_err(), StreamEnd::Clean);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_known_length_go_out_piece_by_piece() {
    for version in VERSIONS {
        let gates: Vec<_> = (0..5).map(|_| Gate::default()).collect();
        let steps = gates.iter().flat_map(|gate| [Step::Send("ab".into()), Step::Await(gate.clone())]).collect();
        let provider = Provider::plain(Answer::sized(10, steps)).await;
        let plane = Plane::to(provider.address()).await;
        let mut client = plane.client(version).await;
        let mut answer = client.get("/").await;
        assert_eq!(answer.header("content-length"), "10");
        for gate in &gates {
            assert_eq!(answer.piece().await.unwrap().unwrap().1, "ab", "{version:?}");
            gate.open();
        }
        assert!(answer.piece().await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_goes_out_before_its_body() {
    for version in VERSIONS {
        let gate = Gate::default();
        let provider = Provider::plain(Answer::event_stream(vec![Step::Await(gate.clone())])).await;
        let plane = Plane::to(provider.address()).await;
        let mut client = plane.client(version).await;
        let mut answer = client.get("/").await;
        gate.open();
        assert!(answer.piece().await.is_none(), "{version:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_go_up_piece_by_piece() {
    for version in VERSIONS {
        let provider = Provider::plain(Answer::echo()).await;
        let plane = Plane::to(provider.address()).await;
        let gates: Vec<_> = (0..5).map(|_| Gate::default()).collect();
        let body = StepBody::new(gates.iter().flat_map(|gate| [Step::Send("ab".into()), Step::Await(gate.clone())]));
        let mut client = plane.client(version).await;
        let answer = tokio::spawn(async move { client.send(request(Method::POST, "/", body)).await.whole().await });
        for (index, gate) in gates.iter().enumerate() {
            let due = 2 * (index + 1);
            let arrived = move |all: &[_]| all.first().and_then(|seen| received(seen, due));
            provider.journal().wait("a piece of the upload", arrived).await;
            gate.open();
        }
        assert_eq!(answer.await.unwrap().text(), "ababababab", "{version:?}");
    }
}

fn received(seen: &sluice_testkit::provider::journal::Seen, due: usize) -> Option<()> {
    (seen.received >= due).then_some(())
}

/// How soon is measured where nothing else runs beside it: `conformance/tests/release.rs`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_releases_the_upstream() {
    for version in VERSIONS {
        let provider = Provider::plain(Answer::event_stream(vec![Step::Event(chunk(0)), Step::Hang])).await;
        let plane = Plane::to(provider.address()).await;
        for index in 0..10 {
            let mut client = plane.client(version).await;
            let mut events = Events::of(client.get("/").await);
            events.next().await.unwrap();
            drop((client, events));
            assert_eq!(provider.journal().wait_end(index).await.0, Ended::Gone, "{version:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_before_the_head_releases_the_upstream() {
    for version in VERSIONS {
        let provider = Provider::plain(Answer::silence()).await;
        let plane = Plane::to(provider.address()).await;
        for index in 0..10 {
            let mut client = plane.client(version).await;
            let asking = tokio::spawn(async move { client.post("/", "{}").await.status });
            provider.journal().wait_count(index + 1).await;
            asking.abort();
            assert_eq!(provider.journal().wait_end(index).await.0, Ended::Gone, "{version:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_one_client_of_a_connection_drops_leaves_the_others() {
    let gate = Gate::default();
    let steps = vec![Step::Event(chunk(0)), Step::Await(gate.clone()), Step::Event(chunk(1))];
    let provider = Provider::plain(Answer::event_stream(steps)).await;
    let plane = Plane::to(provider.address()).await;
    let mut client = plane.client(Version::H2c).await;
    let (mut left, mut kept) = (Events::of(client.get("/").await), Events::of(client.get("/").await));
    left.next().await.unwrap();
    kept.next().await.unwrap();
    drop(left);
    assert_eq!(provider.journal().wait_end(0).await.0, Ended::Gone);
    gate.open();
    assert_eq!(kept.rest().await.1, StreamEnd::Clean);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_upstream_is_a_cut_stream() {
    let cut = |answer: Answer| answer.body(vec![Step::Send("data: 1\n\n".into()), Step::Cut]);
    for answer in [cut(Answer::event_stream(Vec::new())), cut(Answer::sized(20, Vec::new()))] {
        for version in VERSIONS {
            let provider = Provider::plain(answer.clone()).await;
            let plane = Plane::to(provider.address()).await;
            let mut client = plane.client(version).await;
            let whole = client.get("/").await.whole().await;
            assert_eq!(whole.text(), "data: 1\n\n", "{version:?}: what came before the cut goes out");
            assert!(whole.cut.is_some(), "{version:?}: a clean end was made up");
        }
    }
}

/// The same on the wire of HTTP/1.1: no last chunk, and the connection closes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upstreams_that_close_in_the_middle_never_look_like_an_end() {
    for (head, body) in [
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n"),
        ("Transfer-Encoding: chunked", "5\r\nhel"),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n"),
        ("Content-Length: 10", "hello"),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}");
        let upstream = RawProvider::always(vec![RawStep::ReadHead, RawStep::send(&answer)]).await;
        let plane = Plane::to(upstream.address()).await;
        let mut client = Raw::connect(plane.address).await;
        client.send(GET).await;
        let reply = client.reply().await;
        assert_eq!((reply.status(), reply.end), (200, End::Cut), "{head} {body:?}");
        assert!(client.bytes().await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_ends_with_its_connection_is_whole() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello";
    let upstream = RawProvider::always(vec![RawStep::ReadHead, RawStep::send(answer)]).await;
    let plane = Plane::to(upstream.address()).await;
    let reply = plane.once(GET).await;
    assert_eq!((reply.status(), reply.text().as_str(), reply.end), (200, "hello", End::Clean));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_go_both_ways() {
    let body: Vec<u8> = (0..5_u32 << 20).map(|i| u8::try_from(i.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect();
    for version in VERSIONS {
        let provider = Provider::plain(Answer::echo()).await;
        let plane = Plane::to(provider.address()).await;
        let mut client = plane.client(version).await;
        let known = client.send(request(Method::POST, "/", StepBody::bytes(body.clone()))).await.whole().await;
        assert!(known.cut.is_none() && known.bytes[..] == body[..], "{version:?}");
        let pieces = body.chunks(100_000).map(|piece| Step::Send(piece.to_vec().into()));
        let unknown = client.send(request(Method::POST, "/", StepBody::new(pieces))).await.whole().await;
        assert!(unknown.cut.is_none() && unknown.bytes[..] == body[..], "{version:?}");
    }
}

const LARGE: usize = 64 << 20;

fn large() -> Vec<Step> {
    vec![Step::Repeat(vec![b'x'; 64 << 10].into(), LARGE / (64 << 10))]
}

/// A client that does not read holds the upstream back after what the buffers on the way take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_slows_the_upstream() {
    let provider = Provider::plain(Answer::sized(LARGE, large())).await;
    let plane = Plane::to(provider.address()).await;
    let mut client = Raw::connect(plane.address).await;
    client.send(GET).await;
    let head = client.head().await;
    let journal = provider.journal().clone();
    let stalled = at_rest(move || journal.all()[0].sent).await;
    assert!(stalled < 24 << 20, "{stalled} bytes were taken for a client that reads none");
    let (mut framing, mut length) = (head.framing(), 0);
    assert_eq!(framing, Framing::Length(LARGE));
    while let Piece::Data(_, data) = client.piece(&mut framing).await {
        length += data.len();
    }
    assert_eq!(length, LARGE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_upstream_slows_the_upload() {
    let gate = Gate::default();
    let answer = Answer::status(200).reads_nothing().after_gate(&gate);
    for version in VERSIONS {
        let provider = Provider::plain(answer.clone()).await;
        let plane = Plane::to(provider.address()).await;
        let taken = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let body = StepBody::new(large()).watcher(Box::new(Counter(taken.clone())));
        let mut client = plane.client(version).await;
        let asking = tokio::spawn(async move { client.try_send(request(Method::POST, "/", body)).await.is_ok() });
        provider.journal().wait_count(1).await;
        let stalled = at_rest(move || taken.load(std::sync::atomic::Ordering::SeqCst)).await;
        assert!(stalled < 24 << 20, "{version:?}: {stalled} bytes were taken for an upstream that reads none");
        asking.abort();
    }
}

/// What an upstream says while it takes nothing of an upload is not held back for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_go_out_while_an_upload_is_stuck() {
    for version in VERSIONS {
        let gate = Gate::default();
        let answer = Answer::event_stream(vec![Step::Event(chunk(0)), Step::Hang]).reads_nothing().after_gate(&gate);
        let provider = Provider::plain(answer).await;
        let plane = Plane::to(provider.address()).await;
        let taken = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let body = StepBody::new(large()).watcher(Box::new(Counter(taken.clone())));
        let mut client = plane.client(version).await;
        let asking = tokio::spawn(async move { (client.send(request(Method::POST, "/", body)).await, client) });
        provider.journal().wait_count(1).await;
        at_rest(move || taken.load(std::sync::atomic::Ordering::SeqCst)).await;
        gate.open();
        let (reply, _client) = asking.await.unwrap();
        let event = Events::of(reply).next().await;
        assert!(event.is_ok(), "{version:?}: {event:?}");
    }
}

struct Counter(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl sluice_testkit::steps::Watcher for Counter {
    fn sent(&mut self, bytes: usize) {
        self.0.fetch_add(bytes, std::sync::atomic::Ordering::SeqCst);
    }

    fn finished(&mut self) {}
}

/// The value of a count once it has stopped growing: unchanged over half a second.
async fn at_rest(count: impl Fn() -> usize) -> usize {
    let mut last = usize::MAX;
    loop {
        let now = count();
        if now == last && now > 0 {
            return now;
        }
        last = now;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressed_and_odd_bodies_pass_unchanged() {
    let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let answer = Answer::event_stream(vec![Step::Send(bytes.clone().into())]).gzip();
    let provider = Provider::plain(answer).await;
    let plane = Plane::to(provider.address()).await;
    let reply = plane.once(GET).await;
    assert_eq!((reply.header("content-encoding"), reply.end), ("gzip", End::Clean));
    assert_eq!(reply.body[..], bytes[..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_at_once_stay_whole_and_apart() {
    let provider = Provider::scripted(|seen| {
        let id = seen.target.clone();
        let events = (0..20).flat_map(|i| [Step::Event(format!("{id}-{i}")), Step::Pause(Duration::from_millis(2))]);
        Answer::event_stream(events.collect())
    })
    .await;
    let plane = Plane::to(provider.address()).await;
    let mut asking = Vec::new();
    for index in 0..50 {
        let mut client = plane.client(VERSIONS[index % 2]).await;
        asking.push(tokio::spawn(async move {
            let (events, end) = Events::of(client.get(&format!("/{index}")).await).rest().await;
            let data: Vec<_> = events.into_iter().map(|event| event.data).collect();
            assert_eq!(data, (0..20).map(|i| format!("/{index}-{i}")).collect::<Vec<_>>());
            assert_eq!(end, StreamEnd::Clean);
        }));
    }
    for one in asking {
        one.await.unwrap();
    }
}
