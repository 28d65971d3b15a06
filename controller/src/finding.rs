//! What is wrong with an object, and what would mend it.

use serde::Serialize;

use crate::objects::key::ObjectRef;

/// One thing that a user should know about an object of theirs. Never contains a value of a Secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The object at fault.
    pub subject: ObjectRef,
    /// The field at fault, such as `spec.rules[0].filters[1].extensionRef.name`; empty for the object as a whole.
    pub field: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What would mend it.
    pub remedy: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Severity {
    /// Something does not work as written.
    Error,
    /// It works, though perhaps not as meant.
    Warning,
}
