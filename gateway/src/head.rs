//! Heads of messages, as the `http` crate has them, and how HTTP/1.1 writes that of a request (RFC 9112 section 3).

use bytes::{BufMut, BytesMut};
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};

pub use http::request::Parts as RequestHead;
pub use http::response::Parts as ResponseHead;

/// For the request line and a small body, beside the fields.
const ROOM: usize = 512;

/// A head without fields.
pub fn request(method: Method, uri: Uri) -> RequestHead {
    let mut head = Request::new(()).into_parts().0;
    (head.method, head.uri) = (method, uri);
    head
}

/// A head without fields.
pub fn response(status: StatusCode) -> ResponseHead {
    let mut head = Response::new(()).into_parts().0;
    head.status = status;
    head
}

/// Path and query: what a request is for at its host.
pub fn target(head: &RequestHead) -> &str {
    head.uri.path_and_query().map_or("/", |target| target.as_str())
}

/// Writes a request's head for HTTP/1.1.
pub fn write_request(head: &RequestHead, wire: &mut BytesMut) {
    let target = target(head);
    let size = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>();
    wire.reserve(target.len() + size + ROOM);
    wire.put_slice(head.method.as_str().as_bytes());
    wire.put_u8(b' ');
    wire.put_slice(target.as_bytes());
    wire.put_slice(b" HTTP/1.1\r\n");
    head.headers.iter().for_each(|(name, value)| write_field(name, value, wire));
    wire.put_slice(b"\r\n");
}

/// Writes a line. Names are in small letters, as Envoy and HTTP/2 have them.
pub(crate) fn write_field(name: &HeaderName, value: &HeaderValue, wire: &mut BytesMut) {
    wire.put_slice(name.as_str().as_bytes());
    wire.put_slice(b": ");
    wire.put_slice(value.as_bytes());
    wire.put_slice(b"\r\n");
}
