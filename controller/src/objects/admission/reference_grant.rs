//! `ReferenceGrant`.

use super::field::Field;
use super::names;
use super::violations::Violations;
use crate::api::{ReferenceGrant, ReferenceGrantFrom, ReferenceGrantTo};

const MOST: usize = 16;

pub(super) fn review(grant: &ReferenceGrant, spec: &Field, out: &mut Violations) {
    let ReferenceGrant { from, to } = grant;
    for (list, length) in [("from", from.len()), ("to", to.len())] {
        out.at_least_one(&spec.at(list), length);
        out.at_most(&spec.at(list), length, MOST);
    }
    for (i, ReferenceGrantFrom { group, kind, namespace }) in from.iter().enumerate() {
        let at = spec.item("from", i);
        out.check(&at.at("group"), names::group(group));
        out.check(&at.at("kind"), names::kind(kind));
        out.check(&at.at("namespace"), names::label(namespace));
    }
    for (i, ReferenceGrantTo { group, kind, name }) in to.iter().enumerate() {
        let at = spec.item("to", i);
        out.check(&at.at("group"), names::group(group));
        out.check(&at.at("kind"), names::kind(kind));
        name.iter().for_each(|name| out.check(&at.at("name"), names::reference(name)));
    }
}
