//! The API server, without a process for each call.

use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::objects::GATEWAY;

const GATEWAY_API: &str = "gateway.networking.k8s.io";

/// Calls that run at once.
pub(crate) const AT_ONCE: usize = 16;

/// One namespace, as the administrator has it.
#[derive(Clone)]
pub(crate) struct Cluster {
    client: Client,
    namespace: String,
}

impl Cluster {
    pub(crate) async fn of(namespace: &str) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        Self { client: Client::try_default().await.unwrap(), namespace: namespace.to_owned() }
    }

    /// Creates an object.
    pub(crate) async fn create(&self, object: Value) {
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let types = object.types.clone().unwrap();
        let (group, version) = types.api_version.split_once('/').unwrap_or(("", &types.api_version));
        let api = self.api(group, version, &types.kind);
        let name = object.metadata.name.clone();
        api.create(&PostParams::default(), &object).await.unwrap_or_else(|error| panic!("{name:?}: {error}"));
    }

    /// Creates many.
    pub(crate) async fn create_all(&self, objects: impl Iterator<Item = Value>) {
        let mut running = JoinSet::new();
        for object in objects {
            if running.len() >= AT_ONCE {
                running.join_next().await.unwrap().unwrap();
            }
            let this = self.clone();
            running.spawn(async move { this.create(object).await });
        }
        running.join_all().await;
    }

    /// Changes what a route says; returns it as it is then.
    pub(crate) async fn change_route(&self, name: &str, spec: Value) -> Value {
        let patch = Patch::Merge(serde_json::json!({ "spec": spec }));
        let routes = self.api(GATEWAY_API, "v1", "HTTPRoute");
        let changed = routes.patch(name, &PatchParams::default(), &patch).await.unwrap();
        serde_json::to_value(changed).unwrap()
    }

    /// Changes the number of pods of the Gateway.
    pub(crate) async fn change_replicas(&self, replicas: usize) {
        let deployment = serde_json::json!({ "envoyDeployment": { "replicas": replicas } });
        let patch = Patch::Merge(serde_json::json!({ "spec": { "provider": { "kubernetes": deployment } } }));
        let proxies = self.api("gateway.envoyproxy.io", "v1alpha1", "EnvoyProxy");
        proxies.patch(GATEWAY, &PatchParams::default(), &patch).await.unwrap();
    }

    /// The version of routes that the API server's own cache has come to, which is what it tells watches from.
    pub(crate) async fn cached_version(&self) -> u64 {
        let routes = self.api(GATEWAY_API, "v1", "HTTPRoute");
        let of_one = ListParams::default().fields("metadata.name=route-0").match_any();
        routes.list(&of_one).await.unwrap().metadata.resource_version.unwrap().parse().unwrap()
    }

    /// Deletes a route.
    pub(crate) async fn delete_route(&self, name: &str) {
        let routes = self.api(GATEWAY_API, "v1", "HTTPRoute");
        routes.delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Deletes all routes by one call.
    pub(crate) async fn delete_all_routes(&self) {
        let routes = self.api(GATEWAY_API, "v1", "HTTPRoute");
        routes.delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
    }

    /// An object of Gateway API.
    pub(crate) async fn object(&self, kind: &str, name: &str) -> Value {
        serde_json::to_value(self.api(GATEWAY_API, "v1", kind).get(name).await.unwrap()).unwrap()
    }

    /// All objects of a kind that have a label.
    pub(crate) async fn list(&self, (group, kind): (&str, &str), label: &str) -> Vec<Value> {
        let found = self.api(group, "v1", kind).list(&ListParams::default().labels(label)).await.unwrap();
        found.items.into_iter().map(|object| serde_json::to_value(object).unwrap()).collect()
    }

    fn api(&self, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        match kind {
            "GatewayClass" => Api::all_with(self.client.clone(), &resource),
            _ => Api::namespaced_with(self.client.clone(), &self.namespace, &resource),
        }
    }
}
