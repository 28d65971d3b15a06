//! An object as it was accepted: what was written, defaults filled in.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::objects::Kind;

const REDACTED: &str = "<redacted>";

/// Cheap to clone. `Debug` shows the kind only; [`Manifest::shown`] hides the values of a Secret.
#[derive(Clone)]
pub struct Manifest {
    kind: Kind,
    value: Arc<Value>,
}

impl Manifest {
    pub(super) fn new(kind: Kind, value: Value) -> Self {
        Self { kind, value: Arc::new(value) }
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The whole object, for the one place that parses it.
    pub(super) fn value(&self) -> Value {
        (*self.value).clone()
    }

    /// The object as it may be shown: each value of a Secret reads `<redacted>`.
    pub fn shown(&self) -> Value {
        let mut value = self.value();
        if self.kind == Kind::Secret {
            for field in ["data", "stringData"] {
                value.get_mut(field).into_iter().for_each(redact);
            }
        }
        value
    }
}

fn redact(values: &mut Value) {
    match values {
        Value::Object(values) => values.values_mut().for_each(|value| *value = json!(REDACTED)),
        other => *other = json!(REDACTED),
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Manifest({:?})", self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secrets_are_hidden() {
        let manifest = Manifest::new(Kind::Secret, json!({"data": {"a": "dG9w"}, "stringData": {"b": "top"}}));
        assert_eq!(manifest.shown(), json!({"data": {"a": REDACTED}, "stringData": {"b": REDACTED}}));
        assert_eq!(format!("{manifest:?}"), "Manifest(Secret)");
    }
}
