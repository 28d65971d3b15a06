//! Answers that go to the client without an upstream: the gateway's own, redirects, and fixed ones.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use http::{Method, StatusCode};
use pingora_error::Result;

use super::context::Context;
use super::forwarding::X_REQUEST_ID;
use super::local_reply::LocalReply;
use crate::filter::edit_response;
use crate::head::{self, RequestHead, ResponseHead};
use crate::session::Session;

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
    pub(super) async fn send(&self, session: &mut Session, ctx: &Context) -> Result<()> {
        let request = session.head();
        let no_body = request.method == Method::HEAD;
        let (mut head, body) = self.message(request);
        if let (Self::Redirect(..) | Self::Fixed { .. }, Some(rule)) = (self, &ctx.rule) {
            // What the rule says about headers is about its own answers, too; an edit that fails leaves them as they are.
            drop(edit_response(&rule.response_edits, &mut head));
        }
        head.headers.insert(X_REQUEST_ID, ctx.request_id.clone());
        session.write_head(Box::new(head), false).await?;
        let body = if no_body { Bytes::new() } else { body };
        session.write_body(body, true).await?;
        session.linger().await;
        Ok(())
    }

    /// What the access log says of it; only a local reply says more than its status.
    pub(super) fn into_local(self) -> Option<LocalReply> {
        match self {
            Self::Local(reply) => Some(reply),
            Self::Redirect(..) | Self::Fixed { .. } => None,
        }
    }

    fn message(&self, request: &RequestHead) -> (ResponseHead, Bytes) {
        match self {
            Self::Local(reply) => {
                let body = reply.body(&request.headers);
                (reply.head(&body), body.text.into())
            }
            Self::Redirect(status, location) => {
                let mut head = head::response(*status);
                // Made of a host and a path that were checked, it is a value.
                if let Ok(location) = HeaderValue::from_str(location) {
                    head.headers.insert(LOCATION, location);
                }
                head.headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
                (head, Bytes::new())
            }
            Self::Fixed { status, content_type, body } => {
                let mut head = head::response(*status);
                if let Some(content_type) = content_type {
                    head.headers.insert(CONTENT_TYPE, content_type.clone());
                }
                head.headers.insert(CONTENT_LENGTH, body.len().into());
                (head, body.clone())
            }
        }
    }
}

impl From<LocalReply> for Reply {
    fn from(reply: LocalReply) -> Self {
        Self::Local(reply)
    }
}
