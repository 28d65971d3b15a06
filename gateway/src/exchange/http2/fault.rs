//! What goes wrong with an exchange over HTTP/2, in the engine's words: whether the upstream can have seen the request.

use std::io::ErrorKind;

use h2::Reason;
use http::HeaderMap;
use http::header::TRANSFER_ENCODING;
use pingora_error::{BError, Error, ErrorType, OrErr, Result, RetryType};

use crate::http1::length;

/// The head of a request could not be sent.
pub(super) fn of_sending(error: h2::Error) -> BError {
    let unseen = is_graceful_end(&error);
    because(ErrorType::H2Error, "while sending a request", RetryType::Decided(unseen), error)
}

/// There is no head of an answer.
pub(super) fn of_head(error: h2::Error) -> BError {
    let (kind, retry) = match error.reason() {
        Some(Reason::HTTP_1_1_REQUIRED) if error.is_remote() => (ErrorType::H2Downgrade, RetryType::Decided(true)),
        // What it sends is no HTTP/2: mostly HTTP/1.1.
        Some(Reason::PROTOCOL_ERROR) if error.is_go_away() && error.is_library() => {
            (ErrorType::InvalidH2, RetryType::Decided(true))
        }
        Some(Reason::REFUSED_STREAM) if error.is_reset() && error.is_remote() => {
            (ErrorType::H2Error, RetryType::Decided(true))
        }
        _ if is_graceful_end(&error) => (ErrorType::H2Error, RetryType::Decided(true)),
        _ => match error.get_io() {
            Some(io) => (ErrorType::ReadError, of_socket(io)),
            None => (ErrorType::H2Error, RetryType::Decided(false)),
        },
    };
    because(kind, "while reading the answer's head", retry, error)
}

/// The trailers of an answer. An upstream that wants nothing more of the request says so in place of them.
pub(super) fn trailers(trailers: Result<Option<HeaderMap>, h2::Error>) -> Result<Option<HeaderMap>> {
    match trailers {
        Err(error)
            if error.is_remote()
                && (error.is_go_away() || error.is_reset())
                && error.reason() == Some(Reason::NO_ERROR) =>
        {
            Ok(None)
        }
        other => other.or_err(ErrorType::ReadError, "while reading trailers"),
    }
}

/// The length that a head tells, zero without one: there is one, and nothing else frames the body (RFC 9110 section 8.6).
///
/// # Errors
/// Whoever reads the head after us could understand it in another way.
pub(super) fn content_length(head: &HeaderMap) -> Result<u64> {
    if head.contains_key(TRANSFER_ENCODING) {
        return Error::e_explain(ErrorType::InvalidHTTPHeader, "chunks in HTTP/2");
    }
    Ok(length(head)?.unwrap_or(0))
}

/// The connection ends, and this request is none of those that it still answers.
fn is_graceful_end(error: &h2::Error) -> bool {
    error.is_go_away() && error.is_remote() && error.reason() == Some(Reason::NO_ERROR)
}

/// A connection that has been used may have been cut long ago; anything else, such as TLS, is no reason to ask again.
fn of_socket(error: &std::io::Error) -> RetryType {
    let was_cut = matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::TimedOut | ErrorKind::BrokenPipe);
    match was_cut || error.raw_os_error().is_some() {
        true => RetryType::ReusedOnly,
        false => RetryType::Decided(false),
    }
}

fn because(kind: ErrorType, context: &'static str, retry: RetryType, cause: h2::Error) -> BError {
    let mut error = Error::because(kind, context, cause);
    error.retry = retry;
    error
}

#[cfg(test)]
mod tests {
    use http::Request;

    use http::header::CONTENT_LENGTH;

    use super::*;

    /// What a client is told whose request the server answers with a reset.
    async fn reset(reason: Reason) -> BError {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (client, server) = tokio::join!(h2::client::handshake(ours), h2::server::handshake(theirs));
        let ((mut sender, connection), mut server) = (client.unwrap(), server.unwrap());
        let running = tokio::spawn(connection);
        let head = Request::get("http://a.test/").version(http::Version::HTTP_2).body(()).unwrap();
        let (answer, _) = sender.send_request(head, true).unwrap();
        let (_, mut asked) = server.accept().await.unwrap().unwrap();
        asked.send_reset(reason);
        let failed = tokio::select! {
            answer = answer => of_head(answer.unwrap_err()),
            _ = server.accept() => panic!("the connection has ended"),
        };
        running.abort();
        failed
    }

    #[tokio::test]
    async fn some_resets_say_that_nobody_has_seen_the_request() {
        for (reason, kind, unseen) in [
            (Reason::REFUSED_STREAM, ErrorType::H2Error, true),
            (Reason::HTTP_1_1_REQUIRED, ErrorType::H2Downgrade, true),
            (Reason::INTERNAL_ERROR, ErrorType::H2Error, false),
            (Reason::NO_ERROR, ErrorType::H2Error, false),
        ] {
            let failed = reset(reason).await;
            assert_eq!((failed.etype(), failed.retry), (&kind, RetryType::Decided(unseen)), "{reason}");
        }
    }

    #[test]
    fn there_is_one_length() {
        let told = |lines: &[&'static str]| {
            let head = lines.iter().map(|line| (CONTENT_LENGTH, http::HeaderValue::from_static(line)));
            let mut lengths = HeaderMap::new();
            for (name, value) in head {
                lengths.append(name, value);
            }
            content_length(&lengths).ok()
        };
        assert_eq!((told(&[]), told(&["0"]), told(&["12"])), (Some(0), Some(0), Some(12)));
        assert_eq!((told(&["12", "12"]), told(&["12, 12"])), (Some(12), Some(12)));
        for bad in [&["12", "13"][..], &["12,13"], &["+12"], &["x"], &[""], &["99999999999999999999"]] {
            assert_eq!(told(bad), None, "{bad:?}");
        }
        let chunks = HeaderMap::from_iter([(TRANSFER_ENCODING, http::HeaderValue::from_static("chunked"))]);
        assert!(content_length(&chunks).is_err());
    }
}
