//! The head of an HTTP/1.1 answer, and how its body is framed (RFC 9112 section 6.3).

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{StatusCode, Version};
use pingora_error::{Error, ErrorType, Result};

use crate::head::{self, ResponseHead};
use crate::http1::{is_chunked, length};

/// Most fields of a head, and most bytes: a little more than the proxy lets pass, so that it is the one to say so.
const MOST_FIELDS: usize = 128;
const MOST_BYTES: usize = 64 * 1024;

/// How the body of an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    Empty,
    /// After so many bytes.
    Length(u64),
    /// With the last chunk.
    Chunked,
    /// With the connection.
    Close,
}

/// Takes a whole head off the front of `input`; `None` while it is not there yet.
///
/// # Errors
/// It is no head, or too large a one.
pub(super) fn take(input: &mut BytesMut) -> Result<Option<Box<ResponseHead>>> {
    let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    let whole = input.split().freeze();
    let mut config = httparse::ParserConfig::default();
    // RFC 9112 section 5.1: a proxy removes whitespace between name and colon from a response.
    config.allow_spaces_after_header_name_in_responses(true);
    let length = match config.parse_response_with_uninit_headers(&mut parsed, &whole, &mut fields) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if whole.len() <= MOST_BYTES => {
            *input = whole.into();
            return Ok(None);
        }
        Ok(httparse::Status::Partial) => return invalid("a head that is too large"),
        Err(error) => return Error::e_because(ErrorType::InvalidHTTPHeader, "an upstream's head", error),
    };
    let head = build(&parsed, &whole)?;
    *input = whole.slice(length..).into();
    Ok(Some(head))
}

/// Names and values stay where they were read.
fn build(parsed: &httparse::Response<'_, '_>, whole: &Bytes) -> Result<Box<ResponseHead>> {
    let Ok(status) = StatusCode::from_u16(parsed.code.unwrap_or_default()) else { return invalid("no status") };
    let mut head = Box::new(head::response(status));
    head.version = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    head.headers.reserve(parsed.headers.len());
    for field in &*parsed.headers {
        let value = HeaderValue::from_maybe_shared(whole.slice_ref(field.value));
        let Ok(value) = value else { return invalid("a field with a control character") };
        let Ok(name) = HeaderName::from_bytes(field.name.as_bytes()) else { return invalid("a field without a name") };
        if head.headers.try_append(name, value).is_err() {
            return invalid("too many fields");
        }
    }
    Ok(head)
}

impl Framing {
    /// Reads it from a head, out of which it takes a length that stands beside chunks. `to_head` says that the request
    /// was a HEAD.
    ///
    /// # Errors
    /// There is more than one length.
    pub(super) fn of(head: &mut ResponseHead, to_head: bool) -> Result<Self> {
        if head.headers.contains_key(TRANSFER_ENCODING) {
            head.headers.remove(CONTENT_LENGTH);
        }
        let length = length(&head.headers)?;
        if to_head || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return Ok(Self::Empty);
        }
        Ok(match (is_chunked(&head.headers), length) {
            (Some(true), _) => Self::Chunked,
            (Some(false), _) | (None, None) => Self::Close,
            (None, Some(0)) => Self::Empty,
            (None, Some(length)) => Self::Length(length),
        })
    }
}

fn invalid<T>(what: &'static str) -> Result<T> {
    Error::e_explain(ErrorType::InvalidHTTPHeader, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Option<Box<ResponseHead>>> {
        take(&mut BytesMut::from(text))
    }

    fn framing(text: &str) -> Option<Framing> {
        Framing::of(&mut parse(&format!("HTTP/1.1 {text}\r\n\r\n")).unwrap().unwrap(), false).ok()
    }

    #[test]
    fn a_head_is_taken_and_the_rest_stays() {
        let mut input = BytesMut::from(&b"HTTP/1.1 200 Fine\r\nX-Name: \x80 a\r\nx-name : b\r\n\r\nbody"[..]);
        let head = take(&mut input).unwrap().unwrap();
        assert_eq!(head.status, StatusCode::OK);
        let values: Vec<_> = head.headers.get_all("x-name").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(values, [b"\x80 a".as_slice(), b"b"]);
        assert_eq!(&input[..], b"body");
    }

    #[test]
    fn half_a_head_waits_and_none_is_refused() {
        let text = "HTTP/1.1 200 OK\r\nx-name: value\r\n\r\n";
        for end in 0..text.len() {
            let mut input = BytesMut::from(&text[..end]);
            assert!(take(&mut input).unwrap().is_none(), "{end}");
            assert_eq!(&input[..], &text.as_bytes()[..end]);
        }
        let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "x".repeat(MOST_BYTES));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(MOST_FIELDS + 1));
        for bad in [
            "SSH-2.0-x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nx y: z\r\n\r\n",
            "HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n",
            &endless,
            &many,
        ] {
            assert!(parse(bad).is_err(), "{bad:.40}");
        }
    }

    #[test]
    fn a_body_is_framed_in_one_way() {
        for (head, expected) in [
            ("200 OK", Some(Framing::Close)),
            ("204 No Content", Some(Framing::Empty)),
            ("304 Not Modified\r\ncontent-length: 5", Some(Framing::Empty)),
            ("200 OK\r\ncontent-length: 0", Some(Framing::Empty)),
            ("200 OK\r\ncontent-length: 5", Some(Framing::Length(5))),
            ("200 OK\r\ncontent-length: 5\r\ncontent-length: 5", Some(Framing::Length(5))),
            ("200 OK\r\ncontent-length: 5, 5", Some(Framing::Length(5))),
            ("200 OK\r\ncontent-length: 5, 6", None),
            ("200 OK\r\ncontent-length: 5\r\ncontent-length: 6", None),
            ("200 OK\r\ncontent-length: +5", None),
            ("200 OK\r\ncontent-length: ", None),
            ("200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 6", Some(Framing::Chunked)),
            ("200 OK\r\ntransfer-encoding: gzip, Chunked", Some(Framing::Chunked)),
            ("200 OK\r\ntransfer-encoding: gzip", Some(Framing::Close)),
        ] {
            assert_eq!(framing(head), expected, "{head}");
        }
        let mut head = parse("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n").unwrap().unwrap();
        assert_eq!(Framing::of(&mut head, true).unwrap(), Framing::Empty);
    }
}
