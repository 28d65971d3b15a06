//! What an API server would refuse: the rules of the CRDs' schemas that the types do not hold.

/// A rule that an object breaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The field, such as `spec.rules[0].matches[0].path.type`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
    /// What would mend it.
    pub remedy: String,
}

impl Violation {
    /// A violation from its three texts.
    pub fn new(field: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), remedy: remedy.into() }
    }
}
