//! What one container finds when it starts, put together from its spec, its image and the pod's volumes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{Container, PodSpec};

use crate::node::address;
use crate::node::env::{self, Env};
use crate::node::facts::Facts;
use crate::node::image::Image;
use crate::node::launch::{Launch, Mount, User};
use crate::node::missing::Missing;
use crate::node::sources::Sources;

/// A volume of the pod on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its folder.
    pub(crate) path: PathBuf,
    /// It is made of objects, so nobody may write to it.
    pub(crate) read_only: bool,
}

/// The pod's volumes by name.
pub(crate) type Places = BTreeMap<String, Place>;

/// The pod's part.
#[derive(Clone, Copy)]
pub(crate) struct Pod<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) sources: &'a dyn Sources,
    pub(crate) places: &'a Places,
}

/// Why a container cannot be started as it is, in the kubelet's words: a reason and a message.
pub(crate) type Refusal = (&'static str, String);

/// The launch of `container` as `image`; `dir` is a folder for what belongs to it alone.
///
/// # Errors
/// Something that it refers to is not there, or it asks not to be root and is.
pub(crate) fn launch(container: &Container, image: &Image, (pod, dir): (Pod<'_>, &Path)) -> Result<Launch, Refusal> {
    let refused = |missing: Missing| ("CreateContainerConfigError", missing.to_string());
    let spec = pod.facts.spec().cloned().unwrap_or_default();
    let user = user(container, &spec, image)?;
    let env = env::resolve(container, pod.facts, pod.sources).map_err(refused)?;
    let mut image = image.clone();
    if image.at.is_none() && user.is_some() && !open_to_all(&image.program) {
        image.at = image.program.file_name().map(|name| Path::new("/usr/local/bin").join(name));
    }
    let mut mounts = volumes(container, &env, pod.places).map_err(refused)?;
    if let Some(at) = &image.at {
        mounts.push(Mount { source: image.program.clone(), target: at.clone(), read_only: true });
    }
    if let Some(trust) = &image.trust {
        mounts.push(trust_store(trust, dir).map_err(|error| ("CreateContainerError", error.to_string()))?);
    }
    mounts.sort_by_key(|mount| mount.target.components().count());
    let words =
        |words: &Option<Vec<String>>| words.iter().flatten().map(|word| env::expand(word, &env)).collect::<Vec<_>>();
    let security = container.security_context.as_ref();
    Ok(Launch {
        scratch: dir.join("root"),
        mounts,
        files: files(pod.facts),
        user,
        read_only_root: security.and_then(|security| security.read_only_root_filesystem) == Some(true),
        working_dir: container.working_dir.as_deref().unwrap_or("/").into(),
        argv: image.argv(&words(&container.command), &words(&container.args)),
        env,
    })
}

fn user(container: &Container, spec: &PodSpec, image: &Image) -> Result<Option<User>, Refusal> {
    let own = container.security_context.clone().unwrap_or_default();
    let pod = spec.security_context.clone().unwrap_or_default();
    let uid = own.run_as_user.or(pod.run_as_user).or(image.user.map(i64::from)).unwrap_or(0);
    let uid = u32::try_from(uid).map_err(|_| ("CreateContainerConfigError", format!("runAsUser {uid} is no user")))?;
    if own.run_as_non_root.or(pod.run_as_non_root) == Some(true) && uid == 0 {
        let message = "container has runAsNonRoot and image will run as root".to_owned();
        return Err(("CreateContainerConfigError", message));
    }
    let group = |id: Option<i64>| id.and_then(|id| u32::try_from(id).ok());
    let groups = pod.supplemental_groups.iter().flatten().map(|id| Some(*id)).chain([pod.fs_group]);
    let gid = group(own.run_as_group.or(pod.run_as_group)).unwrap_or(0);
    let groups = groups.filter_map(group).collect();
    Ok((uid != 0).then_some(User { uid, gid, groups }))
}

/// Whether every user may reach a program: it may lie in somebody's home.
fn open_to_all(program: &Path) -> bool {
    let program = fs::canonicalize(program).unwrap_or_else(|_| program.to_owned());
    program.ancestors().all(|path| fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o001 != 0))
}

fn volumes(container: &Container, env: &Env, places: &Places) -> Result<Vec<Mount>, Missing> {
    let mut mounts = Vec::new();
    for mount in container.volume_mounts.iter().flatten() {
        let place = places.get(&mount.name).ok_or_else(|| Missing::Volume { name: mount.name.clone() })?;
        let expanded = mount.sub_path_expr.as_deref().map(|path| env::expand(path, env));
        let source = match expanded.as_ref().or(mount.sub_path.as_ref()).filter(|path| !path.is_empty()) {
            None => place.path.clone(),
            Some(path) => place.path.join(path.trim_start_matches('/')),
        };
        let read_only = place.read_only || mount.read_only == Some(true);
        mounts.push(Mount { source, target: mount.mount_path.clone().into(), read_only });
    }
    Ok(mounts)
}

/// A folder with the image's bundle alone: programs that read the whole folder must not find this machine's.
fn trust_store(bundle: &Path, dir: &Path) -> std::io::Result<Mount> {
    let source = dir.join("certs");
    fs::create_dir_all(&source)?;
    fs::copy(bundle, source.join("ca-certificates.crt"))?;
    Ok(Mount { source, target: "/etc/ssl/certs".into(), read_only: true })
}

/// The name service as a kubelet sets it up, for names within the cluster first.
fn files(facts: &Facts) -> BTreeMap<PathBuf, Vec<u8>> {
    let resolver = format!(
        "nameserver {}\nsearch {}.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n",
        address::DNS,
        facts.namespace()
    );
    let aliases = facts.spec().and_then(|spec| spec.host_aliases.clone()).unwrap_or_default();
    let mut hosts = format!("127.0.0.1\tlocalhost\n::1\tlocalhost\n{}\t{}\n", facts.address, facts.name());
    for alias in aliases {
        hosts.push_str(&format!("{}\t{}\n", alias.ip, alias.hostnames.unwrap_or_default().join("\t")));
    }
    let files =
        [("/etc/resolv.conf", resolver), ("/etc/hosts", hosts), ("/etc/hostname", format!("{}\n", facts.name()))];
    files.into_iter().map(|(path, text)| (path.into(), text.into_bytes())).collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::node::sources::{Data, Kind};

    struct Nothing;

    impl Sources for Nothing {
        fn data(&self, _: Kind, _: &str, _: &str) -> Option<Data> {
            None
        }
    }

    fn made(spec: &Value, container: &Value, image: &Image) -> Result<Launch, Refusal> {
        let pod = json!({"metadata": {"name": "p", "namespace": "ns"}, "spec": spec});
        let pod = Arc::new(serde_json::from_value(pod).unwrap());
        let facts = Facts { pod, address: Ipv4Addr::new(10, 244, 1, 7), node: "sim-0".to_owned() };
        let places = Places::from([
            ("files".to_owned(), Place { path: "/v/files".into(), read_only: true }),
            ("empty".to_owned(), Place { path: "/v/empty".into(), read_only: false }),
        ]);
        let pod = Pod { facts: &facts, sources: &Nothing, places: &places };
        launch(&serde_json::from_value(container.clone()).unwrap(), image, (pod, Path::new("/d")))
    }

    #[test]
    fn mounts_are_outermost_first_and_objects_are_read_only() {
        let mounts = json!([
            {"name": "files", "mountPath": "/etc/x/deep", "subPath": "key"},
            {"name": "empty", "mountPath": "/etc/x", "subPathExpr": "$(WHO)"},
            {"name": "empty", "mountPath": "/tmp", "readOnly": true}]);
        let container = json!({"name": "c", "volumeMounts": mounts, "env": [{"name": "WHO", "value": "me"}]});
        let launch = made(&json!({"containers": []}), &container, &Image::of("/bin/true")).unwrap();
        let seen = launch
            .mounts
            .iter()
            .map(|mount| (mount.source.to_str().unwrap(), mount.target.to_str().unwrap(), mount.read_only));
        let expected =
            [("/v/empty", "/tmp", true), ("/v/empty/me", "/etc/x", false), ("/v/files/key", "/etc/x/deep", true)];
        assert_eq!(seen.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn arguments_are_expanded() {
        let env = json!([{"name": "WHO", "value": "me"}]);
        let container = json!({"name": "c", "args": ["--name", "$(WHO)", "$(NOBODY)"], "env": env});
        let launch = made(&json!({"containers": []}), &container, &Image::of("/bin/echo")).unwrap();
        assert_eq!(launch.argv, ["/bin/echo", "--name", "me", "$(NOBODY)"]);
    }

    #[test]
    fn users() {
        let user = |pod: Value, own: Value, image: Option<u32>| {
            let spec = json!({"containers": [], "securityContext": pod});
            let image = Image { user: image, ..Image::of("/bin/true") };
            let launch = made(&spec, &json!({"name": "c", "securityContext": own}), &image)?;
            Ok::<_, Refusal>(launch.user.map(|user| (user.uid, user.gid, user.groups)))
        };
        assert_eq!(user(json!({}), json!({}), None).unwrap(), None);
        assert_eq!(user(json!({"runAsUser": 7, "fsGroup": 9}), json!({}), None).unwrap(), Some((7, 0, vec![9])));
        assert_eq!(
            user(json!({"runAsUser": 7}), json!({"runAsUser": 8, "runAsGroup": 1}), None).unwrap(),
            Some((8, 1, vec![]))
        );
        assert_eq!(user(json!({"runAsNonRoot": true}), json!({}), Some(65532)).unwrap(), Some((65532, 0, vec![])));
        let refused = user(json!({}), json!({"runAsNonRoot": true}), None).unwrap_err();
        assert_eq!(refused.0, "CreateContainerConfigError");
    }

    #[test]
    fn what_is_absent_refuses_the_start() {
        let mounts = json!([{"name": "none", "mountPath": "/x"}]);
        let refused = made(&json!({"containers": []}), &json!({"name": "c", "volumeMounts": mounts}), &Image::of("/x"));
        assert!(refused.unwrap_err().1.contains("volume \"none\""));
    }
}
