//! The kinds of object, each named once, and the maps that hold them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::admission::Violation;
use super::key::{Key, ObjectRef};
use crate::api;

/// The objects of one kind.
pub type Store<T> = BTreeMap<Key, Object<T>>;

/// One object: who it is, and what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<T> {
    /// Its metadata.
    pub meta: Meta,
    /// Its `spec`, or, for kinds without one, everything beside the metadata.
    pub spec: T,
}

/// The metadata that translation looks at.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// Name.
    pub name: String,
    /// Namespace; empty for kinds without one.
    pub namespace: String,
    /// Tells an object from an earlier one of its name; empty where no API server sets it.
    pub uid: String,
    /// Generation of the spec; 0 where no API server counts.
    pub generation: i64,
    /// RFC 3339 time, which sorts as text; empty where no API server sets it.
    pub creation_timestamp: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// What could not be taken as it is written, found by whoever read the object: it fails closed, and its status says
    /// so. Of a source that refuses such objects as a whole (files), there is none.
    #[serde(skip)]
    pub defects: Vec<Violation>,
}

/// An object that its type cannot hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The field, such as `spec.rules[0].matches[0].path.type`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// `kubectl apply` keeps a copy of the whole object here, with the values of a Secret in clear.
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Where the body of a kind stands.
enum Shape {
    /// Under `spec`.
    Spec,
    /// Beside `metadata`.
    Root,
}

/// Names every kind once: the field of [`Objects`], its type, group, versions, and where its body stands.
macro_rules! kinds {
    ($($field:ident: $type:ident, $group:literal, $versions:expr, $shape:ident, namespaced $namespaced:literal;)*) => {
        /// The kinds of object that Sluice reads.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs)]
        pub enum Kind { $($type),* }

        /// All objects, by kind and key.
        #[derive(Debug, Clone, PartialEq, Default)]
        #[allow(missing_docs)]
        pub struct Objects { $(pub $field: Store<api::$type>),* }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$type),*];

            /// Name as objects write it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$type => stringify!($type)),* }
            }

            /// API group; empty for the core.
            pub fn group(self) -> &'static str {
                match self { $(Self::$type => $group),* }
            }

            /// Versions that are read, preferred first.
            pub fn versions(self) -> &'static [&'static str] {
                match self { $(Self::$type => &$versions),* }
            }

            /// Whether its objects live in namespaces.
            pub fn is_namespaced(self) -> bool {
                match self { $(Self::$type => $namespaced),* }
            }

            fn shape(self) -> Shape {
                match self { $(Self::$type => Shape::$shape),* }
            }
        }

        impl Objects {
            /// Parses a whole object and keeps it; one of the same key is replaced.
            ///
            /// # Errors
            /// The object does not fit its type; nothing is kept.
            pub fn insert(&mut self, kind: Kind, mut object: Value) -> Result<ObjectRef, Malformed> {
                let meta = metadata(&mut object)?;
                let key = Key { namespace: meta.namespace.clone(), name: meta.name.clone() };
                let object_ref = ObjectRef { kind: kind.name(), key: key.clone() };
                match kind {
                    $(Kind::$type => {
                        let spec = body(kind, object)?;
                        self.$field.insert(key, Object { meta, spec });
                    })*
                }
                Ok(object_ref)
            }

            /// Takes an object out; says whether it was there.
            pub fn remove(&mut self, kind: Kind, key: &Key) -> bool {
                match kind { $(Kind::$type => self.$field.remove(key).is_some()),* }
            }

            /// Takes all objects of another collection over; says whether that changed anything.
            pub fn absorb(&mut self, other: Self) -> bool {
                let mut changed = false;
                $(for (key, object) in other.$field {
                    if self.$field.get(&key) != Some(&object) {
                        self.$field.insert(key, object);
                        changed = true;
                    }
                })*
                changed
            }

            /// Whether an object is there.
            pub fn contains(&self, kind: Kind, key: &Key) -> bool {
                match kind { $(Kind::$type => self.$field.contains_key(key)),* }
            }

            /// How many objects of a kind there are.
            pub fn count(&self, kind: Kind) -> usize {
                match kind { $(Kind::$type => self.$field.len()),* }
            }

            /// The metadata of an object.
            pub fn meta_mut(&mut self, kind: Kind, key: &Key) -> Option<&mut Meta> {
                match kind { $(Kind::$type => self.$field.get_mut(key).map(|object| &mut object.meta)),* }
            }
        }
    };
}

kinds! {
    gateway_classes: GatewayClass, "gateway.networking.k8s.io", ["v1", "v1beta1"], Spec, namespaced false;
    gateways: Gateway, "gateway.networking.k8s.io", ["v1", "v1beta1"], Spec, namespaced true;
    http_routes: HTTPRoute, "gateway.networking.k8s.io", ["v1", "v1beta1"], Spec, namespaced true;
    reference_grants: ReferenceGrant, "gateway.networking.k8s.io", ["v1", "v1beta1"], Spec, namespaced true;
    backend_tls_policies: BackendTLSPolicy, "gateway.networking.k8s.io", ["v1", "v1alpha3"], Spec, namespaced true;
    backends: Backend, "gateway.envoyproxy.io", ["v1alpha1"], Spec, namespaced true;
    http_route_filters: HTTPRouteFilter, "gateway.envoyproxy.io", ["v1alpha1"], Spec, namespaced true;
    envoy_proxies: EnvoyProxy, "gateway.envoyproxy.io", ["v1alpha1"], Spec, namespaced true;
    secrets: Secret, "", ["v1"], Root, namespaced true;
    config_maps: ConfigMap, "", ["v1"], Root, namespaced true;
    services: Service, "", ["v1"], Spec, namespaced true;
    endpoint_slices: EndpointSlice, "discovery.k8s.io", ["v1"], Root, namespaced true;
    namespaces: Namespace, "", ["v1"], Root, namespaced false;
}

impl Kind {
    /// The kind of an object with this `apiVersion` and `kind`, if it is one of ours.
    pub fn of(api_version: &str, kind: &str) -> Option<Self> {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        Self::ALL.iter().copied().find(|k| k.name() == kind && k.group() == group && k.versions().contains(&version))
    }
}

/// The metadata. What is `null` is absent, and the copy of the whole object that `kubectl apply` leaves among the
/// annotations, of a Secret its values too, is not kept.
fn metadata(object: &mut Value) -> Result<Meta, Malformed> {
    let mut metadata = object.get_mut("metadata").map(Value::take).unwrap_or_default();
    if let Some(fields) = metadata.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    parse(metadata, "metadata")
}

/// Parses the body of a kind. Errors of a Secret say nothing of its values.
fn body<T: DeserializeOwned>(kind: Kind, mut object: Value) -> Result<T, Malformed> {
    match kind.shape() {
        Shape::Spec => {
            let spec = object.get_mut("spec").map(Value::take).unwrap_or_else(|| Value::Object(serde_json::Map::new()));
            parse(spec, "spec")
        }
        Shape::Root => {
            if let Some(fields) = object.as_object_mut() {
                ["apiVersion", "kind", "metadata", "status"].iter().for_each(|name| drop(fields.remove(*name)));
            }
            parse(object, "").map_err(|malformed| match kind {
                Kind::Secret => Malformed { message: "is malformed".to_owned(), ..malformed },
                _ => malformed,
            })
        }
    }
}

fn parse<T: DeserializeOwned>(value: Value, root: &str) -> Result<T, Malformed> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let field = match (root, path.as_str()) {
            (root, ".") => root.to_owned(),
            ("", path) => path.to_owned(),
            (root, path) => format!("{root}.{path}"),
        };
        Malformed { field, message: error.into_inner().to_string() }
    })
}
