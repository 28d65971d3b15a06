//! Broken rules, and how they are gathered.

use std::collections::BTreeSet;

use super::field::Field;
use super::names::Broken;

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

/// All that is found in one object.
#[derive(Debug, Default)]
pub(super) struct Violations(Vec<Violation>);

impl Violation {
    /// A violation from its three texts.
    pub fn new(field: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), remedy: remedy.into() }
    }
}

impl Violations {
    pub(super) fn refuse(&mut self, field: &Field, message: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Violation::new(field.to_string(), message, remedy));
    }

    /// Takes the result of a check of [`super::names`].
    pub(super) fn check(&mut self, field: &Field, result: Result<(), Broken>) {
        if let Err(Broken { message, remedy }) = result {
            self.refuse(field, message, remedy);
        }
    }

    pub(super) fn at_most(&mut self, field: &Field, length: usize, most: usize) {
        if length > most {
            self.refuse(field, format!("has {length} items, {most} are allowed"), format!("leave at most {most}"));
        }
    }

    pub(super) fn at_least_one(&mut self, field: &Field, length: usize) {
        if length == 0 {
            self.refuse(field, "is empty", "give at least one item");
        }
    }

    pub(super) fn one_of(&mut self, field: &Field, value: &str, known: &[&str]) {
        if !known.contains(&value) {
            let nearest = known.iter().find(|k| k.eq_ignore_ascii_case(value));
            let remedy = nearest.map_or_else(|| format!("write one of {}", known.join(", ")), |k| format!("write {k}"));
            self.refuse(field, format!("is {value:?}, which is none of its values"), remedy);
        }
    }

    /// Says at which item a list repeats itself.
    pub(super) fn unique<T: Ord>(&mut self, items: impl Iterator<Item = (Field, T)>, what: &str) {
        let mut seen = BTreeSet::new();
        for (field, key) in items {
            if !seen.insert(key) {
                self.refuse(&field, format!("{what} stands there twice"), "rename or delete one of the two");
            }
        }
    }

    pub(super) fn into_vec(self) -> Vec<Violation> {
        self.0
    }
}
