//! The container that runs `sluice proxy`.

use k8s_openapi::api::core::v1::{EnvVar, ResourceRequirements, SecurityContext, VolumeMount};
use serde_json::{Value, json};

use super::arguments::{self, CA_FOLDER, TOKEN_FOLDER};
use crate::api::{ContainerSettings, MergeType};
use crate::infra::defaults;
use crate::infra::patch::{self, MergeKeys};
use crate::infra::plan::{ADMIN_PORT, Plan};
use crate::infra::problem::Problem;
use crate::infra::settings::Settings;
use crate::infra::shape;

/// Envoy Gateway's name for it, which patches that were written for Envoy Gateway use.
const NAME: &str = "envoy";

pub(super) const CA_VOLUME: &str = "sluice-ca";
pub(super) const TOKEN_VOLUME: &str = "sluice-token";

/// The field of a problem is one of `container`'s, such as `resources.limits`.
pub(super) fn render(plan: &Plan, settings: &Settings, given: &ContainerSettings) -> Result<Value, Problem> {
    let ContainerSettings { env, resources, security_context, image, image_repository, volume_mounts } = given;
    let mut container = json!({
        "name": NAME,
        "image": image_of(settings, image.as_ref(), image_repository.as_ref())?,
        "args": arguments::all(plan, settings),
        // Listeners come and go; ports are for people to read, and this one is always there.
        "ports": [{ "name": "metrics", "containerPort": ADMIN_PORT, "protocol": "TCP" }],
        "livenessProbe": probe("/livez", 10),
        "readinessProbe": probe("/ready", 5),
        "securityContext": security(security_context.as_ref()).map_err(|p| p.within("securityContext"))?,
        "resources": defaults::resources(),
        "volumeMounts": mounts(volume_mounts.as_ref()).map_err(|p| p.within("volumeMounts"))?,
        "terminationMessagePolicy": "FallbackToLogsOnError",
    });
    if let Some(resources) = resources {
        let given = shape::part::<ResourceRequirements>(resources);
        container["resources"] = given.map_err(|problem| problem.within("resources"))?;
    }
    if let Some(env) = env {
        container["env"] = shape::part::<Vec<EnvVar>>(env).map_err(|problem| problem.within("env"))?;
    }
    let is_usual = image.is_none() && image_repository.is_none();
    if let Some(policy) = settings.image_pull_policy.as_ref().filter(|_| is_usual) {
        container["imagePullPolicy"] = json!(policy);
    }
    Ok(container)
}

/// The image that is named, or the usual tag in the repository that is named, or the usual image.
fn image_of(settings: &Settings, image: Option<&String>, repository: Option<&String>) -> Result<String, Problem> {
    match (image, repository) {
        (Some(_), Some(_)) => Err(Problem::new("imageRepository", "stands beside image", "keep one of the two")),
        (Some(image), None) => Ok(image.clone()),
        (None, None) => Ok(settings.image.clone()),
        (None, Some(repository)) => {
            let file = settings.image.rsplit('/').next().unwrap_or_default();
            let version = file.find([':', '@']).map(|at| &file[at..]).unwrap_or_default();
            Ok(format!("{repository}{version}"))
        }
    }
}

/// A replica that ends is out of the Service by its deletion, not by a failed probe: there is time for a busy one.
fn probe(path: &str, period: u32) -> Value {
    json!({
        "httpGet": { "path": path, "port": ADMIN_PORT, "scheme": "HTTP" },
        "periodSeconds": period,
        "timeoutSeconds": 2,
        "failureThreshold": 3,
    })
}

/// What is given is laid over what is safe.
fn security(given: Option<&Value>) -> Result<Value, Problem> {
    let mut context = defaults::container_security();
    if let Some(given) = given {
        let given = shape::part::<SecurityContext>(given)?;
        patch::merge(&mut context, &given, MergeType::JSONMerge, MergeKeys::Metadata)?;
    }
    Ok(context)
}

fn mounts(given: Option<&Value>) -> Result<Value, Problem> {
    let ours = [(CA_VOLUME, CA_FOLDER), (TOKEN_VOLUME, TOKEN_FOLDER)];
    let ours = ours.map(|(name, path)| json!({ "name": name, "mountPath": path, "readOnly": true }));
    let given = given.map(shape::part::<Vec<VolumeMount>>).transpose()?;
    Ok(amended(ours.to_vec(), given, "mountPath"))
}

/// A list with other entries beside its own; those with the same key replace them.
pub(super) fn amended(mut list: Vec<Value>, others: Option<Value>, key: &str) -> Value {
    let others = match others {
        Some(Value::Array(others)) => others,
        _ => Vec::new(),
    };
    for other in others {
        match list.iter_mut().find(|entry| entry[key] == other[key]) {
            Some(entry) => *entry = other,
            None => list.push(other),
        }
    }
    Value::Array(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_takes_the_usual_version() {
        let image = |usual: &str, repository: Option<&str>| {
            let settings = Settings { image: usual.to_owned(), ..Settings::rehearsal() };
            image_of(&settings, None, repository.map(str::to_owned).as_ref()).unwrap()
        };
        assert_eq!(image("r.example:5000/sluice:1.2", None), "r.example:5000/sluice:1.2");
        assert_eq!(image("r.example:5000/sluice:1.2", Some("mine/sluice")), "mine/sluice:1.2");
        assert_eq!(image("sluice@sha256:0", Some("mine/sluice")), "mine/sluice@sha256:0");
        assert_eq!(image("r.example:5000/sluice", Some("mine/sluice")), "mine/sluice");
    }
}
