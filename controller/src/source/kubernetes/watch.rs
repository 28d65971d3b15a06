//! The watch of one kind: list, follow, and begin anew as often as it takes.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use kube::api::{ApiResource, DynamicObject};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use tokio::time::{Instant, sleep};
use tokio_stream::StreamExt;

use super::confirm::confirm;
use super::definitions::{self, Hashes};
use super::discovery::{self, is_not_found};
use super::inbox::{Change, Inbox};
use super::intake;
use super::known::{Known, Version};
use super::seen::{self, Seen};
use crate::backoff::{Backoff, Spread};
use crate::objects::Kind;
use crate::objects::key::Key;

/// After this time the API server ends a watch, and a new one begins where it ended. A connection that is dead without
/// a sign is noticed 5 s after that; a longer time would only save requests that cost the API server next to nothing.
const WATCH_SECONDS: u32 = 10;

/// Pause before a kind that is not installed is looked for again.
const ABSENT: Duration = Duration::from_secs(3);

/// A kind that was there is gone, and its objects with it, when the API server has said nothing else for this long: one
/// that has just started does not know all kinds yet.
const GONE_AFTER: Duration = Duration::from_secs(30);

/// Follows a kind for ever.
pub(super) async fn follow(
    kind: Kind,
    client: Client,
    inbox: Arc<Inbox>,
    definitions: tokio::sync::watch::Receiver<Hashes>,
) {
    let (known, backoff) = (Known::default(), Backoff::at_api_server());
    let mut watch = Watch { kind, client, inbox, known, backoff, definitions };
    let mut absent_since = None;
    loop {
        match discovery::find(&watch.client, kind).await {
            Ok(Some(resource)) => {
                absent_since = None;
                watch.run(resource).await;
            }
            Ok(None) => {
                let since = *absent_since.get_or_insert_with(Instant::now);
                watch.absent(since.elapsed());
                sleep(Spread::Half.of(ABSENT)).await;
            }
            Err(error) => {
                tracing::warn!(kind = kind.name(), %error, "the API server cannot be asked for a kind");
                watch.backoff.wait().await;
            }
        }
    }
}

/// The watch of one kind, and what it knows.
struct Watch {
    kind: Kind,
    client: Client,
    inbox: Arc<Inbox>,
    known: Known,
    backoff: Backoff,
    definitions: tokio::sync::watch::Receiver<Hashes>,
}

impl Watch {
    /// Follows one version of the kind until it is no longer served, or is defined anew.
    async fn run(&mut self, resource: Arc<ApiResource>) {
        let api = Api::<DynamicObject>::all_with(self.client.clone(), &resource);
        let config = watcher::Config { field_selector: selector(self.kind), ..watcher::Config::default() };
        let config = config.timeout(WATCH_SECONDS);
        let mut events = pin!(watcher(api, config));
        let mut definitions = self.definitions.clone();
        let mut redefined = pin!(definitions::changed(&mut definitions, &resource.api_version));
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                () = &mut redefined => {
                    tracing::info!(kind = self.kind.name(), "the definition has changed: all is listed again");
                    return;
                }
            };
            let Some(event) = event else { return };
            match event {
                Ok(event) => self.take(event, &resource).await,
                Err(error) if is_gone(&error) => return,
                Err(error) => {
                    let kind = self.kind.name();
                    match error {
                        watcher::Error::WatchError(status) if status.code == 410 => {
                            tracing::info!(kind, "the watch is too old: all is listed again");
                        }
                        error => tracing::warn!(kind, %error, "the watch has failed"),
                    }
                    self.backoff.wait().await;
                }
            }
        }
    }

    async fn take(&mut self, event: Event<DynamicObject>, resource: &Arc<ApiResource>) {
        match event {
            Event::Init => self.known.begin_list(),
            Event::InitApply(object) => {
                let (key, version) = identity(&object);
                if self.known.list(&key, version) {
                    self.put(key, object, resource);
                }
            }
            Event::InitDone => {
                self.confirm(resource).await;
                self.backoff.reset();
                self.inbox.complete(self.kind);
            }
            Event::Apply(object) => {
                self.backoff.reset();
                let (key, version) = identity(&object);
                if self.known.apply(&key, version) {
                    self.put(key, object, resource);
                }
            }
            Event::Delete(object) => {
                let (key, version) = identity(&object);
                if self.known.delete(&key, &version) {
                    self.inbox.put(self.kind, key, Change::Gone);
                }
            }
        }
    }

    /// What the list has left in doubt is asked for by name; until the answer is there, it stays as it was.
    async fn confirm(&mut self, resource: &Arc<ApiResource>) {
        let doubts = self.known.end_list();
        if doubts.is_empty() {
            return;
        }
        tracing::warn!(
            kind = self.kind.name(),
            objects = doubts.len(),
            "a list lacks objects, or has old ones: asking"
        );
        let client = self.client.clone();
        let api = |key: &Key| seen::api(&client, resource, &key.namespace);
        confirm(api, doubts, |key, answer| {
            self.known.confirm(&key, answer.as_ref().map(|object| identity(object).1));
            match answer {
                Some(object) => self.put(key, object, resource),
                None => self.inbox.put(self.kind, key, Change::Gone),
            }
        })
        .await;
    }

    fn put(&self, key: Key, object: DynamicObject, resource: &Arc<ApiResource>) {
        let seen = Seen::of(&object, resource);
        let reading = intake::read(self.kind, &key, object, seen);
        self.inbox.put(self.kind, key, Change::Is(Box::new(reading)));
    }

    /// The kind is not served. It counts as read; what was known of it goes when that has lasted.
    fn absent(&mut self, lasted: Duration) {
        self.inbox.complete(self.kind);
        if lasted >= GONE_AFTER {
            for key in self.known.clear() {
                self.inbox.put(self.kind, key, Change::Gone);
            }
        }
    }
}

/// Which objects of a kind are followed; all of them without. Helm keeps whole releases in Secrets, which are never
/// credentials of ours.
fn selector(kind: Kind) -> Option<String> {
    (kind == Kind::Secret).then(|| "type!=helm.sh/release.v1".to_owned())
}

/// Whether the kind is no longer served in this version.
fn is_gone(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => is_not_found(error),
        _ => false,
    }
}

fn identity(object: &DynamicObject) -> (Key, Version) {
    let metadata = &object.metadata;
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let key = Key { namespace: text(&metadata.namespace), name: text(&metadata.name) };
    (key, Version { uid: text(&metadata.uid), resource_version: text(&metadata.resource_version) })
}
