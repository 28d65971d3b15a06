//! An HTTP/1.1 client that writes exact bytes on one connection and says when which bytes came.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wait::within;

/// One connection.
pub struct Raw {
    stream: TcpStream,
    buffer: BytesMut,
}

/// The head of an answer.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// Status code.
    pub status: u16,
    /// Header lines, in order, names as sent.
    pub headers: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    /// Its head.
    pub head: Head,
    /// Status codes of the informational answers before it.
    pub informational: Vec<u16>,
    /// The body, without its framing.
    pub body: Bytes,
    /// When each piece of the body came, and its length.
    pub arrivals: Vec<(Instant, usize)>,
    /// How it ended.
    pub end: End,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As its framing says.
    Clean,
    /// The connection broke off in the middle.
    Cut,
}

/// How the length of a body is told (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// No body at all.
    Empty,
    /// So many bytes are left.
    Length(usize),
    /// Chunks.
    Chunked,
    /// All bytes until the connection closes.
    UntilClose,
}

/// What comes next of a body.
#[derive(Debug)]
pub enum Piece {
    /// Bytes, and when they came.
    Data(Instant, Bytes),
    /// The end.
    End(End),
}

impl Head {
    /// All values of a header, its name in any case.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    /// The first value of a header, or the empty text.
    pub fn header(&self, name: &str) -> &str {
        self.all(name).first().copied().unwrap_or("")
    }

    /// How the body's length is told, for an answer to any method but HEAD.
    pub fn framing(&self) -> Framing {
        if matches!(self.status, 100..=199 | 204 | 304) {
            return Framing::Empty;
        }
        if self.header("transfer-encoding").eq_ignore_ascii_case("chunked") {
            return Framing::Chunked;
        }
        match self.header("content-length") {
            "" => Framing::UntilClose,
            "0" => Framing::Empty,
            length => Framing::Length(length.parse().expect("a Content-Length that is a number")),
        }
    }

    fn parse(text: &str) -> Self {
        let mut lines = text.split("\r\n");
        let status_line = lines.next().unwrap_or("");
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {status_line:?}"));
        let headers = lines.filter_map(|line| line.split_once(':'));
        Self { status, headers: headers.map(|(n, v)| (n.to_owned(), v.trim().to_owned())).collect() }
    }
}

impl Reply {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The first value of a header, or the empty text.
    pub fn header(&self, name: &str) -> &str {
        self.head.header(name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// It is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }
}

impl Raw {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = within("a connection", TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: BytesMut::new() }
    }

    /// Sends one request on a connection of its own and reads the answer.
    pub async fn once(address: SocketAddr, request: &str) -> Reply {
        let mut raw = Self::connect(address).await;
        raw.send(request).await;
        raw.reply().await
    }

    /// Writes bytes. What the other side no longer takes is passed over: the answer tells.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        drop(within("the gateway to take bytes", self.stream.write_all(bytes.as_ref())).await);
    }

    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) {
        drop(self.stream.shutdown().await);
    }

    /// Reads a whole answer, the informational ones before it included.
    pub async fn reply(&mut self) -> Reply {
        let mut informational = Vec::new();
        let mut head = self.head().await;
        while (100..200).contains(&head.status) && head.status != 101 {
            informational.push(head.status);
            head = self.head().await;
        }
        let framing = head.framing();
        self.rest(head, informational, framing).await
    }

    /// Reads an answer to a HEAD request.
    pub async fn reply_to_head(&mut self) -> Reply {
        let head = self.head().await;
        self.rest(head, Vec::new(), Framing::Empty).await
    }

    async fn rest(&mut self, head: Head, informational: Vec<u16>, mut framing: Framing) -> Reply {
        let (mut body, mut arrivals) = (BytesMut::new(), Vec::new());
        loop {
            match self.piece(&mut framing).await {
                Piece::Data(at, data) => {
                    arrivals.push((at, data.len()));
                    body.extend_from_slice(&data);
                }
                Piece::End(end) => return Reply { head, informational, body: body.freeze(), arrivals, end },
            }
        }
    }

    /// Reads one head.
    ///
    /// # Panics
    /// The connection closes before it is whole.
    pub async fn head(&mut self) -> Head {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = self.buffer.split_to(end + 4);
                return Head::parse(&String::from_utf8_lossy(&head[..end]));
            }
            let got = self.fill().await;
            assert!(got, "the connection closed instead of an answer; it had sent {:?}", self.buffer);
        }
    }

    /// Reads what comes next of a body. `framing` is kept up to date.
    pub async fn piece(&mut self, framing: &mut Framing) -> Piece {
        match *framing {
            Framing::Empty | Framing::Length(0) => Piece::End(End::Clean),
            Framing::Length(left) => {
                if self.buffer.is_empty() && !self.fill().await {
                    return Piece::End(End::Cut);
                }
                let taken = self.buffer.len().min(left);
                *framing = Framing::Length(left - taken);
                Piece::Data(Instant::now(), self.buffer.split_to(taken).freeze())
            }
            Framing::UntilClose => match self.buffer.is_empty() && !self.fill().await {
                true => Piece::End(End::Clean),
                false => Piece::Data(Instant::now(), self.buffer.split().freeze()),
            },
            Framing::Chunked => self.chunk().await,
        }
    }

    async fn chunk(&mut self) -> Piece {
        let Some(line) = self.line().await else { return Piece::End(End::Cut) };
        let size = line.split(';').next().unwrap_or("").trim();
        let size = usize::from_str_radix(size, 16).unwrap_or_else(|_| panic!("no chunk size: {line:?}"));
        if size == 0 {
            // Trailers, if any, up to the empty line.
            while let Some(line) = self.line().await {
                if line.is_empty() {
                    return Piece::End(End::Clean);
                }
            }
            return Piece::End(End::Cut);
        }
        while self.buffer.len() < size + 2 {
            if !self.fill().await {
                return Piece::End(End::Cut);
            }
        }
        let data = self.buffer.split_to(size).freeze();
        assert_eq!(&self.buffer.split_to(2)[..], b"\r\n", "a chunk that does not end with CRLF");
        Piece::Data(Instant::now(), data)
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|w| w == b"\r\n") {
                let line = self.buffer.split_to(end + 2);
                return Some(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// Reads whatever comes next; `None` at the end of the connection.
    pub async fn bytes(&mut self) -> Option<Bytes> {
        (!self.buffer.is_empty() || self.fill().await).then(|| self.buffer.split().freeze())
    }

    /// Reads until the connection closes and says what came.
    pub async fn until_closed(&mut self) -> String {
        while self.fill().await {}
        String::from_utf8_lossy(&self.buffer.split()).into_owned()
    }

    /// The TCP stream itself, for its options or to break it.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    async fn fill(&mut self) -> bool {
        matches!(within("bytes from the gateway", self.stream.read_buf(&mut self.buffer)).await, Ok(1..))
    }
}
