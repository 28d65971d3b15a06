//! One request after the other, to see what a proxy does with it: whether it is ready, and which configuration it has.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use httparse::{EMPTY_HEADER, Response, Status};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::http1::{Body, HEADERS, Inbox, Piece, malformed, value};
use super::job::{GATEWAY, PLACEHOLDER};
use super::wire::{SEEN, request_body};
use super::work::Seen;

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause before the next try of a proxy that does not listen yet.
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

/// A connection.
pub(crate) struct Asker {
    stream: TcpStream,
    inbox: Inbox,
}

impl Asker {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, inbox: Inbox::with_capacity(16 << 10) })
    }

    /// Asks, and says what has reached the mock.
    pub(crate) async fn ask(&mut self, path: &str) -> io::Result<Seen> {
        timeout(PATIENCE, self.exchange(path)).await.map_err(|_| io::Error::other("no answer came"))?
    }

    async fn exchange(&mut self, path: &str) -> io::Result<Seen> {
        let body = request_body(200, false);
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {GATEWAY}\r\nAuthorization: {PLACEHOLDER}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.stream.write_all(&[head.as_bytes(), &body].concat()).await?;
        let (seen, body) = loop {
            if self.inbox.fill(&mut self.stream).await? == 0 {
                return Err(malformed("the connection ended before an answer came"));
            }
            if let Some((seen, body, length)) = head_of(self.inbox.held())? {
                self.inbox.drop_front(length);
                break (seen, body);
            }
        };
        self.skip(body).await?;
        Ok(seen)
    }

    async fn skip(&mut self, mut body: Body) -> io::Result<()> {
        loop {
            let (piece, used) = body.next(self.inbox.held())?;
            let (ends, starved) = (piece == Piece::End, piece == Piece::Starved);
            self.inbox.drop_front(used);
            if ends {
                return Ok(());
            }
            if starved && self.inbox.fill(&mut self.stream).await? == 0 {
                return Err(malformed("half an answer"));
            }
        }
    }
}

/// Asks again and again until a proxy's answer is the one that is expected.
pub(crate) async fn until_ready(address: SocketAddr, path: &str, expected: &Seen, limit: Duration) -> io::Result<()> {
    let mut last = io::Error::other("it was not asked");
    let tries = async {
        loop {
            let asked = async { Asker::connect(address).await?.ask(path).await };
            match asked.await {
                Ok(seen) if seen == *expected => return,
                Ok(seen) => last = io::Error::other(format!("{seen:?} reached the provider")),
                Err(error) => last = error,
            }
            sleep(BETWEEN_TRIES).await;
        }
    };
    let waited = timeout(limit, tries).await;
    waited.map_err(|_| io::Error::other(format!("it was not ready after {} s: {last}", limit.as_secs())))
}

/// What the head of an answer says, and its length; `None` while there is more to come.
fn head_of(held: &[u8]) -> io::Result<Option<(Seen, Body, usize)>> {
    let mut headers = [EMPTY_HEADER; HEADERS];
    let mut response = Response::new(&mut headers);
    let Ok(parsed) = response.parse(held) else { return Err(malformed("an answer that is no HTTP")) };
    let Status::Complete(length) = parsed else { return Ok(None) };
    if response.code != Some(200) {
        return Err(malformed(format!("status {}", response.code.unwrap_or_default())));
    }
    let seen = value(response.headers, SEEN).and_then(|value| seen_in(std::str::from_utf8(value).ok()?));
    let seen = seen.ok_or_else(|| malformed("an answer that is not the provider's"))?;
    Ok(Some((seen, Body::of(response.headers, Body::UntilClose)?, length)))
}

/// The header's value: path, host and credential stand first, a space in the credential as `_`.
fn seen_in(value: &str) -> Option<Seen> {
    let mut parts = value.split(' ');
    let [path, host, authorization] = [parts.next()?, parts.next()?, parts.next()?];
    Some(Seen { path: path.into(), host: host.into(), authorization: authorization.replace('_', " ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_what_was_seen() {
        let head = "HTTP/1.1 200 OK\r\nX-Seen: /v1/x host Bearer_key 200 0badcafe\r\nContent-Length: 2\r\n\r\n";
        let (seen, body, length) = head_of(format!("{head}ok").as_bytes()).unwrap().unwrap();
        assert_eq!(
            (seen.path.as_str(), seen.host.as_str(), seen.authorization.as_str()),
            ("/v1/x", "host", "Bearer key")
        );
        assert_eq!((body, length), (Body::Sized(2), head.len()));
        assert!(head_of(&head.as_bytes()[..40]).unwrap().is_none());
    }

    #[test]
    fn what_is_not_the_providers_is_told() {
        let said = |head: &str| head_of(head.as_bytes()).map(drop).unwrap_err().to_string();
        assert_eq!(said("HTTP/1.1 503 No\r\n\r\n"), "status 503");
        assert_eq!(said("HTTP/1.1 200 OK\r\n\r\n"), "an answer that is not the provider's");
        assert_eq!(said("220 smtp\r\n"), "an answer that is no HTTP");
    }
}
