//! Names of objects and keys of Secrets and ConfigMaps.

use super::field::Field;
use super::names;
use super::violations::Violations;
use crate::objects::key::ObjectRef;
use crate::objects::kinds::Kind;

pub(super) fn review(object: &ObjectRef, out: &mut Violations) {
    let metadata = Field::new("metadata");
    let name = match object.kind == Kind::Namespace.name() {
        true => names::label(&object.key.name),
        false => names::subdomain(&object.key.name),
    };
    out.check(&metadata.at("name"), name);
    if !object.key.namespace.is_empty() {
        out.check(&metadata.at("namespace"), names::label(&object.key.namespace));
    }
}

/// Keys of `data`, whichever field they came from. They are not quoted: such a one may be a value in a key's place.
pub(super) fn review_keys<'a>(keys: impl Iterator<Item = &'a String>, out: &mut Violations) {
    let is_key = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    for key in keys.filter(|key| key.is_empty() || key.len() > 253 || !key.chars().all(is_key)) {
        let remedy = "use letters, digits, '-', '_' and '.', at most 253";
        let length = key.chars().count();
        out.refuse(
            &Field::new("data"),
            format!("a key, {length} characters long, has ones that no key can have"),
            remedy,
        );
    }
}
