//! What is sent, and what has to come back: made once, before anything is measured.

use std::cell::RefCell;
use std::iter::once;
use std::time::Duration;

use crate::side_by_side::wire::{Digest, EVENTS, Random, request_body, write_seen_body, write_seen_head};
use crate::side_by_side::work::{Kind, Path, Work};

/// Bytes of the body of what asks for a stream, or once.
const SMALL: usize = 200;

/// The first part of each request: what depends on its path.
pub(super) struct Heads {
    heads: Vec<String>,
    random: RefCell<Random>,
}

/// The rest of a request, and what the provider may have seen of it.
pub(super) struct Message {
    /// The last headers, and the body.
    pub(super) tail: Vec<u8>,
    seen: Vec<Vec<u8>>,
}

/// A request that is answered with a stream.
pub(super) struct StreamOf {
    pub(super) message: Message,
    pub(super) events: usize,
}

impl Heads {
    pub(super) fn of(work: &Work) -> Self {
        let Work { host, authorization, path, .. } = work;
        let head = |path: &str| {
            format!(
                "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: {authorization}\r\nuser-agent: side-by-side\r\n\
                 accept: */*\r\ncontent-type: application/json\r\n"
            )
        };
        let heads = match path {
            Path::One(path) => vec![head(path)],
            Path::Numbered(all) => {
                (0..*all.max(&1)).map(|number| head(&format!("/r{number}/chat/completions"))).collect()
            }
        };
        Self { heads, random: RefCell::default() }
    }

    /// That of the next request.
    pub(super) fn next(&self) -> &[u8] {
        self.heads[self.random.borrow_mut().below(self.heads.len())].as_bytes()
    }
}

impl Message {
    /// A request that is answered at once.
    pub(super) fn request(work: &Work) -> Self {
        let length = match work.kind {
            Kind::Requests { body, .. } => body,
            Kind::Streams { .. } | Kind::Idle => SMALL,
        };
        Self::new(work, "", &request_body(length, false))
    }

    fn new(work: &Work, headers: &str, body: &[u8]) -> Self {
        let tail = format!("{headers}content-length: {}\r\n\r\n", body.len());
        let seen = work.expected.iter().map(|expected| {
            let mut seen = Vec::new();
            let credential = once(expected.authorization.as_bytes());
            write_seen_head(&mut seen, expected.path.as_bytes(), expected.host.as_bytes(), credential);
            write_seen_body(&mut seen, Digest::of(body));
            seen
        });
        Self { tail: [tail.as_bytes(), body].concat(), seen: seen.collect() }
    }

    /// Whether the provider has seen what it should.
    pub(super) fn expects(&self, seen: &[u8]) -> bool {
        self.seen.iter().any(|expected| expected == seen)
    }

    /// What it should have seen, to be read.
    pub(super) fn expected(&self) -> String {
        let seen = self.seen.iter().take(3).map(|seen| format!("`{}`", seen.escape_ascii()));
        seen.collect::<Vec<_>>().join(" or ")
    }
}

impl StreamOf {
    pub(super) fn new(work: &Work, events: usize, pause: Duration) -> Self {
        let headers = format!("{EVENTS}: {events} {}\r\n", pause.as_millis());
        Self { message: Message::new(work, &headers, &request_body(SMALL, true)), events }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::side_by_side::work::Seen;

    fn work(path: Path, kind: Kind) -> Work {
        let seen = |authorization: &str| Seen {
            path: "/v1".to_owned(),
            host: "provider".to_owned(),
            authorization: authorization.to_owned(),
        };
        Work {
            target: ([127, 0, 0, 1], 80).into(),
            host: "gateway".to_owned(),
            path,
            authorization: "Bearer mine".to_owned(),
            expected: vec![seen("Bearer old"), seen("Bearer new")],
            connections: 1,
            warm_up_ms: 0,
            measure_ms: 0,
            kind,
        }
    }

    #[test]
    fn a_request_has_a_head_and_a_body() {
        let work = work(Path::One("/chat".to_owned()), Kind::Requests { body: 9, per_second: None });
        let (heads, message) = (Heads::of(&work), Message::request(&work));
        let text = [heads.next(), &message.tail].concat();
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut request = httparse::Request::new(&mut headers);
        let head = request.parse(&text).unwrap().unwrap();
        assert_eq!((request.method, request.path, text.len() - head), (Some("POST"), Some("/chat"), 9));
    }

    #[test]
    fn each_of_what_is_expected_may_be_seen() {
        let message = Message::new(&work(Path::Numbered(1), Kind::Idle), "", b"123456789");
        assert!(message.expects(b"/v1 provider Bearer_old 9 cbf43926"));
        assert!(message.expects(b"/v1 provider Bearer_new 9 cbf43926"));
        for seen in ["", "/v1 gateway Bearer_new 9 cbf43926", "/v1 provider Bearer_mine 9 cbf43926"] {
            assert!(!message.expects(seen.as_bytes()));
        }
        assert_eq!(message.expected(), "`/v1 provider Bearer_old 9 cbf43926` or `/v1 provider Bearer_new 9 cbf43926`");
    }

    #[test]
    fn numbered_paths_come_in_the_same_order_each_time() {
        let work = work(Path::Numbered(50), Kind::Idle);
        let paths = || {
            let heads = Heads::of(&work);
            (0..1000).map(|_| heads.next().to_vec()).collect::<Vec<_>>()
        };
        let mut different = paths();
        assert_eq!(different, paths());
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), 50);
        assert!(different[0].starts_with(b"POST /r0/chat/completions HTTP/1.1\r\n"));
    }
}
