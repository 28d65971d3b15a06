//! What is done to lists.

use serde_json::Value;

/// The first items only, as if there were no more.
pub(super) fn shorten(list: &mut Value, keep: usize) {
    if let Some(items) = list.get_mut("items").and_then(Value::as_array_mut) {
        items.truncate(keep);
    }
    if let Some(metadata) = list.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("continue");
        metadata.remove("remainingItemCount");
    }
}

/// True of a list that is not one of several pages.
pub(super) fn is_whole(list: &Value, query: Option<&str>) -> bool {
    let continues = list.pointer("/metadata/continue").and_then(Value::as_str).is_some_and(|token| !token.is_empty());
    let continued = query.unwrap_or_default().split('&').any(|pair| pair.starts_with("continue="));
    list.get("items").is_some() && !continues && !continued
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_short_list_says_that_it_is_whole() {
        let mut list =
            json!({"metadata": {"resourceVersion": "7", "continue": "x", "remainingItemCount": 2}, "items": [1, 2]});
        assert!(!is_whole(&list, None));
        shorten(&mut list, 1);
        assert_eq!(list, json!({"metadata": {"resourceVersion": "7"}, "items": [1]}));
        assert!(is_whole(&list, Some("limit=500")));
        assert!(!is_whole(&list, Some("limit=500&continue=x")));
        assert!(!is_whole(&json!({"kind": "Status"}), None));
    }
}
