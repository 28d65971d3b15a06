//! All that files say at one time, and where.

use std::collections::BTreeMap;

use super::item::Origin;
use super::manifest::Manifest;
use crate::diagnostic::{Diagnostic, Level, Place};
use crate::finding::Finding;
use crate::objects::Objects;
use crate::objects::key::ObjectRef;
use crate::outcome::Outcome;

/// All that the files say at one time.
#[derive(Debug, Default)]
pub struct World {
    /// The objects that were accepted.
    pub objects: Objects,
    /// The same as they were written, defaults filled in.
    pub manifests: BTreeMap<ObjectRef, Manifest>,
    /// What is wrong with the files and with objects that were refused, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether some path could not be read at all.
    pub is_incomplete: bool,
    pub(super) origins: BTreeMap<ObjectRef, Origin>,
}

impl World {
    /// Where a field of an object stands, or would stand.
    pub fn place(&self, object: &ObjectRef, field: &str) -> Option<Place> {
        self.origins.get(object).map(|origin| origin.place(field))
    }

    /// All there is to tell: what the files have, and what translation found, in the order of the files.
    pub fn diagnose(&self, findings: Vec<Finding>) -> Vec<Diagnostic> {
        let located = findings.into_iter().map(|finding| {
            let place = self.place(&finding.subject, &finding.field);
            Diagnostic::new(finding, place)
        });
        let mut all: Vec<_> = self.diagnostics.iter().cloned().chain(located).collect();
        all.sort();
        all
    }

    /// How a command ends that has told these diagnostics.
    pub fn outcome(&self, diagnostics: &[Diagnostic]) -> Outcome {
        match diagnostics.iter().any(|d| d.level == Level::Error) {
            _ if self.is_incomplete => Outcome::Failed,
            true => Outcome::Findings,
            false => Outcome::Well,
        }
    }
}
