//! What a pod's volume holds: computed from objects, written elsewhere.

use std::collections::BTreeMap;
use std::path::PathBuf;

use k8s_openapi::api::core::v1::{Container, DownwardAPIVolumeFile, KeyToPath, Volume, VolumeProjection};

use crate::node::facts::Facts;
use crate::node::missing::Missing;
use crate::node::sources::{Data, Kind, Sources};
use crate::node::token::{Claim, Tokens};

/// Files by their path in the volume.
pub(crate) type Files = BTreeMap<String, File>;

/// One file of a volume.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// What is in it.
    pub(crate) bytes: Vec<u8>,
    /// Its permissions.
    pub(crate) mode: u32,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // It may be a Secret's.
        write!(f, "{} bytes, mode {:o}", self.bytes.len(), self.mode)
    }
}

/// What stands behind a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// Files that follow their objects.
    Files(Files),
    /// A folder that the pod's containers share.
    Empty,
    /// A folder of this machine.
    Host(PathBuf),
}

/// What a volume is made from.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// The pod.
    pub(crate) facts: &'a Facts,
    /// The objects.
    pub(crate) sources: &'a dyn Sources,
    /// The tokens that the pod has got.
    pub(crate) tokens: &'a Tokens,
}

/// The content of `volume` at this moment.
///
/// # Errors
/// Something that it is made from is not there, or the node has no such kind of volume.
pub(crate) fn content(volume: &Volume, origin: Origin<'_>) -> Result<Content, Missing> {
    let files = if volume.empty_dir.is_some() {
        return Ok(Content::Empty);
    } else if let Some(host) = &volume.host_path {
        return Ok(Content::Host(PathBuf::from(&host.path)));
    } else if let Some(map) = &volume.config_map {
        let object = Object { kind: Kind::ConfigMap, name: &map.name, optional: map.optional };
        origin.object(object, map.items.as_deref(), mode(map.default_mode))?
    } else if let Some(secret) = &volume.secret {
        let name = secret.secret_name.as_deref().unwrap_or_default();
        let object = Object { kind: Kind::Secret, name, optional: secret.optional };
        origin.object(object, secret.items.as_deref(), mode(secret.default_mode))?
    } else if let Some(downward) = &volume.downward_api {
        origin.downward(downward.items.as_deref().unwrap_or_default(), mode(downward.default_mode))?
    } else if let Some(projected) = &volume.projected {
        let mut files = Files::new();
        for source in projected.sources.iter().flatten() {
            files.extend(origin.projection(source, mode(projected.default_mode))?);
        }
        files
    } else {
        return Err(Missing::Volume { name: volume.name.clone() });
    };
    Ok(Content::Files(files))
}

struct Object<'a> {
    kind: Kind,
    name: &'a str,
    optional: Option<bool>,
}

impl Origin<'_> {
    fn object(&self, object: Object<'_>, items: Option<&[KeyToPath]>, mode: u32) -> Result<Files, Missing> {
        let Object { kind, name, optional } = object;
        let place = (self.facts.namespace(), name);
        let optional = optional == Some(true);
        let data = self.sources.object(kind, place, optional)?.unwrap_or_default();
        let Some(items) = items else { return Ok(whole(data, mode)) };
        let mut files = Files::new();
        for item in items {
            if let Some(bytes) = self.sources.key(kind, place, (&item.key, optional))? {
                let mode = item.mode.map_or(mode, permissions);
                files.insert(item.path.clone(), File { bytes, mode });
            }
        }
        Ok(files)
    }

    fn downward(&self, items: &[DownwardAPIVolumeFile], mode: u32) -> Result<Files, Missing> {
        let mut files = Files::new();
        for item in items {
            let text = match (&item.field_ref, &item.resource_field_ref) {
                (Some(field), _) => self.facts.field(field)?,
                (None, Some(resource)) => {
                    let named = resource.container_name.as_deref().unwrap_or_default();
                    let container = self.container(named).ok_or_else(|| Missing::Field { path: named.to_owned() })?;
                    self.facts.resource(resource, container)?
                }
                (None, None) => continue,
            };
            let mode = item.mode.map_or(mode, permissions);
            files.insert(item.path.clone(), File { bytes: text.into_bytes(), mode });
        }
        Ok(files)
    }

    fn projection(&self, source: &VolumeProjection, mode: u32) -> Result<Files, Missing> {
        let mut files = Files::new();
        if let Some(map) = &source.config_map {
            let object = Object { kind: Kind::ConfigMap, name: &map.name, optional: map.optional };
            files.extend(self.object(object, map.items.as_deref(), mode)?);
        }
        if let Some(secret) = &source.secret {
            let object = Object { kind: Kind::Secret, name: &secret.name, optional: secret.optional };
            files.extend(self.object(object, secret.items.as_deref(), mode)?);
        }
        if let Some(downward) = &source.downward_api {
            files.extend(self.downward(downward.items.as_deref().unwrap_or_default(), mode)?);
        }
        if let Some(token) = &source.service_account_token {
            let bytes = self.tokens.find(&Claim::from(token)).ok_or_else(|| Missing::Token {
                account: self.facts.service_account().to_owned(),
                cause: "not requested yet".to_owned(),
            })?;
            files.insert(token.path.clone(), File { bytes: bytes.as_bytes().to_vec(), mode });
        }
        Ok(files)
    }

    fn container(&self, name: &str) -> Option<&Container> {
        self.facts.spec()?.containers.iter().find(|container| container.name == name)
    }
}

fn whole(data: Data, mode: u32) -> Files {
    data.into_iter().map(|(key, bytes)| (key, File { bytes, mode })).collect()
}

/// 0644 where nothing is said, as the API server fills in.
fn mode(given: Option<i32>) -> u32 {
    given.map_or(0o644, permissions)
}

fn permissions(mode: i32) -> u32 {
    u32::try_from(mode).unwrap_or(0o644) & 0o777
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    struct Fixed;

    impl Sources for Fixed {
        fn data(&self, kind: Kind, _: &str, name: &str) -> Option<Data> {
            let keys: &[(&str, &str)] = match (kind, name) {
                (Kind::ConfigMap, "map") => &[("a", "1"), ("b", "2")],
                (Kind::Secret, "tls") => &[("tls.crt", "crt"), ("tls.key", "key")],
                _ => return None,
            };
            Some(keys.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect())
        }
    }

    fn made(volume: Value) -> Result<Content, Missing> {
        let pod = json!({"metadata": {"name": "p", "namespace": "ns"}, "spec": {"containers": []}});
        let pod = Arc::new(serde_json::from_value(pod).unwrap());
        let facts = Facts { pod, address: Ipv4Addr::new(10, 244, 1, 7), node: "sim-0".to_owned() };
        let mut tokens = Tokens::default();
        tokens.insert(Claim { audience: "x".to_owned(), seconds: 600 }, "jwt".to_owned());
        let mut volume = volume;
        volume["name"] = "v".into();
        let volume = serde_json::from_value(volume).unwrap();
        content(&volume, Origin { facts: &facts, sources: &Fixed, tokens: &tokens })
    }

    #[track_caller]
    fn check(volume: Value, expected: &[(&str, &str, u32)]) {
        let files = expected.iter().map(|(path, text, mode)| {
            let file = File { bytes: text.as_bytes().to_vec(), mode: *mode };
            ((*path).to_owned(), file)
        });
        assert_eq!(made(volume), Ok(Content::Files(files.collect())));
    }

    #[test]
    fn objects_whole_and_by_item() {
        check(json!({"configMap": {"name": "map"}}), &[("a", "1", 0o644), ("b", "2", 0o644)]);
        check(
            json!({"secret": {"secretName": "tls", "defaultMode": 256, "items": [
                {"key": "tls.key", "path": "sub/key"}, {"key": "tls.crt", "path": "crt", "mode": 292}]}}),
            &[("crt", "crt", 0o444), ("sub/key", "key", 0o400)],
        );
        check(json!({"configMap": {"name": "none", "optional": true}}), &[]);
    }

    #[test]
    fn projections_stand_side_by_side() {
        check(
            json!({"projected": {"sources": [
                {"serviceAccountToken": {"audience": "x", "expirationSeconds": 600, "path": "token"}},
                {"configMap": {"name": "map", "items": [{"key": "a", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}}]}}),
            &[("ca.crt", "1", 0o644), ("namespace", "ns", 0o644), ("token", "jwt", 0o644)],
        );
    }

    #[test]
    fn absent_things_are_named() {
        let cause = |volume| made(volume).unwrap_err().to_string();
        assert_eq!(cause(json!({"secret": {"secretName": "none"}})), "secret \"ns/none\" not found");
        let item = json!({"configMap": {"name": "map", "items": [{"key": "z", "path": "z"}]}});
        assert_eq!(cause(item), "couldn't find key z in configmap ns/map");
        let token = json!({"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}});
        assert_eq!(cause(token), "no token of ServiceAccount \"default\": not requested yet");
        assert!(cause(json!({"nfs": {"server": "s", "path": "/"}})).contains("volume \"v\""));
    }

    #[test]
    fn a_file_does_not_print_what_is_in_it() {
        let file = File { bytes: b"secret".to_vec(), mode: 0o600 };
        assert_eq!(format!("{file:?}"), "6 bytes, mode 600");
    }
}
