//! Why the node could not do something, in one sentence.

use std::fmt;

/// A failure of the node itself: a tool that is missing, a namespace that could not be made, an API server that refuses.
#[derive(Debug)]
pub struct Error(String);

impl Error {
    /// `what` failed because of `cause`.
    pub(crate) fn new(what: impl fmt::Display, cause: impl fmt::Display) -> Self {
        Self(format!("{what}: {cause}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}
