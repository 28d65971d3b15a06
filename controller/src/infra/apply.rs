//! Makes the infrastructure on the API server what is wanted: applies what differs, deletes what was made and is no
//! longer wanted, and watches what becomes of it. Only the holder of the lease writes.
//!
//! With a Gateway its objects go by Kubernetes' garbage collector, which the ownerReferences tell. What another made
//! under a name of ours is left alone.
//!
//! The calls, all of them, by which roles are written:
//!
//! | resource | verbs |
//! |---|---|
//! | core `serviceaccounts`, `configmaps`, `services` | `list`, `watch` (label `app.kubernetes.io/managed-by=sluice`), `get`, `patch`, `create`, `delete` |
//! | apps `deployments`, `daemonsets` | the same |
//! | autoscaling `horizontalpodautoscalers` | the same |
//! | policy `poddisruptionbudgets` | the same |
//! | core `nodes` | `list`, only while a Service is of type NodePort; without the right its Gateway has no address |
//!
//! `create` is no call of its own: the API server demands it of a `patch` (server-side apply) that makes an object.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, Preconditions};
use kube::{Client, Error};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::board::{Action, Next, Outcome};
use super::found::Id;
use super::manifest::{Desired, Manifest, ManifestKind};
use super::observed::{Observed, of_nodes};
use super::shared::Shared;
use super::watch::{follow, found, resource};
use crate::lease::Leadership;
use crate::objects::key::Key;

/// Who has set the fields of our objects.
const FIELD_MANAGER: &str = "sluice";

/// Who keeps the number of replicas while an autoscaler takes over.
const SCALE_MANAGER: &str = "sluice-scale";

/// Calls on the way at once.
const AT_ONCE: usize = 8;

/// How long one action may take.
const LIMIT: Duration = Duration::from_secs(10);

/// The longest message of the API server's that is told.
const LONGEST_MESSAGE: usize = 1000;

/// Applies and observes infrastructure until it is dropped.
pub struct Infrastructure {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl Infrastructure {
    /// Starts the watches; nothing is applied before the first [`Infrastructure::want`].
    pub fn start(client: &Client, leadership: watch::Receiver<Leadership>) -> Self {
        let shared = Arc::new(Shared::new());
        let mut tasks = JoinSet::new();
        for kind in ManifestKind::ALL {
            tasks.spawn(follow(*kind, client.clone(), Arc::clone(&shared)));
        }
        tasks.spawn(apply_for_ever(Arc::clone(&shared), client.clone(), leadership));
        Self { shared, _tasks: tasks }
    }

    /// What is to be there from now on, by Gateway, and which classes are ours. A Gateway that is missing is left alone.
    pub fn want(&self, wanted: BTreeMap<Key, Desired>, classes: &BTreeSet<String>) {
        self.shared.board().want(wanted, classes);
        self.shared.news();
    }

    /// What is known of all Gateways' infrastructure.
    pub fn observed(&self) -> watch::Receiver<Observed> {
        self.shared.observed()
    }
}

async fn apply_for_ever(shared: Arc<Shared>, client: Client, mut leadership: watch::Receiver<Leadership>) {
    let mut calls = JoinSet::new();
    loop {
        let until = leadership.borrow_and_update().until.filter(|until| Instant::now() < *until);
        let is_free = until.is_some() && calls.len() < AT_ONCE;
        let next = if is_free { shared.board().next(std::time::Instant::now()) } else { Next::Never };
        let wake = match (next, until) {
            (Next::Now(action), Some(until)) => {
                calls.spawn(carry_out(Arc::clone(&shared), client.clone(), action, until));
                continue;
            }
            (Next::At(at), _) => Some(Instant::from_std(at)),
            _ => None,
        };
        tokio::select! {
            () = shared.work.notified() => {}
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            Some(_) = calls.join_next(), if !calls.is_empty() => {}
            changed = leadership.changed() => if changed.is_err() { return },
        }
    }
}

async fn carry_out(shared: Arc<Shared>, client: Client, action: Box<Action>, until: Instant) {
    let limit = until.min(Instant::now() + LIMIT);
    let outcome = match timeout_at(limit, call(&client, &action)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => Outcome::Failed(told(&error)),
        Err(_) => Outcome::Failed("the API server does not answer".to_owned()),
    };
    if let Outcome::Failed(error) = &outcome {
        tracing::warn!(?error, "infrastructure could not be applied: it is tried again");
    }
    shared.board().done(&action, outcome, std::time::Instant::now());
    shared.news();
}

async fn call(client: &Client, action: &Action) -> Result<Outcome, Error> {
    match action {
        Action::Apply { gateway, manifest, known } => apply(client, gateway, (manifest, *known)).await,
        Action::Delete { id, uid } => delete(client, id, uid).await,
        Action::Ask { id } => Ok(match objects(client, id.kind, &id.key).get_opt(&id.key.name).await? {
            Some(object) => is(&object),
            None => Outcome::Gone,
        }),
        Action::Nodes => {
            let nodes = Api::<DynamicObject>::all_with(client.clone(), &node()).list(&ListParams::default()).await?;
            Ok(Outcome::Nodes(of_nodes(nodes.items.iter().map(|node| &node.data))))
        }
    }
}

/// Server-side apply. An object that is not known is looked at first, since applying would take it over.
async fn apply(client: &Client, gateway: &Key, (manifest, known): (&Manifest, bool)) -> Result<Outcome, Error> {
    let api = objects(client, manifest.kind, &manifest.key);
    let name = manifest.key.name.as_str();
    let leaves_replicas =
        manifest.kind == ManifestKind::Deployment && manifest.body.pointer("/spec/replicas").is_none();
    let there = if known && !leaves_replicas { None } else { api.get_opt(name).await? };
    if let Some(object) = &there {
        if !found(object).is_some_and(|found| found.is_of(gateway)) {
            return Ok(Outcome::Foreign);
        }
        if leaves_replicas {
            hand_over_replicas(&api, object, manifest).await?;
        }
    }
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let applied = api.patch(name, &params, &Patch::Apply(&manifest.body)).await?;
    tracing::info!(object = %manifest, "applied");
    Ok(is(&applied))
}

/// A field that its only manager leaves out is removed, and replicas would fall to one before an autoscaler has said how
/// many there are to be: another manager keeps the number meanwhile.
async fn hand_over_replicas(
    api: &Api<DynamicObject>,
    object: &DynamicObject,
    manifest: &Manifest,
) -> Result<(), Error> {
    let Some(replicas) = object.data.pointer("/spec/replicas").filter(|_| owns_replicas(object)) else { return Ok(()) };
    let body = json!({
        "apiVersion": manifest.kind.api_version(),
        "kind": manifest.kind.name(),
        "metadata": { "name": manifest.key.name, "namespace": manifest.key.namespace },
        "spec": { "replicas": replicas },
    });
    let params = PatchParams::apply(SCALE_MANAGER).force();
    api.patch(&manifest.key.name, &params, &Patch::Apply(body)).await.map(drop)
}

fn owns_replicas(object: &DynamicObject) -> bool {
    object.metadata.managed_fields.iter().flatten().any(|entry| {
        let fields = entry.fields_v1.as_ref().map_or(&Value::Null, |fields| &fields.0);
        entry.manager.as_deref() == Some(FIELD_MANAGER) && fields.pointer("/f:spec/f:replicas").is_some()
    })
}

async fn delete(client: &Client, id: &Id, uid: &str) -> Result<Outcome, Error> {
    let preconditions = Preconditions { uid: Some(uid.to_owned()), resource_version: None };
    let params = DeleteParams::background().preconditions(preconditions);
    match objects(client, id.kind, &id.key).delete(&id.key.name, &params).await {
        Ok(_) => {
            tracing::info!(kind = id.kind.name(), key = %id.key, "deleted");
            Ok(Outcome::Gone)
        }
        Err(Error::Api(status)) if status.code == 404 => Ok(Outcome::Gone),
        Err(error) => Err(error),
    }
}

fn objects(client: &Client, kind: ManifestKind, key: &Key) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), &key.namespace, &resource(kind))
}

fn node() -> ApiResource {
    ApiResource {
        group: String::new(),
        version: "v1".to_owned(),
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        plural: "nodes".to_owned(),
    }
}

fn is(object: &DynamicObject) -> Outcome {
    found(object).map_or_else(|| Outcome::Failed("the object cannot be read".to_owned()), Outcome::Is)
}

fn told(error: &Error) -> String {
    let message = match error {
        Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    };
    message[..message.floor_char_boundary(LONGEST_MESSAGE)].to_owned()
}
