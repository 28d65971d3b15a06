//! The head of a client's request, and how its body is framed.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{Method, Uri, Version};
use pingora_error::{Error, ErrorType, Result};

use crate::head::{self, RequestHead};
use crate::http1::{Chunks, is_chunked, keeps_alive, length};

/// Most bytes and fields of a head: Envoy's defaults.
const MOST_BYTES: usize = 60 * 1024;
const MOST_FIELDS: usize = 100;

/// Why a head was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Malformed,
    TooLarge,
    TooSlow,
}

/// What of the body is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Length(u64),
    Chunked(Chunks),
    /// After a switch of protocols: whatever comes.
    Raw,
    Taken,
}

impl Refused {
    /// The answer, whole.
    pub(super) fn answer(self) -> &'static [u8] {
        match self {
            Self::Malformed => b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            Self::TooLarge => {
                b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            }
            Self::TooSlow => b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        }
    }
}

/// Takes a whole head off the front of `input`; `None` while it is not there yet.
pub(super) fn take(input: &mut BytesMut) -> Result<Option<Box<RequestHead>>, Refused> {
    let mut fields = [const { MaybeUninit::uninit() }; MOST_FIELDS];
    let mut parsed = httparse::Request::new(&mut []);
    let whole = input.split().freeze();
    let length = match parsed.parse_with_uninit_headers(&whole, &mut fields) {
        Ok(httparse::Status::Complete(length)) if length <= MOST_BYTES => length,
        Ok(httparse::Status::Partial) if whole.len() <= MOST_BYTES => {
            *input = whole.into();
            return Ok(None);
        }
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(Refused::TooLarge),
        Err(_) => return Err(Refused::Malformed),
    };
    let head = build(&parsed, &whole).ok_or(Refused::Malformed)?;
    *input = whole.slice(length..).into();
    Ok(Some(head))
}

/// Names and values stay where they were read.
fn build(parsed: &httparse::Request<'_, '_>, whole: &Bytes) -> Option<Box<RequestHead>> {
    let target = parsed.path?.as_bytes();
    // What is matched and forwarded is what was sent: nothing is escaped or left out on the way.
    if !target.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#') {
        return None;
    }
    let method = Method::from_bytes(parsed.method?.as_bytes()).ok()?;
    let mut head = Box::new(head::request(method, Uri::from_maybe_shared(whole.slice_ref(target)).ok()?));
    head.version = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    head.headers.reserve(parsed.headers.len());
    for field in &*parsed.headers {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        let value = HeaderValue::from_maybe_shared(whole.slice_ref(field.value)).ok()?;
        head.headers.try_append(name, value).ok()?;
    }
    Some(head)
}

/// Whether a head can end in what came after the first `before` bytes. Of one that is too large it says so, too.
pub(super) fn may_end(input: &[u8], before: usize) -> bool {
    let fresh = &input[before.saturating_sub(3)..];
    let ends = |at: usize| fresh[at + 1..].starts_with(b"\n") || fresh[at + 1..].starts_with(b"\r\n");
    input.len() > MOST_BYTES || memchr::memchr_iter(b'\n', fresh).any(ends)
}

/// How the body is framed, and whether the connection ends with this request. Where there are two ways to read it there is
/// no body, and no request after it: whoever judges the head refuses it.
pub(super) fn frame(head: &RequestHead) -> (Body, bool) {
    let closes = !keeps_alive(head.version, &head.headers);
    let has_length = head.headers.contains_key(CONTENT_LENGTH);
    match (is_chunked(&head.headers), length(&head.headers)) {
        (Some(true), _) if !has_length && head.version == Version::HTTP_11 => (Body::Chunked(Chunks::Size), closes),
        (None, Ok(Some(length @ 1..))) => (Body::Length(length), closes),
        (None, Ok(_)) => (Body::Taken, closes),
        _ => (Body::Taken, true),
    }
}

impl Body {
    /// Takes bytes of the body off the front of `input`; `None` while there are none, or at its end.
    ///
    /// # Errors
    /// They are no chunks.
    pub(super) fn take(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>> {
        match self {
            Self::Chunked(chunks) => {
                let data = chunks.take(input);
                let Ok(data) = data else { return Error::e_explain(ErrorType::InvalidHTTPHeader, "malformed chunks") };
                if *chunks == Chunks::Done {
                    *self = Self::Taken;
                }
                Ok(data)
            }
            _ if input.is_empty() => Ok(None),
            Self::Length(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= here as u64;
                if *left == 0 {
                    *self = Self::Taken;
                }
                Ok(Some(input.split_to(here).freeze()))
            }
            Self::Raw => Ok(Some(input.split().freeze())),
            Self::Taken => Ok(None),
        }
    }
}
