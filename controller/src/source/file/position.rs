//! Where each field of a document stands in its text.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, Span};

/// Line and column, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// The positions of one document, by path, such as `spec.rules[0].name`.
///
/// A scalar is where its value begins; a mapping or list where its key does, since its first field has a place of its
/// own; the document itself where its first key is.
#[derive(Debug, Default)]
pub(super) struct Positions {
    places: BTreeMap<String, Position>,
    /// The first key that a mapping has twice, where it stands the second time.
    pub(super) repeated: Option<(String, Position)>,
}

/// A collection that is being read.
enum Frame {
    /// The path, and the key whose value comes next.
    Mapping(String, Option<(String, Position)>),
    /// The path, and the index of the next item.
    Sequence(String, usize),
}

/// The path of a node, and the position of its key where it has one.
struct Slot {
    path: String,
    key: Option<Position>,
}

/// Indexes each document of a text; as many as can be read.
pub(super) fn index(text: &str) -> Vec<Positions> {
    let mut documents = Vec::new();
    let mut stack = Vec::new();
    for (event, span) in Parser::new_from_str(text).map_while(Result::ok) {
        match event {
            Event::DocumentStart(_) => documents.push(Positions::default()),
            event => documents.last_mut().into_iter().for_each(|d| d.take(&mut stack, &event, span)),
        }
    }
    documents
}

impl Positions {
    /// Where a field stands; one that is not there: where its nearest ancestor does.
    pub(super) fn of(&self, path: &str) -> Position {
        let mut path = path;
        loop {
            match (self.places.get(path), path.rfind(['.', '['])) {
                (Some(position), _) => return *position,
                (None, Some(end)) => path = &path[..end],
                (None, None) => return self.places.get("").copied().unwrap_or(Position { line: 1, column: 1 }),
            }
        }
    }

    fn take(&mut self, stack: &mut Vec<Frame>, event: &Event<'_>, span: Span) {
        let here = Position { line: span.start.line(), column: span.start.col() + 1 };
        match event {
            Event::Scalar(text, ..) => match stack.last_mut() {
                Some(Frame::Mapping(_, key @ None)) => *key = Some((text.to_string(), here)),
                _ => self.put(slot(stack), here, false),
            },
            Event::Alias(_) => self.put(slot(stack), here, false),
            Event::MappingStart(..) => {
                let slot = slot(stack);
                stack.push(Frame::Mapping(slot.path.clone(), None));
                self.put(slot, here, true);
            }
            Event::SequenceStart(..) => {
                let slot = slot(stack);
                stack.push(Frame::Sequence(slot.path.clone(), 0));
                self.put(slot, here, true);
            }
            Event::MappingEnd | Event::SequenceEnd => drop(stack.pop()),
            _ => {}
        }
    }

    fn put(&mut self, slot: Slot, here: Position, collection: bool) {
        let position = slot.key.filter(|_| collection).unwrap_or(here);
        if self.places.contains_key(&slot.path) && self.repeated.is_none() {
            self.repeated = Some((slot.path.clone(), slot.key.unwrap_or(here)));
        }
        self.places.insert(slot.path, position);
    }
}

/// The place that the next node takes in the collection being read.
fn slot(stack: &mut [Frame]) -> Slot {
    match stack.last_mut() {
        None => Slot { path: String::new(), key: None },
        Some(Frame::Sequence(path, next)) => {
            *next += 1;
            Slot { path: format!("{path}[{}]", *next - 1), key: None }
        }
        Some(Frame::Mapping(path, key)) => match key.take() {
            Some((name, position)) => Slot { path: join(path, &name), key: Some(position) },
            // A key that is itself a collection: no object has one, and what is below it cannot be asked for.
            None => {
                *key = Some(("?".to_owned(), Position { line: 1, column: 1 }));
                Slot { path: join(path, "?"), key: None }
            }
        },
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::file::yaml;

    const TEXT: &str = "\
# A comment.
kind: Gateway
spec:
  listeners:
  - name: http
    port: 80
  - {name: other, port: 81}
---
kind: Secret
data:
  ca.crt: x
";

    fn at(document: usize, path: &str) -> (usize, usize) {
        let position = index(TEXT)[document].of(path);
        (position.line, position.column)
    }

    #[test]
    fn fields_are_found() {
        assert_eq!(at(0, "kind"), (2, 7));
        assert_eq!(at(0, "spec.listeners[0].port"), (6, 11));
        assert_eq!(at(0, "spec.listeners[1].port"), (7, 25));
        assert_eq!(at(0, "spec.listeners[1]"), (7, 5));
        assert_eq!(at(0, "spec.listeners"), (4, 3));
        assert_eq!(at(1, "data.ca.crt"), (11, 11));
    }

    #[test]
    fn a_missing_field_is_where_its_parent_is() {
        assert_eq!(at(0, "spec.listeners[0].tls.mode"), (5, 5));
        assert_eq!(at(0, "spec.nothing[7].at.all"), (3, 1));
        assert_eq!(at(0, "status"), (2, 1));
        assert_eq!(at(1, ""), (9, 1));
    }

    #[test]
    fn a_key_that_stands_twice_is_found() {
        let repeated = |text| index(text).remove(0).repeated.map(|(path, at)| (path, at.line, at.column));
        assert_eq!(repeated("a: {b: 1}\nc:\n  b: 1\n  b: [2]\n"), Some(("c.b".to_owned(), 4, 3)));
        assert_eq!(repeated("a: [1, 1]\nb: {a: 1}\n"), None);
    }

    #[test]
    fn odd_texts_have_as_many_documents_as_the_reader_sees() {
        let texts = [
            "---\n",
            "---\n---\n",
            "a: 1\n---\n",
            "---\na: 1\n...\n---\nb: 1\n",
            "a: 1\n--- \n# x\n",
            "--- {a: 1}\n--- [1]\n",
            "%YAML 1.2\n---\na: 1\n",
            "a: |\n  ---\n  x\n---\nb: 1\n",
            "---\n# x\n---\na: 1\n---",
            "a: &x [1]\nb: *x\n",
        ];
        for text in texts {
            assert_eq!(index(text).len(), yaml::documents(text).unwrap().len(), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_yaml_ends_the_index() {
        assert_eq!(index("a: [").len(), 1);
        assert_eq!(index("").len(), 0);
    }
}
