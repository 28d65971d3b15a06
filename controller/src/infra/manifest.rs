//! Generated objects.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::objects::key::Key;

/// What is to become of a Gateway's infrastructure.
#[derive(Debug, Clone, PartialEq)]
pub enum Desired {
    /// These objects, in the order in which they are applied, and no other generated ones.
    Objects(Vec<Manifest>),
    /// What runs is left as it is: the Gateway is refused, or has nothing to serve. A bad edit never tears down a
    /// running data plane.
    Keep,
    /// None of what we made: the Gateway is another controller's now.
    Nothing,
}

/// One generated object.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Manifest {
    /// Its kind.
    #[serde(skip)]
    pub kind: ManifestKind,
    /// Its namespace and name.
    #[serde(skip)]
    pub key: Key,
    /// All of it, `apiVersion` and `kind` included.
    pub body: Value,
}

/// Names every kind once: group, version, plural.
macro_rules! kinds {
    ($($kind:ident: $group:literal, $version:literal, $plural:literal;)*) => {
        /// The kinds of generated objects, in the order in which they are applied: what pods need comes before them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs)] // Kubernetes' kinds.
        pub enum ManifestKind { $($kind),* }

        impl ManifestKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// Name as objects write it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind)),* }
            }

            /// API group; empty for the core.
            pub fn group(self) -> &'static str {
                match self { $(Self::$kind => $group),* }
            }

            /// Version.
            pub fn version(self) -> &'static str {
                match self { $(Self::$kind => $version),* }
            }

            /// Name as paths write it.
            pub fn plural(self) -> &'static str {
                match self { $(Self::$kind => $plural),* }
            }
        }
    };
}

kinds! {
    ServiceAccount: "", "v1", "serviceaccounts";
    ConfigMap: "", "v1", "configmaps";
    Service: "", "v1", "services";
    Deployment: "apps", "v1", "deployments";
    DaemonSet: "apps", "v1", "daemonsets";
    HorizontalPodAutoscaler: "autoscaling", "v2", "horizontalpodautoscalers";
    PodDisruptionBudget: "policy", "v1", "poddisruptionbudgets";
}

impl ManifestKind {
    /// `apiVersion` as objects write it.
    pub fn api_version(self) -> String {
        match self.group() {
            "" => self.version().to_owned(),
            group => format!("{group}/{}", self.version()),
        }
    }
}

/// `Deployment ai/gateway-class`.
impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.key)
    }
}
