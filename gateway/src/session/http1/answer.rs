//! The answer to a client: its head on the wire, and how its body is framed.

use std::cell::RefCell;
use std::time::SystemTime;

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONNECTION, DATE, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{Method, StatusCode, Version};

use crate::head::{RequestHead, ResponseHead, write_field};
use crate::http1::{Output, is_chunked, length};

/// Fields of the upstream's own connection.
const OF_ONE_HOP: [HeaderName; 3] =
    [CONNECTION, HeaderName::from_static("keep-alive"), HeaderName::from_static("proxy-connection")];
/// For the status line, the date and a small body, beside the fields.
const ROOM: usize = 512;

thread_local! {
    /// The date of a second, and that second since 1970.
    static NOW: RefCell<(u64, HeaderValue)> = const { RefCell::new((0, HeaderValue::from_static(""))) };
}

/// What of the answer is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Head,
    Length(u64),
    Chunked,
    /// It ends with the connection.
    Close,
    Done,
}

impl Answer {
    /// How the body after this head is framed (RFC 9112 section 6.3), with the line that the head lacks to say so. `ends`
    /// says that there is none.
    pub(super) fn begin(head: &ResponseHead, to: &RequestHead, ends: bool) -> (Self, &'static str) {
        if to.method == Method::HEAD || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return (Self::Done, "");
        }
        let knows_chunks = to.version == Version::HTTP_11;
        match (is_chunked(&head.headers), length(&head.headers)) {
            (Some(true), _) if knows_chunks => (Self::Chunked, ""),
            (None, Ok(Some(0))) => (Self::Done, ""),
            (None, Ok(Some(length))) => (Self::Length(length), ""),
            (None, Ok(None)) if ends => (Self::Done, "content-length: 0\r\n"),
            (None, Ok(None)) if knows_chunks => (Self::Chunked, "transfer-encoding: chunked\r\n"),
            _ => (Self::Close, ""),
        }
    }

    /// Adds bytes of the body to what is to be sent; says how many of them belong to it.
    pub(super) fn add(&mut self, mut bytes: Bytes, ends: bool, output: &mut Output) -> u64 {
        match self {
            Self::Length(left) => {
                bytes.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= bytes.len() as u64;
                if *left == 0 {
                    *self = Self::Done;
                }
            }
            Self::Chunked | Self::Close => {}
            Self::Head | Self::Done => return 0,
        }
        let added = bytes.len() as u64;
        if *self != Self::Chunked {
            output.add(bytes);
            return added;
        }
        output.add_chunk(bytes, ends);
        if ends {
            *self = Self::Done;
        }
        added
    }
}

/// Writes a final head for this hop: what the upstream says of its own connection is left out, and `lines` say what is to
/// be known of this one. HTTP/1.0 knows no codings.
pub(super) fn write(head: &ResponseHead, knows_codings: bool, lines: [&str; 2], wire: &mut BytesMut) {
    begin(head, wire);
    let mut has_date = false;
    let passes = |name: &HeaderName| !OF_ONE_HOP.contains(name) && (knows_codings || name != TRANSFER_ENCODING);
    for (name, value) in head.headers.iter().filter(|(name, _)| passes(name)) {
        has_date |= name == DATE;
        write_field(name, value, wire);
    }
    if !has_date {
        write_field(&DATE, &now(), wire);
    }
    for line in lines {
        wire.put_slice(line.as_bytes());
    }
    wire.put_slice(b"\r\n");
}

/// Writes an informational head as it is.
pub(super) fn write_informational(head: &ResponseHead, wire: &mut BytesMut) {
    begin(head, wire);
    head.headers.iter().for_each(|(name, value)| write_field(name, value, wire));
    wire.put_slice(b"\r\n");
}

fn begin(head: &ResponseHead, wire: &mut BytesMut) {
    let size = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>();
    wire.reserve(size + ROOM);
    wire.put_slice(b"HTTP/1.1 ");
    wire.put_slice(head.status.as_str().as_bytes());
    wire.put_u8(b' ');
    wire.put_slice(head.status.canonical_reason().unwrap_or_default().as_bytes());
    wire.put_slice(b"\r\n");
}

/// The time as RFC 9110 section 5.6.7 writes it; made once a second.
fn now() -> HeaderValue {
    let now = SystemTime::now();
    let second = now.duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default();
    NOW.with_borrow_mut(|(made, date)| {
        if *made != second
            && let Ok(fresh) = HeaderValue::from_str(&httpdate::fmt_http_date(now))
        {
            (*made, *date) = (second, fresh);
        }
        date.clone()
    })
}
