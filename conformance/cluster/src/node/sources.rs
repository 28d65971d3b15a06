//! Where the contents of environments and volumes come from: ConfigMaps and Secrets by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};

use tokio::sync::watch;

use crate::node::mirror::Mirror;
use crate::node::missing::Missing;

/// What an object holds, by key.
pub(crate) type Data = BTreeMap<String, Vec<u8>>;

/// The two kinds of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    ConfigMap,
    Secret,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmap",
            Self::Secret => "secret",
        }
    }
}

/// Something that has them.
pub(crate) trait Sources {
    /// The data of an object, if it is there.
    fn data(&self, kind: Kind, namespace: &str, name: &str) -> Option<Data>;

    /// The data of an object; none if it is not there and need not be.
    ///
    /// # Errors
    /// It is not there and must be.
    fn object(&self, kind: Kind, (namespace, name): (&str, &str), optional: bool) -> Result<Option<Data>, Missing> {
        let data = self.data(kind, namespace, name);
        if data.is_none() && !optional {
            return Err(Missing::Object { kind: kind.name(), namespace: namespace.to_owned(), name: name.to_owned() });
        }
        Ok(data)
    }

    /// One key of an object; none if it is not there and need not be.
    ///
    /// # Errors
    /// The object or the key is not there and must be.
    fn key(&self, kind: Kind, (namespace, name): (&str, &str), key: (&str, bool)) -> Result<Option<Vec<u8>>, Missing> {
        let (key, optional) = key;
        let Some(mut data) = self.object(kind, (namespace, name), optional)? else { return Ok(None) };
        let value = data.remove(key);
        if value.is_none() && !optional {
            let (namespace, name) = (namespace.to_owned(), name.to_owned());
            return Err(Missing::Key { kind: kind.name(), namespace, name, key: key.to_owned() });
        }
        Ok(value)
    }
}

/// The cluster's.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// All ConfigMaps.
    pub(crate) config_maps: Mirror<ConfigMap>,
    /// All Secrets.
    pub(crate) secrets: Mirror<Secret>,
}

/// A signal for each change of an object.
#[derive(Debug)]
pub(crate) struct Changes(watch::Receiver<u64>, watch::Receiver<u64>);

impl Changes {
    /// Waits for the next change. May be dropped while it waits.
    pub(crate) async fn next(&mut self) {
        let ended = tokio::select! {
            change = self.0.changed() => change.is_err(),
            change = self.1.changed() => change.is_err(),
        };
        if ended {
            // The node is being stopped: nothing changes any more.
            std::future::pending::<()>().await;
        }
    }
}

impl Cluster {
    /// Changes from now on.
    pub(crate) fn changes(&self) -> Changes {
        Changes(self.config_maps.changes(), self.secrets.changes())
    }
}

impl Sources for Cluster {
    fn data(&self, kind: Kind, namespace: &str, name: &str) -> Option<Data> {
        match kind {
            Kind::ConfigMap => self.config_maps.find(namespace, name).map(|object| config_map(&object)),
            Kind::Secret => self.secrets.find(namespace, name).map(|object| secret(&object)),
        }
    }
}

fn config_map(object: &Arc<ConfigMap>) -> Data {
    let text = object.data.iter().flatten().map(|(key, value)| (key.clone(), value.clone().into_bytes()));
    let binary = object.binary_data.iter().flatten().map(|(key, value)| (key.clone(), value.0.clone()));
    text.chain(binary).collect()
}

fn secret(object: &Arc<Secret>) -> Data {
    object.data.iter().flatten().map(|(key, value)| (key.clone(), value.0.clone())).collect()
}
