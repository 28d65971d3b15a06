//! The watch of one kind of generated objects: only those that we made.

use std::pin::pin;
use std::sync::Arc;

use kube::api::{ApiResource, DynamicObject};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use tokio_stream::StreamExt;

use super::found::{Found, Id};
use super::manifest::ManifestKind;
use super::naming;
use super::shared::Shared;
use crate::backoff::Backoff;
use crate::objects::key::Key;

/// After this time the API server ends a watch, and a new one begins where it ended: see the watches of the source.
const WATCH_SECONDS: u32 = 10;

/// Follows a kind for ever.
pub(super) async fn follow(kind: ManifestKind, client: Client, shared: Arc<Shared>) {
    let api = Api::<DynamicObject>::all_with(client, &resource(kind));
    let (label, value) = naming::MANAGED_BY;
    let config = watcher::Config::default().labels(&format!("{label}={value}")).timeout(WATCH_SECONDS);
    let mut events = pin!(watcher(api, config));
    let mut backoff = Backoff::at_api_server();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                // A list that begins has not worked yet.
                if !matches!(event, Event::Init) {
                    backoff.reset();
                }
                take(kind, event, &shared);
            }
            Err(error) => {
                tracing::warn!(kind = kind.name(), %error, "the watch of generated objects has failed");
                backoff.wait().await;
            }
        }
    }
}

fn take(kind: ManifestKind, event: Event<DynamicObject>, shared: &Shared) {
    let mut board = shared.board();
    match event {
        Event::Init => board.stock.begin_list(kind),
        Event::InitApply(object) | Event::Apply(object) => {
            if let Some(found) = found(&object) {
                board.stock.see(id(kind, &object), found);
            }
        }
        Event::InitDone => board.stock.end_list(kind),
        Event::Delete(object) => board.stock.gone(&id(kind, &object)),
    }
    drop(board);
    shared.news();
}

/// An object as it was read.
pub(super) fn found(object: &DynamicObject) -> Option<Found> {
    serde_json::to_value(object).ok().map(Found::new)
}

/// How a kind is addressed.
pub(super) fn resource(kind: ManifestKind) -> ApiResource {
    ApiResource {
        group: kind.group().to_owned(),
        version: kind.version().to_owned(),
        api_version: kind.api_version(),
        kind: kind.name().to_owned(),
        plural: kind.plural().to_owned(),
    }
}

fn id(kind: ManifestKind, object: &DynamicObject) -> Id {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    Id { kind, key: Key { namespace: text(&object.metadata.namespace), name: text(&object.metadata.name) } }
}
