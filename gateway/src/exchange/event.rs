//! What an exchange tells.

use bytes::Bytes;
use http::HeaderMap;

use crate::head::ResponseHead;

/// Something has come from the upstream, or can go to it.
pub(crate) enum Event {
    /// There is room for more of the request's body.
    Room,
    /// The head of the answer, or one of informational ones before it. `ends` says that nothing follows.
    Head { head: Box<ResponseHead>, ends: bool },
    /// Bytes of the answer's body, which may be none where it ends.
    Body { bytes: Bytes, ends: bool },
    /// The fields after the body, which they end.
    Trailers(HeaderMap),
}
