//! A fault: one truth from which both the finding and the condition are made.

use std::borrow::Cow;
use std::rc::Rc;

use crate::finding::{Finding, Severity};
use crate::objects::Kind;
use crate::objects::key::{Key, ObjectRef};
use crate::status::condition::{Condition, ConditionType, Reason};

/// A field of an object. Translation makes many of them, and few faults: the text is put together for a fault only.
#[derive(Debug, Clone)]
pub(crate) struct Place(Rc<Step>);

/// The last step on the way to a field.
#[derive(Debug)]
enum Step {
    Object(ObjectRef),
    Field(Place, Cow<'static, str>),
    Index(Place, usize),
}

/// Something wrong with an object, and the condition that says so, if one does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Boxed, since faults travel in results.
    pub(crate) finding: Box<Finding>,
    pub(crate) verdict: Option<(ConditionType, Reason)>,
}

impl Place {
    /// The object as a whole.
    pub(crate) fn of(kind: Kind, key: &Key) -> Self {
        Self(Rc::new(Step::Object(ObjectRef { kind: kind.name(), key: key.clone() })))
    }

    /// A field below this one.
    pub(crate) fn at(&self, field: impl Into<Cow<'static, str>>) -> Self {
        Self(Rc::new(Step::Field(self.clone(), field.into())))
    }

    /// An entry of this list.
    pub(crate) fn index(&self, index: usize) -> Self {
        Self(Rc::new(Step::Index(self.clone(), index)))
    }

    /// Something here does not work as written.
    pub(crate) fn error(&self, message: impl Into<String>, remedy: impl Into<String>) -> Fault {
        self.fault(Severity::Error, message.into(), remedy.into())
    }

    /// Something here works, though perhaps not as meant.
    pub(crate) fn warning(&self, message: impl Into<String>, remedy: impl Into<String>) -> Fault {
        self.fault(Severity::Warning, message.into(), remedy.into())
    }

    /// The object acts as if the field were not there.
    pub(crate) fn not_acted_on(&self) -> Fault {
        let (_, field) = self.written();
        let name = field.rsplit('.').next().unwrap_or_default();
        self.warning(format!("{name} is not acted on"), "remove it, or keep it for another gateway's sake")
    }

    fn fault(&self, severity: Severity, message: String, remedy: String) -> Fault {
        let (subject, field) = self.written();
        let finding = Finding { subject: subject.clone(), field, severity, message, remedy };
        Fault { finding: Box::new(finding), verdict: None }
    }

    /// The object, and the field such as `spec.rules[0].filters[1].extensionRef.name`.
    fn written(&self) -> (&ObjectRef, String) {
        match &*self.0 {
            Step::Object(object) => (object, String::new()),
            Step::Field(parent, name) => {
                let (object, mut field) = parent.written();
                field.push_str(if field.is_empty() { "" } else { "." });
                field.push_str(name);
                (object, field)
            }
            Step::Index(parent, index) => {
                let (object, mut field) = parent.written();
                field.push_str(&format!("[{index}]"));
                (object, field)
            }
        }
    }
}

impl Fault {
    /// The condition that it turns to `False`.
    pub(crate) fn fails(mut self, kind: ConditionType, reason: Reason) -> Self {
        self.verdict = Some((kind, reason));
        self
    }

    /// What is wrong, in a sentence.
    pub(crate) fn message(&self) -> &str {
        &self.finding.message
    }

    /// True when it turns a condition of this type to `False`.
    pub(crate) fn is_about(&self, kind: ConditionType) -> bool {
        self.verdict.is_some_and(|(k, _)| k == kind)
    }
}

/// The condition of one type: `False` with the first fault's reason and all faults' messages, else `True`.
pub(crate) fn condition<'a>(
    kind: ConditionType,
    well: Reason,
    faults: impl IntoIterator<Item = &'a Fault>,
) -> Condition {
    let mut reason = None;
    let mut messages: Vec<&str> = Vec::new();
    for fault in faults {
        if let Some((_, why)) = fault.verdict.filter(|(k, _)| *k == kind) {
            reason.get_or_insert(why);
            if !messages.contains(&fault.message()) {
                messages.push(fault.message());
            }
        }
    }
    match reason {
        Some(reason) => Condition::fails(kind, reason, messages.join("; ")),
        None => Condition::holds(kind, well, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_as_paths() {
        let rules = Place::of(Kind::HTTPRoute, &Key::new("ai", "chat")).at("spec").at("rules");
        let fault = rules.index(0).at("filters").index(1).at("extensionRef.name").error("m", "r");
        assert_eq!(fault.finding.field, "spec.rules[0].filters[1].extensionRef.name");
    }
}
