//! What stands between a document and the objects: variables, defaults, and the rules of the API server.

use serde_json::Value;

use super::environment::{Environment, Unfilled};
use super::manifest::Manifest;
use crate::objects::admission::{self, Violation};
use crate::objects::key::ObjectRef;
use crate::objects::{Kind, LAST_APPLIED, Objects, defaults};
use crate::source::malformed;

/// Takes an object in, or says all that is wrong with it.
pub(super) fn admit(
    kind: Kind,
    object: &ObjectRef,
    mut value: Value,
    environment: &Environment,
) -> Result<Manifest, Vec<Violation>> {
    if let Some(annotations) = value.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    if kind == Kind::Secret {
        fill(&mut value, environment)?;
    }
    defaults::fill(kind, &mut value);
    let manifest = Manifest::new(kind, value);
    let mut alone = Objects::default();
    alone.insert(kind, manifest.value()).map_err(|malformed| vec![malformed::explain(kind, malformed)])?;
    let violations = admission::review(object, &alone);
    if violations.is_empty() { Ok(manifest) } else { Err(violations) }
}

/// Fills the variables of a Secret in; one that is missing keeps the whole Secret out, so that nothing is sent upstream
/// with half a key.
fn fill(secret: &mut Value, environment: &Environment) -> Result<(), Vec<Violation>> {
    let Some(values) = secret.get_mut("stringData").and_then(Value::as_object_mut) else {
        return Ok(());
    };
    let mut violations = Vec::new();
    for (key, value) in values {
        let Value::String(text) = value else { continue };
        match environment.fill(text) {
            Ok(filled) => *text = filled,
            Err(unfilled) => violations.push(violation(key, &unfilled)),
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(violations) }
}

fn violation(key: &str, unfilled: &Unfilled) -> Violation {
    let field = format!("stringData.{key}");
    match unfilled {
        Unfilled::Missing(name) => {
            let remedy = format!("export {name} before the start, or give a default: ${{{name}:-…}}");
            Violation::new(field, format!("the environment variable {name} is not set"), remedy)
        }
        Unfilled::Malformed => {
            let remedy = "write ${NAME} or ${NAME:-default}; a literal ${ is written $${";
            Violation::new(field, "a ${…} in it is no reference to a variable", remedy)
        }
    }
}
