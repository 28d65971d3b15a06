//! The walk-through's objects, as the files say them, and what they mean.

use std::fs;

use super::trouble::Trouble;
use crate::objects::Objects;
use crate::source::file::{Environment, FileSource, World};
use crate::translate::{Settings, translate};

/// The provider's name in the objects.
pub(super) const PROVIDER: &str = "dashscope-intl.aliyuncs.com";
/// Its port there.
pub(super) const PROVIDER_PORT: u16 = 443;
/// The variable that the Secret takes the key from.
pub(super) const KEY_VARIABLE: &str = "PROVIDER_API_KEY";

macro_rules! walkthrough {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!("../../../deploy/standalone/walkthrough/", $name)))),*]
    };
}

const FILES: [(&str, &str); 5] = walkthrough![
    "2a-gateway.yaml",
    "2b-backend.yaml",
    "3a-secret.yaml",
    "3b-http-route-filter.yaml",
    "3c-http-route-with-credential.yaml"
];

/// The objects at work.
pub(super) struct Scene {
    /// What the files say.
    pub(super) world: World,
    /// Namespace and name of the Secret that the credential comes from.
    pub(super) secret: String,
    /// The name that the provider's certificate must be for.
    pub(super) verified_name: String,
}

impl Scene {
    /// Reads the objects from files, as `sluice run` would, with that key for the provider.
    pub(super) fn with_key(key: &str) -> Result<Self, Trouble> {
        let folder = tempfile::tempdir().map_err(|cause| no_folder(&cause))?;
        for (name, text) in FILES {
            fs::write(folder.path().join(name), text).map_err(|cause| no_folder(&cause))?;
        }
        let environment = Environment::from_iter([(KEY_VARIABLE, key)]);
        let world = FileSource::new(vec![folder.path().to_owned()], environment).read();
        let findings = translate(&world.objects, &Settings::default()).findings;
        if let Some(first) = world.diagnose(findings).first() {
            let remedy = format!("see what {KEY_VARIABLE} holds: it must be one line of printable characters");
            return Err(Trouble::new(format!("the walk-through's objects are refused: {first}"), remedy));
        }
        let (secret, verified_name) = (secret(&world.objects), verified_name(&world.objects));
        Ok(Self { world, secret, verified_name })
    }
}

fn no_folder(cause: &std::io::Error) -> Trouble {
    Trouble::new(format!("the walk-through's files cannot be written: {cause}"), "let TMPDIR name a folder with space")
}

/// Whose credential the only filter of the walk-through injects.
fn secret(objects: &Objects) -> String {
    let injections = objects.http_route_filters.iter().filter_map(|(key, filter)| {
        let reference = &filter.spec.credential_injection.as_ref()?.credential.value_ref;
        let namespace = reference.namespace.as_ref().unwrap_or(&key.namespace);
        Some(format!("{namespace}/{}", reference.name))
    });
    injections.collect::<Vec<_>>().join(", ")
}

/// What the only TLS policy of the walk-through asks for.
fn verified_name(objects: &Objects) -> String {
    let policies = objects.backend_tls_policies.values();
    policies.map(|policy| policy.spec.validation.hostname.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walkthrough_is_accepted_as_it_is() {
        let scene = Scene::with_key("sk-test").unwrap_or_else(|trouble| panic!("{trouble}"));
        assert_eq!(scene.secret, "kagent/bailian-credential");
        assert_eq!(scene.verified_name, PROVIDER);
        assert!(scene.world.diagnostics.is_empty());
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_told_and_not_shown() {
        let trouble = Scene::with_key("sk-\u{1}-secret").err().unwrap().to_string();
        assert!(trouble.contains(KEY_VARIABLE) && !trouble.contains("secret\""), "{trouble}");
        assert!(!trouble.contains("-secret"), "{trouble}");
    }
}
