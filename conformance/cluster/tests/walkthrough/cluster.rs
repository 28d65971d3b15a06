//! Looking at the walk-through's objects.

use serde_json::Value;
use sluice_cluster::command::get;
use sluice_cluster::condition::{are_current, terse};
use sluice_cluster::until::until;

use crate::steps::NAMESPACE;

/// An object of the walk-through's namespace.
pub(crate) async fn object(kind: &str, name: &str) -> Value {
    get(&["-n", NAMESPACE, kind, name]).await.unwrap()
}

/// Waits until the conditions at a path of an object are these, made for its present generation; returns it.
pub(crate) async fn has_conditions(object: (&str, &str), path: &str, expected: &[&str]) -> Value {
    let (kind, name) = object;
    let look = async || {
        let object = self::object(kind, name).await;
        let conditions = object.pointer(path).unwrap_or(&Value::Null);
        if terse(conditions) == expected && are_current(conditions, &object) {
            return Ok(object);
        }
        Err(format!("{path} is {}", serde_json::to_string_pretty(conditions).unwrap()))
    };
    until(&format!("{expected:?} at {path} of {kind} {name}"), look).await.unwrap()
}
