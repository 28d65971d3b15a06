//! Whether a value has the shape of a Kubernetes type.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::Problem;
use super::quantity;

/// A part of an EnvoyProxy that is Kubernetes' own, its quantities as texts.
///
/// # Errors
/// It is no `T`; the field is that of the part.
pub(super) fn part<T: DeserializeOwned>(value: &Value) -> Result<Value, Problem> {
    let mut value = value.clone();
    quantity::as_text(&mut value);
    check::<T>(&value)?;
    Ok(value)
}

/// Holds a value against a type. Fields that the type does not know are the API server's to judge, which may be newer.
///
/// # Errors
/// It is no `T`.
pub(super) fn check<T: DeserializeOwned>(value: &Value) -> Result<(), Problem> {
    let checked: Result<T, _> = serde_path_to_error::deserialize(value);
    checked.map(drop).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { String::new() } else { path };
        Problem::new(field, error.into_inner().to_string(), "write it as Kubernetes has it")
    })
}
