//! Paths of fields (`spec.rules[0].name`) in a JSON object.

use serde_json::Value;

/// Takes a field out; says whether it was there.
pub(super) fn remove(object: &mut Value, path: &str) -> bool {
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut steps = parents.split('.').filter(|step| !step.is_empty());
    let Some(parent) = steps.try_fold(object, enter) else { return false };
    parent.as_object_mut().is_some_and(|fields| fields.remove(last).is_some())
}

/// One step, such as `rules[0]`.
fn enter<'a>(value: &'a mut Value, step: &str) -> Option<&'a mut Value> {
    let (name, indices) = step.split_once('[').map_or((step, ""), |(name, rest)| (name, rest));
    let field = value.get_mut(name)?;
    let mut indices = indices.split('[').filter(|index| !index.is_empty());
    indices.try_fold(field, |value, index| value.get_mut(index.strip_suffix(']')?.parse::<usize>().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_found_and_taken_out() {
        let mut object = json!({"spec": {"rules": [{"a": 1}, {"a": 1, "b": [[{"c": 2, "d": 3}]]}]}});
        assert!(remove(&mut object, "spec.rules[1].b[0][0].c") && remove(&mut object, "spec.rules[0].a"));
        assert_eq!(object, json!({"spec": {"rules": [{}, {"a": 1, "b": [[{"d": 3}]]}]}}));
        for missing in ["spec.rules[2].a", "spec.rules[x].a", "spec.x.y", "a", ""] {
            assert!(!remove(&mut object, missing), "{missing}");
        }
    }
}
