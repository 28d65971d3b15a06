//! What is wrong with an EnvoyProxy.

use std::fmt;

/// One thing that keeps an EnvoyProxy from being followed. Translation makes findings and conditions of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field at fault, such as `spec.provider.kubernetes.envoyService.patch.value`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
    /// What would mend it.
    pub remedy: String,
}

impl Problem {
    /// Something wrong with a field.
    pub fn new(field: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), remedy: remedy.into() }
    }

    /// The same, its field being one of this field's.
    #[must_use]
    pub fn within(mut self, field: &str) -> Self {
        self.field = match self.field.as_str() {
            "" => field.to_owned(),
            list if list.starts_with('[') => format!("{field}{list}"),
            below => format!("{field}.{below}"),
        };
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}
