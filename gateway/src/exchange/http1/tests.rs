use std::future::poll_fn;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

/// A POST with these fields over a connection with so much room, and the upstream's end of it.
fn post(fields: &[(&'static str, &str)], room: usize) -> (Exchange, DuplexStream) {
    let (ours, theirs) = duplex(room);
    let mut head = crate::head::request(Method::POST, http::Uri::from_static("/"));
    for (name, value) in fields {
        head.headers.append(*name, value.parse().unwrap());
    }
    (Exchange::new(Box::new(ours), &head).unwrap(), theirs)
}

async fn next(exchange: &mut Exchange) -> Result<Event> {
    poll_fn(|cx| exchange.poll(cx, false)).await
}

/// Sends what there is to send, without waiting for anything.
async fn send(exchange: &mut Exchange) {
    poll_fn(|cx| Poll::Ready(exchange.poll(cx, false).is_pending())).await;
}

/// What the upstream can read now.
async fn received(theirs: &mut DuplexStream) -> String {
    let mut buffer = [0; 1024];
    let read = theirs.read(&mut buffer).await.unwrap();
    String::from_utf8(buffer[..read].to_vec()).unwrap()
}

/// The answer's status and body, and whether it was whole.
async fn answer(exchange: &mut Exchange) -> (u16, String, bool) {
    let (mut status, mut body) = (0, String::new());
    loop {
        match next(exchange).await {
            Ok(Event::Head { head, ends }) => {
                status = head.status.as_u16();
                if ends {
                    return (status, body, true);
                }
            }
            Ok(Event::Body { bytes, ends }) => {
                body.push_str(std::str::from_utf8(&bytes).unwrap());
                if ends {
                    return (status, body, true);
                }
            }
            Ok(Event::Room | Event::Trailers(_)) => panic!("nobody asked"),
            Err(_) => return (status, body, false),
        }
    }
}

#[tokio::test]
async fn a_head_and_a_small_body_leave_together() {
    let (mut exchange, mut theirs) = post(&[("content-length", "5")], 4096);
    exchange.push(Bytes::from_static(b"hello, and more"), true);
    send(&mut exchange).await;
    assert_eq!(received(&mut theirs).await, "POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello");
}

#[tokio::test]
async fn chunks_are_framed_and_large_ones_not_copied() {
    let (mut exchange, mut theirs) = post(&[("transfer-encoding", "chunked")], 1 << 20);
    exchange.push(Bytes::from_static(b"hello"), false);
    exchange.push(Bytes::new(), false);
    exchange.push(Bytes::from(vec![b'x'; 20_000]), true);
    assert!(!exchange.has_room());
    send(&mut exchange).await;
    assert!(exchange.has_room());
    let mut all = vec![0; 47 + 10 + 6 + 20_000 + 7];
    theirs.read_exact(&mut all).await.unwrap();
    let text = String::from_utf8(all).unwrap();
    let body = text.split_once("\r\n\r\n").unwrap().1;
    assert!(body == format!("5\r\nhello\r\n4e20\r\n{}\r\n0\r\n\r\n", "x".repeat(20_000)), "{body:.40}");
}

#[tokio::test]
async fn answers_end_as_they_are_framed() {
    for (text, expected, reusable) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", (200, "hello", true), true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell", (200, "hell", false), false),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello!", (200, "hello", true), false),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello", (200, "hello", true), false),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", (200, "hello", true), true),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", (200, "hello", false), false),
        ("HTTP/1.1 200 OK\r\n\r\nhello", (200, "hello", true), false),
        ("HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", (200, "hello", true), false),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", (204, "", true), true),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", (0, "", false), false),
        ("", (0, "", false), false),
    ] {
        for piece in [1, 7, text.len().max(1)] {
            let (mut exchange, mut theirs) = post(&[], 4096);
            let upstream = async {
                for piece in text.as_bytes().chunks(piece) {
                    theirs.write_all(piece).await.unwrap();
                    tokio::task::yield_now().await;
                }
                theirs.shutdown().await.unwrap();
            };
            let ((status, body, whole), ()) = tokio::join!(answer(&mut exchange), upstream);
            assert_eq!((status, &*body, whole), expected, "{text:?} in pieces of {piece}");
            if piece == text.len() {
                assert_eq!(exchange.into_reusable().is_some(), reusable, "{text:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_answer_is_read_while_the_request_is_held_up() {
    let (mut exchange, mut theirs) = post(&[("content-length", "100000")], 64);
    exchange.push(Bytes::from(vec![b'x'; 50_000]), false);
    theirs.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert_eq!(answer(&mut exchange).await, (413, String::new(), true));
    assert!(exchange.into_reusable().is_none());
}

#[tokio::test]
async fn only_a_request_that_nobody_has_seen_may_be_sent_again() {
    for (text, unseen) in
        [("", true), ("HTTP/1.1 200", false), ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nh", false)]
    {
        let (mut exchange, mut theirs) = post(&[], 4096);
        theirs.write_all(text.as_bytes()).await.unwrap();
        drop(theirs);
        let error = loop {
            if let Err(error) = next(&mut exchange).await {
                break error;
            }
        };
        assert_eq!(matches!(error.retry, RetryType::ReusedOnly), unseen, "{text:?}");
    }
}
