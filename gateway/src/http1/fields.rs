//! What the fields of a head say about the message that follows and about its connection (RFC 9112).

use http::Version;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use pingora_error::{Error, ErrorType, Result};

/// Whether chunks are the last coding; `None` where there is no coding.
pub(crate) fn is_chunked(headers: &HeaderMap) -> Option<bool> {
    let last = headers.get_all(TRANSFER_ENCODING).iter().next_back()?;
    let last = last.as_bytes().rsplit(|byte| *byte == b',').next().unwrap_or_default();
    Some(last.trim_ascii().eq_ignore_ascii_case(b"chunked"))
}

/// The one length; several that are the same count as one (RFC 9110 section 8.6).
///
/// # Errors
/// They differ, or one is no number.
pub(crate) fn length(headers: &HeaderMap) -> Result<Option<u64>> {
    let mut found = None;
    for text in headers.get_all(CONTENT_LENGTH).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b',')) {
        let Some(length) = number(text.trim_ascii()) else {
            return Error::e_explain(ErrorType::InvalidHTTPHeader, "a length that is no number");
        };
        if found.replace(length).is_some_and(|before| before != length) {
            return Error::e_explain(ErrorType::InvalidHTTPHeader, "two lengths");
        }
    }
    Ok(found)
}

/// The number that a length is: digits and nothing else.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

/// Whether the connection may have another message after this one (RFC 9112 section 9.3).
pub(crate) fn keeps_alive(version: Version, headers: &HeaderMap) -> bool {
    let options = headers.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let (mut close, mut keep) = (false, version == Version::HTTP_11);
    for option in options.map(<[u8]>::trim_ascii) {
        close |= option.eq_ignore_ascii_case(b"close");
        keep |= option.eq_ignore_ascii_case(b"keep-alive");
    }
    keep && !close
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_kept_as_their_version_says() {
        for (version, connection, expected) in [
            (Version::HTTP_11, None, true),
            (Version::HTTP_11, Some("x, Close"), false),
            (Version::HTTP_10, None, false),
            (Version::HTTP_10, Some("Keep-Alive"), true),
            (Version::HTTP_10, Some("keep-alive, close"), false),
        ] {
            let field = connection.map(|options| (CONNECTION, options.parse().unwrap()));
            let headers: HeaderMap = field.into_iter().collect();
            assert_eq!(keeps_alive(version, &headers), expected, "{version:?} {connection:?}");
        }
    }
}
