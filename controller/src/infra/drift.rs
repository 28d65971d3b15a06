//! Whether an object is still what was applied.

use serde_json::Value;

/// What an object has in the places that a manifest fills. The API server adds defaults, and writes some values in its
/// own way; so what counts is whether this is what it was right after the manifest was applied. Lists are compared as a
/// whole where another has made them longer or shorter.
pub(super) fn filled(manifest: &Value, object: &Value) -> Value {
    match (manifest, object) {
        (Value::Object(fields), Value::Object(object)) => {
            let each = fields.iter().map(|(name, value)| {
                (name.clone(), object.get(name).map_or(Value::Null, |there| filled(value, there)))
            });
            Value::Object(each.collect())
        }
        (Value::Array(entries), Value::Array(object)) if entries.len() == object.len() => {
            entries.iter().zip(object).map(|(entry, there)| filled(entry, there)).collect()
        }
        (_, object) => object.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_was_filled_counts() {
        let manifest = json!({"spec": {"replicas": 1, "list": [{"cpu": "0.1"}]}});
        let applied =
            json!({"spec": {"replicas": 1, "list": [{"cpu": "100m", "x": 1}], "paused": false}, "status": {}});
        let expected = json!({"spec": {"replicas": 1, "list": [{"cpu": "100m"}]}});
        assert_eq!(filled(&manifest, &applied), expected);
    }

    #[test]
    fn what_another_removed_or_added_counts() {
        let manifest = json!({"labels": {"a": "1"}, "ports": [1]});
        assert_eq!(filled(&manifest, &json!({"ports": [1, 2]})), json!({"labels": null, "ports": [1, 2]}));
    }
}
