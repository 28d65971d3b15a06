//! Why the demo cannot go on: what, where, and what to do about it.

use std::fmt;

/// What stopped the demo. Never holds a key.
#[derive(Debug)]
pub(super) struct Trouble {
    what: String,
    remedy: String,
}

impl Trouble {
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }

    pub(super) fn certificate(cause: impl fmt::Display) -> Self {
        Self::new(format!("no certificate can be made for the stand-in provider: {cause}"), REPORT)
    }
}

/// For what no user can mend.
pub(super) const REPORT: &str = "this is a fault of the demo; please report it with this line";

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  {}", self.what, self.remedy)
    }
}
