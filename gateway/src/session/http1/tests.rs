use std::time::Duration;

use http::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// A connection, and the client's end of it.
async fn connected() -> (Connection, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (tcp, address) = listener.accept().await.unwrap();
    (Connection::new(tcp, address), client)
}

const LIMIT: Duration = Duration::from_secs(10);

/// The request that begins with this text, and the client's end.
async fn asked(text: &str) -> (Session, TcpStream) {
    let (mut connection, mut client) = connected().await;
    client.write_all(text.as_bytes()).await.unwrap();
    let head = connection.read_head(LIMIT).await.unwrap();
    (Session::new(connection, head), client)
}

async fn body(session: &mut Session) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    while !session.is_whole() {
        match poll_fn(|cx| session.poll_body(cx, false)).await? {
            Some(bytes) => all.extend_from_slice(&bytes),
            None => break,
        }
    }
    Ok(all)
}

fn ok(fields: &[(&'static str, &'static str)]) -> ResponseHead {
    let mut head = crate::head::response(StatusCode::OK);
    for (name, value) in [("date", "then")].iter().chain(fields) {
        head.headers.insert(*name, HeaderValue::from_static(value));
    }
    head
}

/// What the client has got when the connection has been given back or closed; whether it was given back.
async fn received(session: Session, mut client: TcpStream) -> (String, bool) {
    let kept = session.finish().await;
    let is_kept = kept.is_some();
    drop(kept);
    let mut text = String::new();
    client.read_to_string(&mut text).await.unwrap();
    (text, is_kept)
}

#[tokio::test]
async fn bodies_are_read_as_they_are_framed() {
    for (framing, sent, expected) in [
        ("Content-Length: 5", "hello", Some("hello")),
        ("Content-Length: 0", "", Some("")),
        ("X: y", "", Some("")),
        ("Transfer-Encoding: chunked", "2\r\nhe\r\n3;x\r\nllo\r\n0\r\nx: y\r\n\r\n", Some("hello")),
        ("Transfer-Encoding: chunked", "2\r\nhex", None),
        ("Content-Length: 5", "hell", None),
    ] {
        let (mut session, mut client) = asked(&format!("POST / HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n")).await;
        client.write_all(sent.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let read = body(&mut session).await.ok().map(|body| String::from_utf8(body).unwrap());
        assert_eq!(read.as_deref(), expected, "{framing} {sent:?}");
    }
}

#[tokio::test]
async fn an_answer_is_framed_for_its_client() {
    let eleven = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let ten = "GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n";
    let head = "HTTP/1.1 200 OK\r\ndate: then\r\n";
    for (request, fields, expected, kept) in [
        (eleven, &[("content-length", "2")][..], "content-length: 2\r\n\r\nok", true),
        (eleven, &[], "transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true),
        (eleven, &[("transfer-encoding", "chunked")], "transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true),
        (eleven, &[("content-length", "3")], "content-length: 3\r\n\r\nok", false),
        (eleven, &[("content-length", "1"), ("keep-alive", "5")], "content-length: 1\r\n\r\no", true),
        (ten, &[("content-length", "2")], "content-length: 2\r\nconnection: keep-alive\r\n\r\nok", true),
        (ten, &[("transfer-encoding", "chunked")], "connection: close\r\n\r\nok", false),
        (ten, &[], "connection: close\r\n\r\nok", false),
        ("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", &[("content-length", "2")], "content-length: 2\r\n\r\n", true),
    ] {
        let (mut session, client) = asked(request).await;
        session.write_head(&ok(fields), false).await.unwrap();
        session.write_body(Bytes::from_static(b"ok"), true).await.unwrap();
        assert_eq!(received(session, client).await, (format!("{head}{expected}"), kept), "{request} {fields:?}");
    }
}

#[tokio::test]
async fn a_client_that_has_its_length_has_the_answer() {
    let (mut session, _client) = asked("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(!session.write_head(&ok(&[("content-length", "2")]), false).await.unwrap());
    assert!(!session.write_body(Bytes::from_static(b"o"), false).await.unwrap());
    assert!(session.write_body(Bytes::from_static(b"k"), false).await.unwrap());
    let (mut session, _client) = asked("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(session.write_head(&ok(&[]), true).await.unwrap());
}

/// Whoever is told that the connection closes asks no more; whoever sends more all the same gets no answer to it.
#[tokio::test]
async fn a_connection_is_kept_for_requests_that_come_in_turn() {
    let length = ("content-length", "0");
    for (request, says_close) in [
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", true),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel", true),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", true),
        ("GET / HTTP/1.0\r\nHost: h\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\n", false),
    ] {
        let (mut session, client) = asked(request).await;
        session.write_head(&ok(&[length]), true).await.unwrap();
        let (text, kept) = received(session, client).await;
        assert_eq!((text.contains("connection: close"), kept), (says_close, false), "{request}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_and_one_that_talks_is_not_heard() {
    let (mut session, mut client) = asked("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    client.write_all(b"x").await.unwrap();
    let heard = timeout(Duration::from_millis(50), poll_fn(|cx| session.poll_body(cx, true))).await;
    assert!(heard.is_err());
    let (mut session, client) = asked("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    drop(client);
    assert!(poll_fn(|cx| session.poll_body(cx, true)).await.is_err());
}

#[tokio::test]
async fn what_is_no_head_is_refused() {
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(70_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(101));
    for (text, status) in [
        ("GET  / HTTP/1.1\r\n\r\n", "400"),
        ("GET /a b HTTP/1.1\r\n\r\n", "400"),
        ("GET /\u{7f} HTTP/1.1\r\n\r\n", "400"),
        ("GET /\u{e9} HTTP/1.1\r\n\r\n", "400"),
        ("GET /\tHTTP/1.1\r\n\r\n", "400"),
        ("GET /\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nx : y\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nx: y\r\n z\r\n\r\n", "400"),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}", "400"),
        (&long, "431"),
        (&many, "431"),
    ] {
        let (mut connection, mut client) = connected().await;
        client.write_all(text.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        assert!(connection.next_request(LIMIT).await);
        assert!(connection.read_head(LIMIT).await.is_none());
        drop(connection);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{text:.40}: {answer}");
    }
}

#[tokio::test]
async fn a_head_may_come_byte_by_byte() {
    let text = "\r\nGET /v1 HTTP/1.1\r\nHost: h\r\nX-Name: \u{80}\r\n\r\nrest";
    for piece in [1, 5, text.len()] {
        let (mut connection, mut client) = connected().await;
        let sending = async {
            for piece in text.as_bytes().chunks(piece) {
                client.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            client
        };
        let (head, _client) = tokio::join!(connection.read_head(LIMIT), sending);
        let head = head.unwrap();
        assert_eq!((head.uri.path(), head.headers["x-name"].as_bytes()), ("/v1", "\u{80}".as_bytes()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_has_a_limit_as_a_whole() {
    let (mut connection, mut client) = connected().await;
    client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert!(connection.read_head(LIMIT).await.is_none());
    drop(connection);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}
