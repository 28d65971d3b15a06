//! Statuses and findings in the log: each once, when it is new or has changed.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Level};
use crate::status::Statuses;

/// Remembers what was told last.
#[derive(Debug, Default)]
pub struct LogSink {
    diagnostics: BTreeSet<Diagnostic>,
    conditions: BTreeSet<(String, String)>,
}

impl LogSink {
    /// Tells what is new since the last call.
    pub fn tell(&mut self, diagnostics: &[Diagnostic], statuses: &Statuses) {
        self.tell_diagnostics(diagnostics);
        let mut conditions = BTreeSet::new();
        flatten("", &statuses.terse(), &mut conditions);
        for (object, condition) in conditions.difference(&self.conditions) {
            tracing::info!(object, condition, "status");
        }
        self.conditions = conditions;
    }

    /// The same of findings alone: on Kubernetes, statuses are told elsewhere.
    pub fn tell_diagnostics(&mut self, diagnostics: &[Diagnostic]) {
        diagnostics.iter().filter(|d| !self.diagnostics.contains(*d)).for_each(log_diagnostic);
        self.diagnostics = diagnostics.iter().cloned().collect();
    }
}

fn log_diagnostic(diagnostic: &Diagnostic) {
    let Diagnostic { place, level, object, field, message, remedy } = diagnostic;
    let place = place.as_ref().map(tracing::field::display);
    let object = object.as_ref().map(tracing::field::display);
    let field = (!field.is_empty()).then_some(field.as_str());
    let help = (!remedy.is_empty()).then_some(remedy.as_str());
    match level {
        Level::Error => tracing::error!(place, object, field, help, "{message}"),
        Level::Warning => tracing::warn!(place, object, field, help, "{message}"),
        Level::Note => tracing::info!(place, object, field, help, "{message}"),
    }
}

/// The lines of terse statuses, each with where it belongs: `Gateway ai/gateway listener http`.
fn flatten(path: &str, value: &Value, lines: &mut BTreeSet<(String, String)>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| match name.as_str() {
            "conditions" => flatten(path, value, lines),
            name => flatten(format!("{path} {name}").trim_start(), value, lines),
        }),
        Value::Array(items) => items.iter().for_each(|item| flatten(path, item, lines)),
        Value::String(line) => drop(lines.insert((path.to_owned(), line.clone()))),
        other => drop(lines.insert((path.to_owned(), other.to_string()))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_say_where_they_belong() {
        let terse = json!({"Gateway a/b": {"conditions": ["Accepted: True"], "listener x": {"attachedRoutes": 1}}});
        let mut lines = BTreeSet::new();
        flatten("", &terse, &mut lines);
        let expected = [("Gateway a/b", "Accepted: True"), ("Gateway a/b listener x attachedRoutes", "1")];
        assert_eq!(lines, expected.map(|(path, line)| (path.to_owned(), line.to_owned())).into());
    }
}
