//! A copy of all objects of one kind, kept up to date by a watch, and a signal when it changes.

use std::sync::Arc;

use k8s_openapi::serde::de::DeserializeOwned;
use kube::api::Api;
use kube::core::NamespaceResourceScope;
use kube::runtime::reflector::{ObjectRef, Store, store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, Resource};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_stream::StreamExt;

/// The objects of kind `K` in all namespaces.
pub(crate) struct Mirror<K: Resource<DynamicType = ()> + 'static> {
    store: Store<K>,
    changes: watch::Receiver<u64>,
}

impl<K> Mirror<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug
        + Send
        + Sync
        + 'static,
{
    /// Starts a watch among `tasks`. The copy is empty until the first list is there: see [`Self::ready`].
    pub(crate) fn start(client: &Client, tasks: &mut JoinSet<()>) -> Self {
        let (store, mut writer) = store::<K>();
        let (signal, changes) = watch::channel(0_u64);
        let events = watcher(Api::<K>::all(client.clone()), watcher::Config::default()).default_backoff();
        tasks.spawn(async move {
            let mut events = std::pin::pin!(events);
            while let Some(event) = events.next().await {
                match event {
                    Ok(event) => {
                        writer.apply_watcher_event(&event);
                        if !matches!(event, watcher::Event::Init | watcher::Event::InitApply(_)) {
                            signal.send_modify(|count| *count += 1);
                        }
                    }
                    Err(error) => tracing::debug!(kind = %K::kind(&()), %error, "watch"),
                }
            }
        });
        Self { store, changes }
    }

    /// Waits for the first list.
    pub(crate) async fn ready(&self) {
        // The writer is dropped with the node's tasks only: then nobody waits here any more.
        let _ = self.store.wait_until_ready().await;
    }

    /// One object.
    pub(crate) fn find(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.store.get(&ObjectRef::new(name).within(namespace))
    }

    /// All objects.
    pub(crate) fn all(&self) -> Vec<Arc<K>> {
        self.store.state()
    }

    /// A signal for each change from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        let mut changes = self.changes.clone();
        changes.mark_unchanged();
        changes
    }
}

impl<K: Resource<DynamicType = ()> + 'static> std::fmt::Debug for Mirror<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mirror").field("kind", &K::kind(&())).finish_non_exhaustive()
    }
}
