//! What an error of the engine means for the client and for the access log.

use pingora_error::{Error, ErrorSource, ErrorType};

use super::clock::TIME_IS_UP;
use super::local_reply::LocalReply;

/// What stops a request on its way.
#[derive(Debug)]
pub(super) enum Fault {
    /// What the gateway has found.
    Reply(LocalReply),
    /// What the engine says.
    Engine(Box<Error>),
}

impl Fault {
    /// Whether nothing was heard for too long.
    pub(super) fn is_silence(&self) -> bool {
        matches!(self, Self::Engine(error) if *error.etype() == ErrorType::ReadTimedout)
    }

    /// What it means for the client; `upstream` names the place for the text.
    pub(super) fn into_failure(self, upstream: &str) -> Failure {
        match self {
            Self::Reply(reply) => Failure::Reply(reply),
            Self::Engine(error) => classify(&error, upstream),
        }
    }
}

impl From<LocalReply> for Fault {
    fn from(reply: LocalReply) -> Self {
        Self::Reply(reply)
    }
}

impl From<Box<Error>> for Fault {
    fn from(error: Box<Error>) -> Self {
        Self::Engine(error)
    }
}

/// How a request failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The client is gone; nobody is there to be answered.
    ClientGone,
    /// The gateway answers, if no answer has begun; else the client's stream is cut.
    Reply(LocalReply),
}

/// Reads the engine's error.
fn classify(error: &Error, upstream: &str) -> Failure {
    if *error.etype() == TIME_IS_UP {
        return Failure::Reply(LocalReply::TimedOut);
    }
    match error.esource() {
        ErrorSource::Downstream => downstream(error),
        ErrorSource::Upstream => Failure::Reply(from_upstream(error, upstream)),
        ErrorSource::Internal | ErrorSource::Unset => Failure::Reply(LocalReply::Internal),
    }
}

fn downstream(error: &Error) -> Failure {
    match error.etype() {
        ErrorType::InvalidHTTPHeader => Failure::Reply(LocalReply::BadRequest("its head cannot be forwarded")),
        ErrorType::ReadTimedout => Failure::Reply(LocalReply::Idle),
        _ => Failure::ClientGone,
    }
}

fn from_upstream(error: &Error, upstream: &str) -> LocalReply {
    use ErrorType as T;
    match error.etype() {
        T::ConnectTimedout
        | T::ConnectRefused
        | T::ConnectNoRoute
        | T::ConnectError
        | T::BindError
        | T::SocketError => LocalReply::ConnectFailed(format!("{upstream}: {}", words(error))),
        T::TLSHandshakeFailure
        | T::TLSHandshakeTimedout
        | T::InvalidCert
        | T::HandshakeError
        | T::TLSWantX509Lookup => LocalReply::ConnectFailed(format!("{upstream}: TLS: {}", root_text(error))),
        T::ReadTimedout | T::WriteTimedout => LocalReply::Idle,
        T::InvalidHTTPHeader | T::H1Error | T::InvalidH2 => LocalReply::UpstreamProtocol,
        _ => LocalReply::UpstreamReset,
    }
}

fn words(error: &Error) -> &'static str {
    match error.etype() {
        ErrorType::ConnectTimedout => "the connection took too long",
        ErrorType::ConnectRefused => "the connection was refused",
        ErrorType::ConnectNoRoute => "there is no network route to it",
        _ => "the connection failed",
    }
}

/// Why a handshake failed, such as `invalid peer certificate: UnknownIssuer`: the engine puts the words of the TLS
/// library between its own, `TLS connect() failed: … , SNI: …`, at some depth of the chain of causes.
fn root_text(error: &Error) -> String {
    let context = error.context.as_ref().map_or("", |context| context.as_str());
    if let Some((_, rest)) = context.split_once("failed: ") {
        return rest.split_once(", SNI:").map_or(rest, |(cause, _)| cause).to_owned();
    }
    match error.cause.as_deref() {
        Some(cause) => match cause.downcast_ref::<Box<Error>>() {
            Some(inner) => root_text(inner),
            None => cause.to_string(),
        },
        None if context.is_empty() => error.etype().as_str().to_owned(),
        None => context.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_and_kind_has_its_reply() {
        let reply = |error: &Error| match classify(error, "backend") {
            Failure::Reply(reply) => Some(reply.status().as_u16()),
            Failure::ClientGone => None,
        };
        assert_eq!(reply(&Error::new_up(ErrorType::ConnectRefused)), Some(503));
        assert_eq!(reply(&Error::new_up(ErrorType::TLSHandshakeFailure)), Some(503));
        assert_eq!(reply(&Error::new_up(ErrorType::ReadTimedout)), Some(504));
        assert_eq!(reply(&Error::new_up(ErrorType::ConnectionClosed)), Some(503));
        assert_eq!(reply(&Error::new_up(ErrorType::InvalidHTTPHeader)), Some(502));
        assert_eq!(reply(&Error::new_down(TIME_IS_UP)), Some(504));
        assert_eq!(reply(&Error::new_down(ErrorType::ConnectionClosed)), None);
        assert_eq!(reply(&Error::new_down(ErrorType::InvalidHTTPHeader)), Some(400));
        assert_eq!(reply(&Error::new_in(ErrorType::InternalError)), Some(500));
    }

    #[test]
    fn tls_failures_name_their_cause() {
        let cause = std::io::Error::other("UnknownIssuer");
        let mut error = Error::because(ErrorType::TLSHandshakeFailure, "handshake", cause);
        error.as_up();
        let outer = error.more_context("peer");
        let Failure::Reply(LocalReply::ConnectFailed(text)) = classify(&outer, "ai/qwen") else { panic!() };
        assert_eq!(text, "ai/qwen: TLS: UnknownIssuer");
        let words = "TLS connect() failed: invalid peer certificate: UnknownIssuer, SNI: qwen.example";
        let local = std::io::Error::other("local address 127.0.0.1:5");
        let mut error = Error::because(ErrorType::TLSHandshakeFailure, words, local);
        error.as_up();
        let Failure::Reply(LocalReply::ConnectFailed(text)) = classify(&error, "ai/qwen") else { panic!() };
        assert_eq!(text, "ai/qwen: TLS: invalid peer certificate: UnknownIssuer");
    }
}
