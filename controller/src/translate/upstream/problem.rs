//! Why an upstream cannot be had, to be told by each route that refers to it.

use crate::status::condition::{ConditionType, Reason};
use crate::translate::fault::{Fault, Place};

/// What every reference to the upstream is told.
#[derive(Debug)]
pub(crate) struct Problem {
    /// The field of the reference that is at fault.
    field: &'static str,
    message: String,
    remedy: String,
    reason: Reason,
}

impl Problem {
    /// A problem with a field of the reference.
    pub(super) fn new(
        field: &'static str,
        reason: Reason,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { field, message: message.into(), remedy: remedy.into(), reason }
    }

    /// The fault of the reference that stands at `place`.
    pub(crate) fn at(&self, place: &Place) -> Fault {
        let fault = place.at(self.field).error(self.message.as_str(), self.remedy.as_str());
        fault.fails(ConditionType::ResolvedRefs, self.reason)
    }
}
