//! Reads the recorded traffic of `conformance/captures`.

use std::path::Path;

use bytes::Bytes;

/// One recorded request.
#[derive(Debug)]
pub struct Request {
    /// Head and body as they were on the wire.
    pub bytes: Bytes,
    /// Path and query.
    pub target: String,
    /// Header lines in order, names as sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

/// One recorded answer.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Header lines in order, names as sent.
    pub headers: Vec<(String, String)>,
    /// The body's chunks, or the whole body as one.
    pub chunks: Vec<Bytes>,
}

/// The recorded requests of `name`, over all its connections.
pub fn requests(name: &str) -> Vec<Request> {
    messages(&format!("{name}.requests.http"), |message| Request {
        target: message.start.split(' ').nth(1).unwrap().to_owned(),
        bytes: message.bytes,
        headers: message.headers,
        body: message.chunks.concat().into(),
    })
}

/// The recorded answers of `name`, over all its connections.
pub fn answers(name: &str) -> Vec<Answer> {
    messages(&format!("{name}.responses.http"), |message| Answer {
        status: message.start.split(' ').nth(1).unwrap().parse().unwrap(),
        headers: message.headers,
        chunks: message.chunks,
    })
}

struct Message {
    bytes: Bytes,
    start: String,
    headers: Vec<(String, String)>,
    chunks: Vec<Bytes>,
}

fn messages<T>(file: &str, make: impl Fn(Message) -> T) -> Vec<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../captures").join(file);
    let mut rest = Bytes::from(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
    let mut all = Vec::new();
    loop {
        skip_markers(&mut rest);
        if rest.is_empty() {
            return all;
        }
        all.push(make(message(&mut rest)));
    }
}

/// Between messages stand empty lines and lines that name the connection.
fn skip_markers(rest: &mut Bytes) {
    while let Some(first) = rest.first() {
        match first {
            b'\r' | b'\n' => drop(rest.split_to(1)),
            b'#' => drop(until(rest, b"\n")),
            _ => return,
        }
    }
}

fn message(rest: &mut Bytes) -> Message {
    let from = rest.clone();
    let head = String::from_utf8(until(rest, b"\r\n\r\n").to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let start = lines.next().unwrap().to_owned();
    let headers: Vec<(String, String)> =
        lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let value = |name: &str| headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
    let chunks = match (value("transfer-encoding"), value("content-length")) {
        (Some(_), _) => chunked(rest),
        (None, Some(length)) => vec![rest.split_to(length.parse().unwrap())],
        (None, None) => Vec::new(),
    };
    let bytes = from.slice(..from.len() - rest.len());
    Message { bytes, start, headers, chunks }
}

/// Chunks up to the last one; a stream that the client left has none, and then ends with the record of its connection.
fn chunked(rest: &mut Bytes) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    while rest.first().is_some_and(u8::is_ascii_hexdigit) {
        let size = usize::from_str_radix(std::str::from_utf8(&until(rest, b"\r\n")).unwrap(), 16).unwrap();
        if size > 0 {
            chunks.push(rest.split_to(size));
        }
        drop(until(rest, b"\r\n"));
        if size == 0 {
            break;
        }
    }
    chunks
}

/// Takes what stands before `mark`, and the mark.
fn until(rest: &mut Bytes, mark: &[u8]) -> Bytes {
    let end = rest.windows(mark.len()).position(|window| window == mark).expect("a recording that is whole");
    let taken = rest.split_to(end);
    drop(rest.split_to(mark.len()));
    taken
}
