//! A finding with its place in the files, as people and machines read it.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::finding::{Finding, Severity};
use crate::objects::key::ObjectRef;

/// What to tell the author of a file. Never contains a value of a Secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Diagnostic {
    /// Where it is.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// How bad it is.
    pub level: Level,
    /// The object at fault, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectRef>,
    /// The field at fault; empty for the whole object or file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What would mend it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

/// A place in a file; line and column count from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[allow(missing_docs)] // They say what they are.
pub struct Place {
    pub file: PathBuf,
    pub line: usize,
    pub column: usize,
}

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Something does not work as written; `sluice check` exits with 1.
    Error,
    /// It works, though perhaps not as meant.
    Warning,
    /// Good to know.
    Note,
}

impl Diagnostic {
    /// A finding about an object, at its place.
    pub fn new(finding: Finding, place: Option<Place>) -> Self {
        let Finding { subject, field, severity, message, remedy } = finding;
        Self { place, level: severity.into(), object: Some(subject), field, message, remedy }
    }

    /// A diagnostic about a place in a file, whatever object is there.
    pub fn at(place: Place, level: Level, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (message, remedy) = (message.into(), remedy.into());
        Self { place: Some(place), level, object: None, field: String::new(), message, remedy }
    }
}

impl Level {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// `FILE:LINE:COLUMN: error: HTTPRoute ns/name: field: message`, and a second line `  help: remedy`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}: ", self.level.word())?;
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "\n  help: {}", self.remedy) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::key::Key;

    fn diagnostic() -> Diagnostic {
        let finding = Finding {
            subject: ObjectRef { kind: "HTTPRoute", key: Key::new("ai", "chat") },
            field: "spec.rules[0]".to_owned(),
            severity: Severity::Error,
            message: "is wrong".to_owned(),
            remedy: "mend it".to_owned(),
        };
        Diagnostic::new(finding, Some(Place { file: "a.yaml".into(), line: 7, column: 3 }))
    }

    #[test]
    fn people_read_it_as_compilers_write_it() {
        let expected = "a.yaml:7:3: error: HTTPRoute ai/chat: spec.rules[0]: is wrong\n  help: mend it";
        assert_eq!(diagnostic().to_string(), expected);
    }

    #[test]
    fn machines_read_flat_json() {
        let json = serde_json::to_value(diagnostic()).unwrap();
        let expected = serde_json::json!({
            "file": "a.yaml", "line": 7, "column": 3, "level": "error", "object": "HTTPRoute ai/chat",
            "field": "spec.rules[0]", "message": "is wrong", "remedy": "mend it",
        });
        assert_eq!(json, expected);
    }
}
