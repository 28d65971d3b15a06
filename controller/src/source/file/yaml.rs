//! Text to values: the one file that knows which YAML library reads it.

use std::io;

use serde::Deserialize;
use serde_json::Value;

/// Why a text is no YAML. Says nothing of what stands in the text, which may be a Secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    /// Counts from 1.
    pub(super) line: usize,
    /// Counts from 1.
    pub(super) column: usize,
    pub(super) message: String,
    pub(super) remedy: &'static str,
}

const MEND: &str = "mend the syntax; until then the objects that the file last held stay in force";
const NO_TABS: &str = "indent with spaces, YAML allows no tabs there; until then the file's last objects stay in force";

/// The documents of a text, in order; an empty one is `Null`. JSON is YAML, too.
pub(super) fn documents(text: &str) -> Result<Vec<Value>, SyntaxError> {
    let documents = serde_yaml::Deserializer::from_str(text).map(document).collect::<Result<_, _>>();
    documents
        .map_err(|error| if is_tabbed(text, error.line) { SyntaxError { remedy: NO_TABS, ..error } } else { error })
}

fn is_tabbed(text: &str, line: usize) -> bool {
    let line = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t')
}

/// By way of a YAML value, because that refuses a key that stands twice in one mapping, as `kubectl` does.
fn document(document: serde_yaml::Deserializer<'_>) -> Result<Value, SyntaxError> {
    let mut value = serde_yaml::Value::deserialize(document).map_err(|error| syntax_error(&error))?;
    value.apply_merge().map_err(|error| syntax_error(&error))?;
    serde_json::to_value(value).map_err(|_| SyntaxError {
        line: 1,
        column: 1,
        message: "a key of a mapping is no text".to_owned(),
        remedy: MEND,
    })
}

/// A value as YAML text.
///
/// # Errors
/// The value cannot be written as YAML.
pub fn text(value: &Value) -> io::Result<String> {
    serde_yaml::to_string(value).map_err(io::Error::other)
}

fn syntax_error(error: &serde_yaml::Error) -> SyntaxError {
    let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
    let message = error.to_string();
    // Messages about syntax name characters only. One about a tagged value (`!!int …`) quotes the value.
    let message = match message.contains("invalid value") || message.contains("invalid type") {
        true => "a tagged value does not fit its tag".to_owned(),
        false => without_location(&message),
    };
    SyntaxError { line, column, message, remedy: MEND }
}

/// The place is told beside the message.
fn without_location(message: &str) -> String {
    let mut parts = message.split(" at line ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts
        .fold(first, |text, part| text + part.trim_start_matches(|c: char| c.is_ascii_digit() || " column".contains(c)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_come_in_order() {
        assert_eq!(documents("a: 1\n---\nb: [x, 'y']\n").unwrap(), [json!({"a": 1}), json!({"b": ["x", "y"]})]);
        assert_eq!(documents("{\n\t\"a\": {\"b\": true}}").unwrap(), [json!({"a": {"b": true}})]);
        assert_eq!(documents("a: &x {b: 1}\nc: {<<: *x, d: 2}").unwrap()[0]["c"], json!({"b": 1, "d": 2}));
    }

    #[test]
    fn a_syntax_error_has_a_place() {
        for (text, line) in [("a: 1\nb: [1\nc: 2\n", 3), ("a: 1\na: 2\n", 1), ("a:\n\t- 1\n", 2), ("a: b: c\n", 1)] {
            let error = documents(text).unwrap_err();
            assert_eq!(error.line, line, "{error:?}");
        }
    }

    #[test]
    fn the_place_is_not_told_twice() {
        let error = documents("a: 1\nb: [1\nc: 2\n").unwrap_err();
        assert_eq!(error.message, "did not find expected ',' or ']', while parsing a flow sequence");
    }

    #[test]
    fn an_error_quotes_no_value() {
        for text in ["a: !!int topsecret", "a: 'topsecret", "topsecret: [", "- topsecret: *topsecret", "a: @topsecret"]
        {
            let error = documents(text).unwrap_err();
            assert!(!error.message.contains("topsecret"), "{error:?}");
        }
    }
}
