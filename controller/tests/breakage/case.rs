//! One kind of breakage: what is done to the good world, who says so, and all that is different afterwards.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sluice_controller::objects::Kind;

use crate::world::{World, metadata};

/// One kind of breakage.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    changes: Vec<(Kind, &'static str, Change)>,
    /// The object that says so, such as `HTTPRoute ai/victim`, the field, and words of the message.
    pub(crate) told: (&'static str, &'static str, &'static str),
    /// A reason in the status of that object, or of one that depends on it.
    pub(crate) reason: Option<(&'static str, &'static str)>,
    /// The only pieces of the model that are different.
    pub(crate) differs: &'static [&'static str],
}

enum Change {
    /// A field by its JSON pointer, which is added where it is not there.
    Set(&'static str, Value),
    /// The whole object.
    Delete,
    /// Another object of this spec.
    Add(Value),
}

/// A breakage to be described.
pub(crate) fn case(name: &'static str) -> Case {
    Case { name, changes: Vec::new(), told: ("", "", ""), reason: None, differs: &[] }
}

impl Case {
    pub(crate) fn set(mut self, kind: Kind, object: &'static str, pointer: &'static str, value: Value) -> Self {
        self.changes.push((kind, object, Change::Set(pointer, value)));
        self
    }

    pub(crate) fn delete(mut self, kind: Kind, object: &'static str) -> Self {
        self.changes.push((kind, object, Change::Delete));
        self
    }

    pub(crate) fn add(mut self, kind: Kind, object: &'static str, spec: Value) -> Self {
        self.changes.push((kind, object, Change::Add(spec)));
        self
    }

    pub(crate) fn told(mut self, object: &'static str, field: &'static str, words: &'static str) -> Self {
        self.told = (object, field, words);
        self
    }

    pub(crate) fn reason(mut self, object: &'static str, reason: &'static str) -> Self {
        self.reason = Some((object, reason));
        self
    }

    pub(crate) fn differs(mut self, pieces: &'static [&'static str]) -> Self {
        self.differs = pieces;
        self
    }

    /// The objects that it changes, as they are afterwards; those that are gone are `None`.
    pub(crate) fn changed(&self, good: &World) -> BTreeMap<(Kind, String), Option<Value>> {
        let mut changed = BTreeMap::new();
        for (kind, object, change) in &self.changes {
            let key = (*kind, (*object).to_owned());
            let before = changed.remove(&key).unwrap_or_else(|| good.get(&key).cloned());
            let after = match change {
                Change::Delete => {
                    assert!(before.is_some(), "{}: there is no {object}", self.name);
                    None
                }
                Change::Set(pointer, value) => {
                    let mut after = before.unwrap_or_else(|| panic!("{}: there is no {object}", self.name));
                    set(&mut after, pointer, value.clone());
                    Some(after)
                }
                Change::Add(spec) => {
                    assert!(before.is_none(), "{}: there is {object} already", self.name);
                    let (namespace, name) = object.split_once('/').unwrap();
                    Some(json!({"metadata": metadata(namespace, name), "spec": spec}))
                }
            };
            changed.insert(key, after);
        }
        changed
    }
}

fn set(object: &mut Value, pointer: &str, value: Value) {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    let parent = object.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}: nothing to set it in"));
    match parent {
        Value::Array(list) if last == "-" => list.push(value),
        Value::Array(list) => list[last.parse::<usize>().unwrap()] = value,
        Value::Object(fields) => drop(fields.insert(last.to_owned(), value)),
        _ => panic!("{pointer}: neither a list nor a mapping"),
    }
}
