//! One object of a file, and where in the file it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::position::{self, Positions};
use super::yaml::{self, SyntaxError};
use crate::diagnostic::Place;

/// An object as it stands in a file. No `Debug`: it may be a Secret.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// Where an object is.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    file: Arc<Path>,
    positions: Arc<Positions>,
    /// The path of the object within its document, such as `items[2]`; empty for a document of its own.
    prefix: String,
}

/// The objects of a text, the lists among them unrolled; empty documents are left out.
pub(super) fn items(file: &Path, text: &str) -> Result<Vec<Item>, SyntaxError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut positions = position::index(text);
    if let Some((path, at)) = positions.iter().find_map(|document| document.repeated.as_ref()) {
        let message = format!("`{path}` stands there twice");
        let remedy = "delete one of the two; until then the objects that the file last held stay in force";
        return Err(SyntaxError { line: at.line, column: at.column, message, remedy });
    }
    let documents = yaml::documents(text)?;
    positions.resize_with(documents.len(), Positions::default);
    let file = Arc::<Path>::from(file);
    let mut items = Vec::new();
    for (value, positions) in documents.into_iter().zip(positions) {
        let origin = Origin { file: Arc::clone(&file), positions: Arc::new(positions), prefix: String::new() };
        unroll(Item { value, origin }, &mut items);
    }
    Ok(items)
}

/// `kind: List`, and the lists of one kind that `kubectl get -o yaml` may give (`kind: GatewayList`).
fn unroll(item: Item, items: &mut Vec<Item>) {
    let Item { mut value, origin } = item;
    let is_list = value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    match value.get_mut("items").map(Value::take) {
        Some(Value::Array(values)) if is_list => {
            for (index, value) in values.into_iter().enumerate() {
                unroll(Item { value, origin: origin.within(&format!("items[{index}]")) }, items);
            }
        }
        _ if value.is_null() => {}
        _ => items.push(Item { value, origin }),
    }
}

impl Origin {
    /// Where a field of the object stands, or would stand.
    pub(super) fn place(&self, field: &str) -> Place {
        let position = self.positions.of(&join(&self.prefix, field));
        Place { file: PathBuf::from(&*self.file), line: position.line, column: position.column }
    }

    fn within(&self, step: &str) -> Self {
        Self { prefix: join(&self.prefix, step), ..self.clone() }
    }
}

fn join(prefix: &str, path: &str) -> String {
    match (prefix, path) {
        ("", path) => path.to_owned(),
        (prefix, "") => prefix.to_owned(),
        (prefix, path) => format!("{prefix}.{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(usize, String)> {
        let items = items(Path::new("x.yaml"), text).unwrap_or_default();
        items.iter().map(|i| (i.origin.place("spec.a").line, i.value["kind"].to_string())).collect()
    }

    #[test]
    fn lists_are_unrolled() {
        let text =
            "kind: List\nitems:\n- kind: A\n  spec:\n    a: 1\n- kind: BList\n  items:\n  - kind: B\n    spec: {}\n";
        assert_eq!(lines(text), [(5, "\"A\"".to_owned()), (9, "\"B\"".to_owned())]);
    }

    #[test]
    fn empty_documents_are_left_out() {
        assert_eq!(lines("---\n---\n# nothing\n---\nkind: A\n---\n"), [(5, "\"A\"".to_owned())]);
        assert_eq!(lines("\u{feff}kind: A\n").len(), 1);
        assert!(lines("").is_empty());
    }
}
