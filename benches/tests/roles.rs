//! The load generator against the mock, straight and through the floor, and against servers that do it wrong: what was
//! right is counted, and what was not is found.

// Tests may fail loudly.
#![allow(clippy::unwrap_used)]

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use sluice_benches::side_by_side::floor;
use sluice_benches::side_by_side::load;
use sluice_benches::side_by_side::mock::Mock;
use sluice_benches::side_by_side::thread::single_threaded;
use sluice_benches::side_by_side::work::{Kind, Measured, Path, Said, Seen, Work};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

/// Makes another answer of an answer.
type Change = fn(&str) -> String;

const PATH: &str = "/v1/chat/completions";
const SMALL: Kind = Kind::Requests { body: 300, per_second: None };

fn work(target: SocketAddr, connections: usize, kind: Kind) -> Work {
    let seen = |path: &str| Seen { path: path.into(), host: "bench.test".into(), authorization: "Bearer key".into() };
    Work {
        target,
        host: "bench.test".into(),
        path: Path::One(PATH.into()),
        authorization: "Bearer key".into(),
        expected: vec![seen(PATH)],
        connections,
        warm_up_ms: 20,
        measure_ms: 300,
        kind,
    }
}

/// What the load generator says at the end.
async fn measure(work: Work) -> io::Result<Measured> {
    let mut said = Vec::new();
    load::run(work, |line| {
        said.push(line);
        Ok(())
    })
    .await?;
    match <[Said; 2]>::try_from(said) {
        Ok([Said::Begins, Said::Ended(measured)]) => Ok(measured),
        other => Err(io::Error::other(format!("{other:?}"))),
    }
}

async fn mock() -> SocketAddr {
    let mock = Mock::bind().await.unwrap();
    let address = mock.addresses().unwrap().plain;
    spawn_local(mock.serve());
    address
}

async fn floor_before(target: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    spawn_local(floor::forward(listener, target));
    address
}

/// What is measured with the mock alone.
fn against_the_mock(connections: usize, kind: Kind) -> Measured {
    single_threaded(async { measure(work(mock().await, connections, kind)).await }).unwrap().unwrap()
}

/// What becomes of an answer of the mock.
#[derive(Clone, Copy)]
enum Deed {
    /// Passed on with a change, and then the connection is closed.
    Changed(Change),
    /// Passed on the first time of a connection, and kept back from then on.
    KeptBack,
}

/// What is measured through a proxy that does something to answers.
fn through(deed: Deed, change: fn(&mut Work)) -> Measured {
    single_threaded(async {
        let (mock, listener) = (mock().await, TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
        let mut work = work(listener.local_addr().unwrap(), 2, SMALL);
        change(&mut work);
        spawn_local(async move {
            while let Ok((client, _)) = listener.accept().await {
                spawn_local(pass_on(client, mock, deed));
            }
        });
        measure(work).await
    })
    .unwrap()
    .unwrap()
}

async fn pass_on(mut client: TcpStream, mock: SocketAddr, deed: Deed) -> io::Result<()> {
    let (mut server, mut bytes) = (TcpStream::connect(mock).await?, [0; 4096]);
    // Messages are small, so that each is read at once.
    let length = client.read(&mut bytes).await?;
    server.write_all(&bytes[..length]).await?;
    let length = server.read(&mut bytes).await?;
    let answer = String::from_utf8_lossy(&bytes[..length]);
    match deed {
        Deed::Changed(change) => client.write_all(change(&answer).as_bytes()).await,
        Deed::KeptBack => {
            client.write_all(answer.as_bytes()).await?;
            while client.read(&mut bytes).await? > 0 {}
            Ok(())
        }
    }
}

#[track_caller]
fn assert_no_fault(measured: &Measured) {
    assert_eq!((measured.wrong, measured.lost, &measured.first_fault), (0, 0, &None));
}

#[track_caller]
fn assert_fault(measured: &Measured, fault: &str) {
    assert_eq!(measured.answers, 0);
    let first = measured.first_fault.as_deref().unwrap_or_default();
    assert!(first.contains(fault), "{first}");
}

#[test]
fn requests_are_answered_and_timed() {
    let measured = against_the_mock(8, SMALL);
    assert_no_fault(&measured);
    assert!(measured.answers > 100, "{measured:?}");
    let (latency, first_byte) = (measured.latency, measured.first_byte);
    assert!(0.0 < latency.p50 && latency.p50 <= latency.p90 && latency.p90 <= latency.p99, "{latency:?}");
    assert!(first_byte.p50 <= latency.p50 && latency.p99 <= latency.max, "{measured:?}");
    assert!(measured.seconds >= 0.3 && measured.own_cpu_seconds > 0.0, "{measured:?}");
}

#[test]
fn large_bodies_arrive_whole() {
    for body in [0, 16 << 10, 1 << 20] {
        let measured = against_the_mock(2, Kind::Requests { body, per_second: None });
        assert_no_fault(&measured);
        assert!(measured.answers > 0, "{body} bytes");
    }
}

#[test]
fn a_rate_is_kept() {
    let measured = against_the_mock(4, Kind::Requests { body: 300, per_second: Some(400) });
    assert_no_fault(&measured);
    let rate = measured.answers as f64 / measured.seconds;
    // A busy machine may owe some at the end.
    assert!((200.0..440.0).contains(&rate), "{rate} a second and not 400");
}

#[test]
fn streams_are_followed_one_after_the_other() {
    let measured = against_the_mock(20, Kind::Streams { events: 5, pause_ms: 10 });
    assert_no_fault(&measured);
    let rate = measured.answers as f64 / measured.seconds;
    assert!((1000.0..2200.0).contains(&rate), "{rate} events a second and not 2000");
}

#[test]
fn connections_rest_after_one_answer() {
    let measured = against_the_mock(100, Kind::Idle);
    assert_no_fault(&measured);
    assert_eq!(measured.answers, 100);
}

#[test]
fn numbered_paths_reach_the_mock() {
    let measured = single_threaded(async {
        let mut work = work(mock().await, 4, SMALL);
        work.path = Path::Numbered(3);
        let seen = |number| Seen { path: format!("/r{number}/chat/completions"), ..work.expected[0].clone() };
        work.expected = (0..3).map(seen).collect();
        measure(work).await
    });
    let measured = measured.unwrap().unwrap();
    assert_no_fault(&measured);
    assert!(measured.answers > 100, "{measured:?}");
}

#[test]
fn the_floor_changes_nothing() {
    for kind in [SMALL, Kind::Requests { body: 1 << 20, per_second: None }, Kind::Streams { events: 5, pause_ms: 10 }] {
        let measured = single_threaded(async {
            let target = floor_before(mock().await).await;
            measure(work(target, 8, kind)).await
        });
        let measured = measured.unwrap().unwrap();
        assert_no_fault(&measured);
        assert!(measured.answers > 0, "{kind:?}");
    }
}

#[test]
fn what_reached_the_mock_wrongly_is_wrong() {
    let changes: [fn(&mut Work); 3] = [
        |work| work.path = Path::One("/other".into()),
        |work| work.host = "other.test".into(),
        |work| work.authorization = "Bearer other".into(),
    ];
    for change in changes {
        let measured = single_threaded(async {
            let mut work = work(mock().await, 2, SMALL);
            change(&mut work);
            measure(work).await
        });
        let measured = measured.unwrap().unwrap();
        assert!(measured.wrong > 0 && measured.lost == 0, "{measured:?}");
        assert_fault(&measured, "the provider has seen `");
    }
}

#[test]
fn an_answer_that_was_changed_is_wrong() {
    let changes: [(Change, &str); 5] = [
        (|answer| answer.replace("200 OK", "502 Bad Gateway"), "status 502"),
        (|answer| answer.replace("x-seen", "x-other"), "the provider has seen ``"),
        (|answer| answer.replace("Loopback", "L00pback"), "an answer that says `"),
        (|answer| answer.replace("content-length: ", "content-length: 9\r\nx-old: "), "more than the answer has come"),
        (|answer| answer.replace("HTTP/1.1", "HTTQ/1.1"), "invalid HTTP version"),
    ];
    for (change, fault) in changes {
        let measured = through(Deed::Changed(change), |_| {});
        assert!(measured.wrong > 0 && measured.lost == 0, "{measured:?}");
        assert_fault(&measured, fault);
    }
}

#[test]
fn an_answer_that_was_cut_is_lost() {
    let changes: [(Change, &str); 3] = [
        (|_| String::new(), "before the answer"),
        (|answer| answer[..30].to_owned(), "before the answer"),
        (|answer| answer[..answer.len() - 1].to_owned(), "within the answer"),
    ];
    for (change, fault) in changes {
        let measured = through(Deed::Changed(change), |_| {});
        assert!(measured.lost > 0 && measured.wrong == 0, "{measured:?}");
        assert_fault(&measured, fault);
    }
}

#[test]
fn a_stream_that_was_cut_is_lost() {
    let measured = through(Deed::Changed(str::to_owned), |work| work.kind = Kind::Streams { events: 5, pause_ms: 10 });
    assert!(measured.lost > 0 && measured.wrong == 0, "{measured:?}");
    assert_fault(&measured, "within the answer");
}

#[test]
fn an_answer_that_does_not_come_is_lost() {
    let measured = through(Deed::KeptBack, |work| work.measure_ms = 1200);
    assert_eq!((measured.lost, measured.wrong), (2, 0));
    assert_fault(&measured, "2 requests waited");
}

#[test]
fn a_connection_that_was_closed_between_requests_is_opened_anew() {
    let silently = Deed::Changed(str::to_owned);
    let measured = through(silently, |work| work.kind = Kind::Requests { body: 300, per_second: Some(50) });
    assert_no_fault(&measured);
    assert!(measured.answers >= 10, "{measured:?}");
    let announced = Deed::Changed(|answer| answer.replacen("\r\n", "\r\nconnection: close\r\n", 1));
    let measured = through(announced, |_| {});
    assert_no_fault(&measured);
    assert!(measured.answers >= 10, "{measured:?}");
}

#[test]
fn a_connection_that_does_not_rest_shows() {
    let closed: [Change; 2] = [str::to_owned, |answer| answer.replacen("\r\n", "\r\nconnection: close\r\n", 1)];
    for change in closed {
        let measured = through(Deed::Changed(change), |work| work.kind = Kind::Idle);
        assert_no_fault(&measured);
        assert!(measured.answers > 2, "{measured:?}");
    }
}

#[test]
fn a_target_that_cannot_be_reached_is_an_error() {
    let measured = single_threaded(async {
        // A port that was free a moment ago.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
        measure(work(address, 1, SMALL)).await
    });
    assert_eq!(measured.unwrap().unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}
