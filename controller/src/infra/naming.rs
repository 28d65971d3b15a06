//! Names and labels of generated objects: the one place.

use std::collections::BTreeMap;

use crate::objects::key::Key;

/// Longest name of a Service, and longest value of a label (RFC 1035 labels).
const LONGEST: usize = 63;

/// A label: its key and its value.
pub type Label = (&'static str, &'static str);

/// Who made an object.
pub const MANAGED_BY: Label = ("app.kubernetes.io/managed-by", "sluice");
const NAME: Label = ("app.kubernetes.io/name", "sluice");
const COMPONENT: Label = ("app.kubernetes.io/component", "proxy");

/// GEP-1762's label: the Gateway that an object belongs to.
pub const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
/// GEP-1762's label: that Gateway's class.
pub const GATEWAY_CLASS_NAME: &str = "gateway.networking.k8s.io/gateway-class-name";
/// Envoy Gateway's label: name of the Gateway.
pub const OWNING_NAME: &str = "gateway.envoyproxy.io/owning-gateway-name";
/// Envoy Gateway's label: namespace of the Gateway.
pub const OWNING_NAMESPACE: &str = "gateway.envoyproxy.io/owning-gateway-namespace";

/// The name of a Gateway's generated objects: `<gateway>-<class>` (GEP-1762). One that would not be a Service's name,
/// being too long, with dots, or with a digit in front, is mended and gets a hash of itself at its end.
pub fn name(gateway: &Key, class: &str) -> String {
    let plain = format!("{}-{class}", gateway.name);
    let is_label = plain.len() <= LONGEST
        && plain.starts_with(|c: char| c.is_ascii_lowercase())
        && plain.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if is_label {
        return plain;
    }
    let prefix = if plain.starts_with(|c: char| c.is_ascii_lowercase()) { "" } else { "gateway-" };
    let mended: String = plain.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    shortened(&format!("{prefix}{mended}"), &plain)
}

/// A name as the value of a label, which is shorter than names may be.
pub fn label_value(name: &str) -> String {
    if name.len() <= LONGEST { name.to_owned() } else { shortened(name, name) }
}

/// The labels of a Gateway's objects that never change: what its pods are selected by.
pub fn selector(gateway: &Key) -> BTreeMap<String, String> {
    let [name, namespace] = [&gateway.name, &gateway.namespace].map(|text| label_value(text));
    let own = [(OWNING_NAME, name.clone()), (OWNING_NAMESPACE, namespace), (GATEWAY_NAME, name)];
    let fixed = [NAME, COMPONENT, MANAGED_BY].map(|(key, value)| (key, value.to_owned()));
    fixed.into_iter().chain(own).map(|(key, value)| (key.to_owned(), value)).collect()
}

/// All labels of ours on a Gateway's objects.
pub fn labels(gateway: &Key, class: &str) -> BTreeMap<String, String> {
    let mut labels = selector(gateway);
    labels.insert(GATEWAY_CLASS_NAME.to_owned(), label_value(class));
    labels
}

/// True for the key of a label of ours.
pub fn is_ours(label: &str) -> bool {
    let fixed = [NAME, COMPONENT, MANAGED_BY].map(|(key, _)| key);
    fixed.contains(&label) || [GATEWAY_NAME, GATEWAY_CLASS_NAME, OWNING_NAME, OWNING_NAMESPACE].contains(&label)
}

/// Whose an object is, as its labels say it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    namespace: String,
    name: String,
}

impl Owner {
    /// The labels of a Gateway's objects.
    pub fn of(gateway: &Key) -> Self {
        Self { namespace: label_value(&gateway.namespace), name: label_value(&gateway.name) }
    }

    /// What an object's labels say.
    pub fn labelled(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// The beginning of a text with a hash of the whole at its end.
fn shortened(text: &str, whole: &str) -> String {
    let kept = &text[..text.floor_char_boundary(LONGEST - 9)];
    format!("{}-{:08x}", kept.trim_end_matches(['-', '.']), hash(whole))
}

/// FNV-1a, 32 bits. It tells names apart that are alike by chance; where two still meet, the second Gateway is refused.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(gateway: &str, class: &str) -> String {
        name(&Key::new("ai", gateway), class)
    }

    #[test]
    fn names_are_predictable() {
        assert_eq!(of("model-gateway", "ack-gateway"), "model-gateway-ack-gateway");
    }

    #[test]
    fn names_are_names_of_services() {
        for (gateway, class) in [("a.b", "c"), ("1st", "c"), (&"x".repeat(253), "c"), (&"x.".repeat(40), "c")] {
            let name = of(gateway, class);
            assert!(name.len() <= LONGEST && name.starts_with(|c: char| c.is_ascii_lowercase()), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{name}");
        }
        assert_eq!(of("a.b", "c"), "a-b-c-e97aa8b0");
        assert_ne!(of("a.b", "c"), of("a-b", "c"));
        assert_ne!(of(&"x".repeat(100), "c"), of(&"x".repeat(101), "c"));
    }

    #[test]
    fn labels_are_no_longer_than_they_may_be() {
        assert_eq!(label_value("a.b"), "a.b");
        assert_eq!(label_value(&"x".repeat(253)).len(), LONGEST);
        assert_eq!(labels(&Key::new("ai", "gateway"), "c").len(), 7);
    }
}
