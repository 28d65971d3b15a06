//! Which version of a kind the API server serves.

use std::sync::Arc;

use kube::api::ApiResource;
use kube::{Client, Error};

use crate::objects::Kind;

/// The version that we prefer of those that are served and that we read; none if the kind is not installed.
///
/// # Errors
/// The API server cannot be asked; that says nothing of the kind.
pub(super) async fn find(client: &Client, kind: Kind) -> Result<Option<Arc<ApiResource>>, Error> {
    for version in kind.versions() {
        if let Some(resource) = in_version(client, kind, version).await? {
            return Ok(Some(Arc::new(resource)));
        }
    }
    Ok(None)
}

async fn in_version(client: &Client, kind: Kind, version: &str) -> Result<Option<ApiResource>, Error> {
    let list = match kind.group() {
        "" => client.list_core_api_resources(version).await,
        group => client.list_api_group_resources(&format!("{group}/{version}")).await,
    };
    let list = match list {
        Err(error) if is_not_found(&error) => return Ok(None),
        list => list?,
    };
    let ours = |r: &&_| is_ours(kind, r);
    Ok(list.resources.iter().find(ours).map(|resource| {
        let group_version = list.group_version.clone();
        ApiResource {
            group: kind.group().to_owned(),
            version: version.to_owned(),
            api_version: group_version,
            kind: kind.name().to_owned(),
            plural: resource.name.clone(),
        }
    }))
}

fn is_ours(kind: Kind, resource: &k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResource) -> bool {
    let is_subresource = resource.name.contains('/');
    resource.kind == kind.name() && !is_subresource && resource.verbs.iter().any(|verb| verb == "watch")
}

/// Whether the API server has answered that there is no such thing.
pub(super) fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.code == 404)
}
