//! Why a resource cannot be read: which one, and where in it. Never a value, which may be a credential.

use std::fmt;

/// A resource that this version cannot read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// Name of the resource.
    pub resource: String,
    /// The field, such as `rules[0].matches[1].path`; empty for the whole.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

/// A field that cannot be read; the path to it grows on the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    field: String,
    problem: String,
}

/// Says where a flaw is.
pub(super) trait At<T> {
    /// The flaw is below this field.
    fn at(self, field: &str) -> Result<T, Flaw>;
    /// The flaw is in this item of this list.
    fn item(self, field: &str, index: usize) -> Result<T, Flaw>;
}

impl Flaw {
    /// A flaw of the value at hand.
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self { field: String::new(), problem: problem.into() }
    }

    /// What was added to the wire form after this version was built.
    pub(super) fn unknown() -> Self {
        Self::new("is missing, or of a kind that this version does not know")
    }

    /// The same flaw as an error of a resource.
    pub(super) fn of(self, resource: &str) -> DecodeError {
        DecodeError { resource: resource.to_owned(), field: self.field, problem: self.problem }
    }

    fn below(mut self, outer: &str) -> Self {
        let separator = if self.field.is_empty() || self.field.starts_with('[') { "" } else { "." };
        self.field = format!("{outer}{separator}{}", self.field);
        self
    }
}

impl<T> At<T> for Result<T, Flaw> {
    fn at(self, field: &str) -> Self {
        self.map_err(|flaw| flaw.below(field))
    }

    fn item(self, field: &str, index: usize) -> Self {
        self.map_err(|flaw| flaw.below(&format!("{field}[{index}]")))
    }
}

/// Reads all items of a list.
pub(super) fn each<M, T>(field: &str, items: &[M], read: impl Fn(&M) -> Result<T, Flaw>) -> Result<Vec<T>, Flaw> {
    items.iter().enumerate().map(|(index, item)| read(item).item(field, index)).collect()
}

/// Reads what must be there.
pub(super) fn required<M, T>(
    field: &str,
    value: Option<&M>,
    read: impl FnOnce(&M) -> Result<T, Flaw>,
) -> Result<T, Flaw> {
    value.ok_or_else(Flaw::unknown).and_then(read).at(field)
}

/// Reads what may be there.
pub(super) fn optional<M, T>(
    field: &str,
    value: Option<&M>,
    read: impl FnOnce(&M) -> Result<T, Flaw>,
) -> Result<Option<T>, Flaw> {
    value.map(read).transpose().at(field)
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resource, field, problem } = self;
        match field.as_str() {
            "" => write!(f, "resource {resource}: {problem}"),
            field => write!(f, "resource {resource}: {field}: {problem}"),
        }
    }
}

impl std::error::Error for DecodeError {}
