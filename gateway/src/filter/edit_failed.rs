//! What goes wrong when an edit is made.

/// An edit could not be made on this request (say, the new path is no valid URI); the request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditFailed(pub &'static str);
