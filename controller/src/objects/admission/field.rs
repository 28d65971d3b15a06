//! The path of a field, as it is gone down.

use std::fmt;

/// A path such as `spec.rules[0].matches`.
#[derive(Debug, Clone)]
pub(super) struct Field(String);

impl Field {
    pub(super) fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// A field of it.
    pub(super) fn at(&self, name: &str) -> Self {
        Self(format!("{}.{name}", self.0))
    }

    /// An item of a list that is a field of it.
    pub(super) fn item(&self, list: &str, index: usize) -> Self {
        Self(format!("{}.{list}[{index}]", self.0))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
