//! Label selectors.

use std::collections::BTreeMap;

use crate::api::{LabelSelector, LabelSelectorRequirement};

/// The operators of `matchExpressions`.
pub(crate) const OPERATORS: [&str; 4] = ["In", "NotIn", "Exists", "DoesNotExist"];

/// True when labels fulfil the selector; an empty one is fulfilled by all, an unknown operator by none.
pub(crate) fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let LabelSelector { match_labels, match_expressions } = selector;
    match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
        && match_expressions.iter().all(|expression| holds(expression, labels))
}

fn holds(expression: &LabelSelectorRequirement, labels: &BTreeMap<String, String>) -> bool {
    let value = labels.get(&expression.key);
    match expression.operator.as_str() {
        "In" => value.is_some_and(|v| expression.values.contains(v)),
        // As Kubernetes has it, a label that is absent is not in the list.
        "NotIn" => value.is_none_or(|v| !expression.values.contains(v)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators() {
        let labels = BTreeMap::from([("team".to_owned(), "ai".to_owned())]);
        for (key, operator, values, expected) in [
            ("team", "In", vec!["ai"], true),
            ("team", "In", vec!["web"], false),
            ("zone", "In", vec!["a"], false),
            ("team", "NotIn", vec!["ai"], false),
            ("zone", "NotIn", vec!["a"], true),
            ("team", "Exists", vec![], true),
            ("team", "DoesNotExist", vec![], false),
            ("team", "Near", vec![], false),
        ] {
            let expression = LabelSelectorRequirement {
                key: key.to_owned(),
                operator: operator.to_owned(),
                values: values.into_iter().map(str::to_owned).collect(),
            };
            let selector = LabelSelector { match_expressions: vec![expression], ..LabelSelector::default() };
            assert_eq!(selects(&selector, &labels), expected, "{key} {operator}");
        }
        assert!(selects(&LabelSelector::default(), &labels));
    }
}
