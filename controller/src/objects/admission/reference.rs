//! References to other objects.

use super::field::Field;
use super::names;
use super::violations::Violations;

/// Group, kind and name of a reference.
pub(super) fn review(reference: (&str, &str, &str), at: &Field, out: &mut Violations) {
    let (group, kind, name) = reference;
    out.check(&at.at("group"), names::group(group));
    out.check(&at.at("kind"), names::kind(kind));
    out.check(&at.at("name"), names::reference(name));
}

/// The namespace of a reference, where one is given.
pub(super) fn review_namespace(namespace: Option<&str>, at: &Field, out: &mut Violations) {
    if let Some(namespace) = namespace {
        out.check(&at.at("namespace"), names::label(namespace));
    }
}
