//! What a container waits for, in the kubelet's terms.

use std::fmt;

/// Something that a pod refers to and that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Missing {
    /// A ConfigMap or Secret.
    Object { kind: &'static str, namespace: String, name: String },
    /// A key of one.
    Key { kind: &'static str, namespace: String, name: String, key: String },
    /// A field that the downward API does not have.
    Field { path: String },
    /// A token that the API server has not given yet.
    Token { account: String, cause: String },
    /// A volume that `volumes` does not name, or of a kind that this node does not have.
    Volume { name: String },
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object { kind, namespace, name } => write!(f, "{kind} \"{namespace}/{name}\" not found"),
            Self::Key { kind, namespace, name, key } => {
                write!(f, "couldn't find key {key} in {kind} {namespace}/{name}")
            }
            Self::Field { path } => write!(f, "field \"{path}\" is not one of the downward API's"),
            Self::Token { account, cause } => write!(f, "no token of ServiceAccount \"{account}\": {cause}"),
            Self::Volume { name } => write!(f, "volume \"{name}\" is not defined, or of a kind that this node lacks"),
        }
    }
}
