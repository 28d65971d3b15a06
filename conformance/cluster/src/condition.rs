//! Conditions of an object's status, as short texts.

use serde_json::Value;

/// `TYPE=STATUS/REASON` of each condition, sorted.
///
/// ```
/// let status = serde_json::json!({"conditions": [{"type": "Accepted", "status": "True", "reason": "Fine"}]});
/// assert_eq!(sluice_cluster::condition::terse(&status["conditions"]), ["Accepted=True/Fine"]);
/// ```
pub fn terse(conditions: &Value) -> Vec<String> {
    let word = |condition: &Value, field: &str| condition[field].as_str().unwrap_or("?").to_owned();
    let line = |c: &Value| format!("{}={}/{}", word(c, "type"), word(c, "status"), word(c, "reason"));
    let mut lines: Vec<String> = conditions.as_array().into_iter().flatten().map(line).collect();
    lines.sort();
    lines
}

/// Whether each condition was made for the object as it is now.
pub fn are_current(conditions: &Value, object: &Value) -> bool {
    let generation = &object["metadata"]["generation"];
    conditions.as_array().is_some_and(|all| all.iter().all(|condition| &condition["observedGeneration"] == generation))
}
