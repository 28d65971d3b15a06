//! Quantities, which may be written as numbers (`cpu: 1`), made the texts that they are.

use serde_json::Value;

/// Maps of quantities (`ResourceRequirements`, `VolumeResourceRequirements`).
const MAPS: [&str; 2] = ["limits", "requests"];

/// Single quantities (`EmptyDirVolumeSource`, `ResourceFieldSelector`, `MetricTarget`).
const SINGLE: [&str; 3] = ["sizeLimit", "divisor", "averageValue"];

/// Makes texts of all quantities within.
pub(super) fn as_text(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(as_text),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::Object(quantities) if MAPS.contains(&name.as_str()) => {
                        quantities.values_mut().for_each(number_as_text);
                    }
                    Value::Object(target) if name == "target" => {
                        target.values_mut().for_each(as_text);
                        target.get_mut("value").into_iter().for_each(number_as_text);
                        target.get_mut("averageValue").into_iter().for_each(number_as_text);
                    }
                    single if SINGLE.contains(&name.as_str()) => number_as_text(single),
                    other => as_text(other),
                }
            }
        }
        _ => {}
    }
}

fn number_as_text(value: &mut Value) {
    if let Value::Number(number) = value {
        *value = Value::String(number.to_string());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_become_texts_where_quantities_stand() {
        let mut value = json!({
            "resources": {"limits": {"cpu": 1.5, "memory": "1Gi"}},
            "volumes": [{"emptyDir": {"sizeLimit": 1000}}],
            "metrics": [{"resource": {"target": {"type": "Value", "value": 2, "averageUtilization": 80}}}],
            "replicas": 2,
        });
        as_text(&mut value);
        let expected = json!({
            "resources": {"limits": {"cpu": "1.5", "memory": "1Gi"}},
            "volumes": [{"emptyDir": {"sizeLimit": "1000"}}],
            "metrics": [{"resource": {"target": {"type": "Value", "value": "2", "averageUtilization": 80}}}],
            "replicas": 2,
        });
        assert_eq!(value, expected);
    }
}
