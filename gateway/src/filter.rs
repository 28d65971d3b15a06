//! The kinds of filter. Gates and edits are different types because the engine's phases are: an edit works on the
//! copy of the head that goes upstream, anew for each attempt, so that nothing meant for one backend reaches another.

pub mod credential;
mod edit_failed;
pub mod headers;
pub mod redirect;
pub mod rewrite;

use serde::Serialize;

use credential::CredentialInjection;
use headers::HeaderModifier;
use rewrite::UrlRewrite;

use crate::head::{RequestHead, ResponseHead};

pub use edit_failed::EditFailed;

/// A change to the head that goes upstream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum RequestEdit {
    /// Headers set, added, removed.
    Headers(HeaderModifier),
    /// Path or host replaced.
    Rewrite(UrlRewrite),
    /// A provider's key put in.
    Credential(CredentialInjection),
}

/// A change to the head that goes to the client.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum ResponseEdit {
    /// Headers set, added, removed.
    Headers(HeaderModifier),
}

/// Makes all edits, in order.
///
/// # Errors
/// The first edit that cannot be made.
pub fn edit_request(edits: &[RequestEdit], head: &mut RequestHead) -> Result<(), EditFailed> {
    edits.iter().try_for_each(|edit| match edit {
        RequestEdit::Headers(modifier) => modifier.apply(&mut head.headers),
        RequestEdit::Rewrite(rewrite) => rewrite.apply(head),
        RequestEdit::Credential(injection) => injection.apply(head),
    })
}

/// Makes all edits, in order.
///
/// # Errors
/// The first edit that cannot be made.
pub fn edit_response(edits: &[ResponseEdit], head: &mut ResponseHead) -> Result<(), EditFailed> {
    edits.iter().try_for_each(|edit| match edit {
        ResponseEdit::Headers(modifier) => modifier.apply(&mut head.headers),
    })
}
