//! What serde says of an object that does not fit its type, in words that help.
//!
//! serde quotes values. A value may be a credential that was put into the wrong place, so only names of fields and of
//! types are taken over.

use crate::objects::admission::Violation;
use crate::objects::{Kind, Malformed};

/// Says what is wrong and what would mend it.
pub(crate) fn explain(kind: Kind, malformed: Malformed) -> Violation {
    let Malformed { field, message } = malformed;
    if kind == Kind::Secret {
        return secret(field);
    }
    let quoted = quoted(&message);
    match (message.split(' ').next(), quoted.as_slice()) {
        (Some("unknown"), [name, known @ ..]) => unknown_field(&field, name, known),
        (Some("missing"), [name, ..]) => {
            Violation::new(field, format!("the field `{name}` is missing"), format!("add `{name}`"))
        }
        (Some("duplicate"), [name, ..]) => {
            Violation::new(field, format!("the field `{name}` stands there twice"), "delete one of them")
        }
        _ => wrong_type(field, &message),
    }
}

fn unknown_field(field: &str, name: &str, known: &[&str]) -> Violation {
    let nearest = known.iter().min_by_key(|k| distance(name, k)).filter(|k| distance(name, k) <= 1 + name.len() / 3);
    let remedy = match nearest {
        Some(nearest) => format!("did you mean `{nearest}`? otherwise delete the field"),
        None if known.is_empty() => "delete the field".to_owned(),
        None => format!("delete the field; known here: {}", known.join(", ")),
    };
    // Some paths of serde end at the mapping, some at its unknown field.
    let ends_there = field == name || field.ends_with(&format!(".{name}"));
    let path = if ends_there || field.is_empty() { field.to_owned() } else { format!("{field}.{name}") };
    let path = if path.is_empty() { name.to_owned() } else { path };
    Violation::new(path, format!("there is no field `{name}`"), remedy)
}

fn wrong_type(field: String, message: &str) -> Violation {
    let expected = message.rsplit_once("expected ").map(|(_, expected)| words(expected));
    match (expected, found(message)) {
        (Some(expected), Some(found)) => {
            Violation::new(field, format!("is {found}, where {expected} is expected"), format!("write {expected}"))
        }
        (Some(expected), None) => Violation::new(field, format!("is not {expected}"), format!("write {expected}")),
        (None, _) if message.contains("base64") => {
            Violation::new(field, "is no base64 text", "encode it: `base64 -w0 FILE`; plain text belongs under `data`")
        }
        (None, _) => Violation::new(field, "has a value that cannot be read", "compare it with the API reference"),
    }
}

/// What serde found, as a type.
fn found(message: &str) -> Option<&'static str> {
    let found = message.split_once(": ")?.1;
    let kinds = [
        ("string", "a text"),
        ("integer", "a number out of range or of the wrong kind"),
        ("floating point", "a decimal number"),
        ("boolean", "true or false"),
        ("map", "a mapping"),
        ("sequence", "a list"),
        ("null", "empty"),
        ("unit", "empty"),
    ];
    kinds.iter().find(|(start, _)| found.starts_with(start)).map(|(_, words)| *words)
}

/// serde's name of a type in words that authors of YAML use.
fn words(expected: &str) -> &'static str {
    match expected.trim() {
        "u16" => "a whole number from 0 to 65535",
        "u8" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i32" | "i64" => "a whole number",
        "a boolean" => "true or false",
        "a string" => "a text (quote it if it looks like a number)",
        "a sequence" => "a list (`- …`)",
        other if other.starts_with("struct") || other.contains("map") => "a mapping (`field: value`)",
        _ => "another type",
    }
}

fn secret(field: String) -> Violation {
    let (message, remedy) = if field.starts_with("data") {
        ("is no base64 text", "encode it: `base64 -w0 FILE`; plain text belongs under `stringData`")
    } else if field.starts_with("stringData") {
        ("is no text", "write a text; quote it if it looks like a number")
    } else {
        ("does not fit a Secret", "a Secret has `data`, `stringData`, `type` and `immutable`")
    };
    Violation::new(field, message, remedy)
}

/// The texts between backquotes: serde quotes names of fields so.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

/// Levenshtein's distance, capitals aside.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.to_lowercase().chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let cost = (diagonal + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], cost);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::objects::Objects;

    fn check(kind: Kind, fields: Value, expected: (&str, &str, &str)) {
        let mut object = json!({"metadata": {"name": "a"}});
        object.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let violation = explain(kind, Objects::default().insert(kind, object).unwrap_err());
        assert_eq!((&*violation.field, &*violation.message, &*violation.remedy), expected);
    }

    #[test]
    fn misspelt_fields_are_named() {
        let spec = json!({"spec": {"endpoints": [{"fqdn": {"hostnme": "a", "port": 1}}]}});
        let remedy = "did you mean `hostname`? otherwise delete the field";
        let expected = ("spec.endpoints[0].fqdn.hostnme", "there is no field `hostnme`", remedy);
        check(Kind::Backend, spec, expected);
    }

    #[test]
    fn missing_fields_are_named() {
        let spec = json!({"spec": {"endpoints": [{"fqdn": {"hostname": "a"}}]}});
        check(Kind::Backend, spec, ("spec.endpoints[0].fqdn", "the field `port` is missing", "add `port`"));
    }

    #[test]
    fn wrong_types_quote_no_value() {
        let spec = |port: Value| json!({"spec": {"endpoints": [{"fqdn": {"hostname": "a", "port": port}}]}});
        let number = "a whole number from 0 to 65535";
        let (field, remedy) = ("spec.endpoints[0].fqdn.port", format!("write {number}"));
        let message = format!("is a text, where {number} is expected");
        check(Kind::Backend, spec(json!("topsecret")), (field, &message, &remedy));
        let message = format!("is a number out of range or of the wrong kind, where {number} is expected");
        check(Kind::Backend, spec(json!(70000)), (field, &message, &remedy));
    }

    #[test]
    fn secrets_say_nothing() {
        let remedy = "encode it: `base64 -w0 FILE`; plain text belongs under `stringData`";
        check(Kind::Secret, json!({"data": {"a": "top secret!"}}), ("data.a", "is no base64 text", remedy));
    }
}
