//! Writes one pod's status: the latest wins, equal ones are not written again, and a failed write is tried again.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The status of a pod, on its way to the API. What is not written yet is lost when this is dropped.
#[derive(Debug)]
pub(crate) struct Writer {
    wanted: watch::Sender<Option<PodStatus>>,
    _task: JoinSet<()>,
}

impl Writer {
    /// A writer for `pod`.
    pub(crate) fn start(client: Client, pod: &Pod) -> Self {
        let api = Api::<Pod>::namespaced(client, pod.metadata.namespace.as_deref().unwrap_or_default());
        let name = pod.metadata.name.clone().unwrap_or_default();
        let uid = pod.metadata.uid.clone();
        let (wanted, changes) = watch::channel(None);
        let mut task = JoinSet::new();
        task.spawn(write(api, (name, uid), changes));
        Self { wanted, _task: task }
    }

    /// Writes what `make` makes of the status before.
    pub(crate) fn write(&self, make: impl FnOnce(Option<&PodStatus>) -> PodStatus) {
        self.wanted.send_if_modified(|wanted| {
            let next = Some(make(wanted.as_ref()));
            let differs = next != *wanted;
            *wanted = next;
            differs
        });
    }
}

async fn write(api: Api<Pod>, (name, uid): (String, Option<String>), mut wanted: watch::Receiver<Option<PodStatus>>) {
    while wanted.changed().await.is_ok() {
        loop {
            let status = wanted.borrow_and_update().clone();
            // With the UID, so that it is never written to a namesake that came after.
            let patch = serde_json::json!({"metadata": {"uid": uid}, "status": status});
            match api.patch_status(&name, &PatchParams::default(), &Patch::Merge(&patch)).await {
                Ok(_) => break,
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => return,
                Err(error) => tracing::debug!(pod = name, %error, "status of a pod"),
            }
            sleep(Duration::from_millis(500)).await;
        }
    }
}
