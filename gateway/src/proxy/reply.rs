//! Answers that go to the client without an upstream: the gateway's own, redirects, and fixed ones.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use http::{Method, StatusCode};
use pingora_core::protocols::http::ServerSession;
use pingora_error::Result;
use pingora_http::ResponseHeader;

use super::context::Context;
use super::forwarding::X_REQUEST_ID;
use super::local_reply::LocalReply;
use crate::filter::edit_response;

/// How long the rest of a request's body is read after the answer.
const LINGER: Duration = Duration::from_secs(2);

/// What is answered.
#[derive(Debug)]
pub(super) enum Reply {
    /// Something went wrong.
    Local(LocalReply),
    /// Another place, with the status to say so.
    Redirect(StatusCode, String),
    /// What a rule says.
    Fixed {
        /// Status.
        status: StatusCode,
        /// Content type, where the rule gives one.
        content_type: Option<HeaderValue>,
        /// Body.
        body: Bytes,
    },
}

impl Reply {
    /// Writes the answer, whole.
    ///
    /// # Errors
    /// The client is gone.
    pub(super) async fn send(&self, session: &mut ServerSession, ctx: &Context) -> Result<()> {
        let request = session.req_header();
        let no_body = request.method == Method::HEAD;
        let (mut head, body) = self.message(request)?;
        if let (Self::Redirect(..) | Self::Fixed { .. }, Some(rule)) = (self, &ctx.rule) {
            // What the rule says about headers is about its own answers, too; an edit that fails leaves them as they are.
            drop(edit_response(&rule.response_edits, &mut head));
        }
        head.insert_header(X_REQUEST_ID, &ctx.request_id)?;
        session.write_response_header(Box::new(head)).await?;
        let body = if no_body { Bytes::new() } else { body };
        session.write_response_body(body, true).await?;
        linger(session).await;
        Ok(())
    }

    /// What the access log says of it; only a local reply says more than its status.
    pub(super) fn into_local(self) -> Option<LocalReply> {
        match self {
            Self::Local(reply) => Some(reply),
            Self::Redirect(..) | Self::Fixed { .. } => None,
        }
    }

    fn message(&self, request: &http::request::Parts) -> Result<(ResponseHeader, Bytes)> {
        match self {
            Self::Local(reply) => {
                let body = reply.body(&request.headers);
                Ok((reply.head(&body)?, body.text.into()))
            }
            Self::Redirect(status, location) => {
                let mut head = ResponseHeader::build(*status, Some(3))?;
                head.insert_header(LOCATION, location.as_str())?;
                head.set_content_length(0)?;
                Ok((head, Bytes::new()))
            }
            Self::Fixed { status, content_type, body } => {
                let mut head = ResponseHeader::build(*status, Some(3))?;
                if let Some(content_type) = content_type {
                    head.insert_header(CONTENT_TYPE, content_type)?;
                }
                head.set_content_length(body.len())?;
                Ok((head, body.clone()))
            }
        }
    }
}

/// Reads the rest of the request, within reason: closing on unread bytes resets the connection, and a reset can overtake
/// the answer.
pub(super) async fn linger(session: &mut ServerSession) {
    session.set_total_drain_timeout(Some(LINGER));
    drop(session.drain_request_body().await);
}

impl From<LocalReply> for Reply {
    fn from(reply: LocalReply) -> Self {
        Self::Local(reply)
    }
}
