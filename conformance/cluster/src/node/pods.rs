//! All pods of the cluster: each is bound to the node and has a task of its own there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Binding, ObjectReference, Pod};
use kube::api::PostParams;
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_stream::StreamExt;

use crate::node::context::{Context, NAME};
use crate::node::pod::{self, News};

/// Runs the pods until `stop` says so, then ends them all.
pub(crate) async fn run(context: Context, mut stop: watch::Receiver<bool>) {
    let api = Api::<Pod>::all(context.client.clone());
    let mut events = std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff());
    let mut pods = Pods { context, running: BTreeMap::new(), listed: BTreeSet::new(), tasks: JoinSet::new() };
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Ok(event)) => pods.event(event),
                Some(Err(error)) => tracing::debug!(%error, "watch of pods"),
                None => break,
            },
            Some(_) = pods.tasks.join_next() => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    pods.running.values().for_each(end);
    while pods.tasks.join_next().await.is_some() {}
}

type Uid = String;

struct Pods {
    context: Context,
    running: BTreeMap<Uid, watch::Sender<News>>,
    listed: BTreeSet<Uid>,
    tasks: JoinSet<()>,
}

impl Pods {
    fn event(&mut self, event: Event<Pod>) {
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(pod) => {
                self.listed.extend(pod.metadata.uid.clone());
                self.seen(pod);
            }
            Event::InitDone => {
                let Self { running, listed, .. } = self;
                running.iter().filter(|(uid, _)| !listed.contains(*uid)).for_each(|(_, news)| end(news));
                running.retain(|uid, _| listed.contains(uid));
            }
            Event::Apply(pod) => self.seen(pod),
            Event::Delete(pod) => {
                let uid = pod.metadata.uid.as_deref().unwrap_or_default();
                if let Some(news) = self.running.remove(uid) {
                    end(&news);
                }
            }
        }
    }

    fn seen(&mut self, pod: Pod) {
        let Some(uid) = pod.metadata.uid.clone() else { return };
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or_default();
        if node.is_empty() {
            self.bind(&pod);
        } else if let Some(news) = self.running.get(&uid) {
            news.send_modify(|news| news.pod = Arc::new(pod));
        } else if node == NAME && !over(&pod) {
            let (news, told) = watch::channel(News { pod: Arc::new(pod), gone: false });
            self.running.insert(uid, news);
            self.tasks.spawn(pod::run(self.context.clone(), told));
        }
    }

    fn bind(&mut self, pod: &Pod) {
        let gates = pod.spec.as_ref().and_then(|spec| spec.scheduling_gates.as_ref());
        if gates.is_some_and(|gates| !gates.is_empty()) || pod.metadata.deletion_timestamp.is_some() {
            return;
        }
        let name = pod.metadata.name.clone().unwrap_or_default();
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        self.tasks.spawn(bind(self.context.client.clone(), namespace, name));
    }
}

fn end(news: &watch::Sender<News>) {
    news.send_modify(|news| news.gone = true);
}

fn over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// What a scheduler does. A pod that is bound already or gone (409, 404) is left alone; else it is tried again.
async fn bind(client: Client, namespace: String, name: String) {
    let api = Api::<Pod>::namespaced(client, &namespace);
    let binding = Binding {
        metadata: kube::api::ObjectMeta { name: Some(name.clone()), ..kube::api::ObjectMeta::default() },
        target: ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Node".to_owned()),
            name: Some(NAME.to_owned()),
            ..ObjectReference::default()
        },
    };
    let params = PostParams::default();
    loop {
        let bound = api.create_subresource::<_, serde_json::Value>("binding", &name, &params, &binding);
        match bound.await {
            Ok(_) => return,
            Err(kube::Error::Api(status)) if (400..500).contains(&status.code) && status.code != 429 => return,
            Err(error) => tracing::debug!(pod = name, %error, "binding of a pod"),
        }
        sleep(Duration::from_secs(1)).await;
    }
}
