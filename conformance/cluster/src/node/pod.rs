//! One pod from its coming to the node to its end: address, volumes, containers, status.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{DeleteParams, Preconditions};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::node::container::{self, Plan, Restart};
use crate::node::context::{Context, NAME};
use crate::node::facts::Facts;
use crate::node::missing::Missing;
use crate::node::network::Sandbox;
use crate::node::report::{Report, State};
use crate::node::sources::Changes;
use crate::node::status::{self, Known};
use crate::node::volumes::Volumes;
use crate::node::writer::Writer;

/// What the API says of a pod.
#[derive(Debug, Clone)]
pub(crate) struct News {
    /// The pod.
    pub(crate) pod: Arc<Pod>,
    /// It is not there any more, or the node ends.
    pub(crate) gone: bool,
}

/// Runs a pod until it is gone.
pub(crate) async fn run(context: Context, mut news: watch::Receiver<News>) {
    let pod = Arc::clone(&news.borrow().pod);
    let mut worker = Worker::new(context, pod);
    let deadline = tokio::select! {
        never = worker.live() => match never {},
        deadline = end(&mut news) => deadline,
    };
    worker.stop(deadline, &mut news).await;
    let gone = news.borrow().gone;
    worker.remove(gone).await;
}

/// Which container a report is of: an init container or not, and its place in the spec.
#[derive(Debug, Clone, Copy)]
enum Slot {
    Init(usize),
    Main(usize),
}

struct Worker {
    context: Context,
    pod: Arc<Pod>,
    dir: PathBuf,
    known: Known,
    sandbox: Option<Sandbox>,
    volumes: Volumes,
    containers: JoinSet<()>,
    deadline: watch::Sender<Option<Instant>>,
    reports: mpsc::UnboundedReceiver<(Slot, Report)>,
    reporter: mpsc::UnboundedSender<(Slot, Report)>,
    writer: Writer,
}

enum Never {}

impl Worker {
    fn new(context: Context, pod: Arc<Pod>) -> Self {
        let (reporter, reports) = mpsc::unbounded_channel();
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        let dir = context.state.join("pods").join(uid);
        let fresh = |containers: Option<&Vec<Container>>| {
            containers.into_iter().flatten().map(|_| Report::new("ContainerCreating")).collect::<Vec<_>>()
        };
        let spec = pod.spec.as_ref();
        let known = Known {
            address: None,
            since: Timestamp::now(),
            init: fresh(spec.and_then(|spec| spec.init_containers.as_ref())),
            main: fresh(spec.map(|spec| &spec.containers)),
            ending: false,
        };
        let writer = Writer::start(context.client.clone(), &pod);
        let volumes = Volumes::new(dir.join("volumes"));
        let (deadline, containers) = (watch::channel(None).0, JoinSet::new());
        Self { context, pod, dir, known, sandbox: None, volumes, containers, deadline, reports, reporter, writer }
    }

    /// Everything but the end. May be dropped while it waits.
    async fn live(&mut self) -> Never {
        let mut changes = self.context.sources.changes();
        let facts = self.attach().await;
        self.publish();
        self.fill_volumes(&facts, &mut changes).await;
        let spec = self.pod.spec.clone().unwrap_or_default();
        for (index, container) in spec.init_containers.iter().flatten().enumerate() {
            self.begin(Slot::Init(index), container, &facts);
            while !self.known.init.get(index).is_some_and(Report::succeeded) {
                self.step(&facts, &mut changes).await;
            }
        }
        for (index, container) in spec.containers.iter().enumerate() {
            self.begin(Slot::Main(index), container, &facts);
        }
        loop {
            self.step(&facts, &mut changes).await;
        }
    }

    async fn attach(&mut self) -> Facts {
        let name = self.pod.metadata.name.clone().unwrap_or_default();
        let address = loop {
            match self.context.network.attach(&name).await {
                Ok(sandbox) => break self.sandbox.insert(sandbox).address(),
                Err(error) => {
                    tracing::warn!(pod = name, %error, "no network for a pod");
                    self.waiting(&error.to_string());
                    sleep(Duration::from_secs(1)).await;
                }
            }
        };
        self.known.address = Some(address);
        Facts { pod: Arc::clone(&self.pod), address, node: NAME.to_owned() }
    }

    async fn fill_volumes(&mut self, facts: &Facts, changes: &mut Changes) {
        loop {
            let filled = self.volumes.fill(facts, &self.context).await;
            let Err(missing) = filled else { return };
            self.waiting(&missing.to_string());
            // A token is asked for again, all else comes with a change.
            let pause = if matches!(missing, Missing::Token { .. }) { 1 } else { 3600 };
            tokio::select! {
                () = changes.next() => {}
                () = sleep(Duration::from_secs(pause)) => {}
            }
        }
    }

    /// Waits for the next thing to happen, and lets it happen.
    async fn step(&mut self, facts: &Facts, changes: &mut Changes) {
        tokio::select! {
            report = self.reports.recv() => {
                self.note(report);
                self.publish();
            }
            () = changes.next() => self.volumes.follow(facts, &self.context),
            () = sleep_until(self.volumes.due()) => self.volumes.renew(facts, &self.context).await,
        }
    }

    fn begin(&mut self, slot: Slot, container: &Container, facts: &Facts) {
        let Some(sandbox) = &self.sandbox else { return };
        let policy = facts.spec().and_then(|spec| spec.restart_policy.as_deref()).unwrap_or("Always");
        let restart = match (slot, policy) {
            (_, "Never") => Restart::Never,
            (Slot::Main(_), "Always") => Restart::Always,
            _ => Restart::OnFailure,
        };
        let plan = Plan {
            context: self.context.clone(),
            facts: facts.clone(),
            container: container.clone(),
            enter: sandbox.enter(),
            places: self.volumes.places(),
            restart,
            dir: self.dir.join("containers").join(&container.name),
        };
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let reporter = self.reporter.clone();
        self.containers.spawn(container::run(plan, self.deadline.subscribe(), sender));
        self.containers.spawn(async move {
            while let Some(report) = receiver.recv().await {
                // The worker has the receiver: it outlives this.
                let _ = reporter.send((slot, report));
            }
        });
    }

    fn note(&mut self, report: Option<(Slot, Report)>) {
        let mut next = report;
        while let Some((slot, report)) = next {
            let known = match slot {
                Slot::Init(index) => self.known.init.get_mut(index),
                Slot::Main(index) => self.known.main.get_mut(index),
            };
            if let Some(known) = known {
                *known = report;
            }
            next = self.reports.try_recv().ok();
        }
    }

    fn waiting(&mut self, message: &str) {
        for report in self.known.init.iter_mut().chain(&mut self.known.main) {
            report.state = State::Waiting { reason: "ContainerCreating", message: message.to_owned() };
        }
        self.publish();
    }

    fn publish(&self) {
        self.writer.write(|before| status::status(&self.pod, &self.known, before));
    }

    /// Stops all containers. The deadline may still be moved.
    async fn stop(&mut self, deadline: Instant, news: &mut watch::Receiver<News>) {
        self.known.ending = true;
        self.publish();
        self.deadline.send_replace(Some(deadline));
        loop {
            tokio::select! {
                ended = self.containers.join_next() => if ended.is_none() { break },
                deadline = sooner(news) => {
                    self.deadline.send_replace(Some(deadline));
                }
            }
        }
    }

    async fn remove(self, gone: bool) {
        let Self { context, pod, dir, sandbox, writer, .. } = self;
        drop(writer);
        if let Some(sandbox) = sandbox {
            sandbox.remove().await;
        }
        // The folder is the bed's and goes with it, should this fail.
        let _ = std::fs::remove_dir_all(dir);
        let (namespace, name) =
            (pod.metadata.namespace.clone().unwrap_or_default(), pod.metadata.name.clone().unwrap_or_default());
        context.logs.forget(&namespace, &name);
        if gone {
            return;
        }
        let preconditions = Some(Preconditions { uid: pod.metadata.uid.clone(), resource_version: None });
        let params = DeleteParams { grace_period_seconds: Some(0), preconditions, ..DeleteParams::default() };
        let api = Api::<Pod>::namespaced(context.client, &namespace);
        while let Err(error) = api.delete(&name, &params).await {
            if matches!(&error, kube::Error::Api(status) if matches!(status.code, 404 | 409)) {
                return;
            }
            tracing::debug!(pod = name, %error, "deletion of a pod");
            sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Waits for the pod's end; when it has to be over.
async fn end(news: &mut watch::Receiver<News>) -> Instant {
    loop {
        if let Some(deadline) = deadline(&news.borrow_and_update()) {
            return deadline;
        }
        if news.changed().await.is_err() {
            return Instant::now();
        }
    }
}

/// Waits for a new deadline while the pod ends.
async fn sooner(news: &mut watch::Receiver<News>) -> Instant {
    if news.changed().await.is_err() {
        // Nobody will move it again.
        return std::future::pending().await;
    }
    end(news).await
}

fn deadline(news: &News) -> Option<Instant> {
    if news.gone {
        return Some(Instant::now());
    }
    let metadata = &news.pod.metadata;
    // The time of deletion that the API has is the time of the request plus the grace period.
    let at = metadata.deletion_timestamp.as_ref()?.0;
    let left = at.duration_since(Timestamp::now());
    let grace = metadata.deletion_grace_period_seconds.unwrap_or(30).unsigned_abs();
    let left = Duration::try_from(left).unwrap_or_default().min(Duration::from_secs(grace));
    Some(Instant::now() + left)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn news(metadata: &serde_json::Value, gone: bool) -> News {
        let pod = serde_json::from_value(json!({"metadata": metadata})).unwrap();
        News { pod: Arc::new(pod), gone }
    }

    #[test]
    fn deadlines() {
        assert_eq!(deadline(&news(&json!({}), false)), None);
        let left = |news: &News| deadline(news).unwrap().duration_since(Instant::now());
        assert!(left(&news(&json!({}), true)).is_zero());
        let far = Timestamp::now() + Duration::from_secs(300);
        let deleted = json!({"deletionTimestamp": far, "deletionGracePeriodSeconds": 20});
        let left = left(&news(&deleted, false));
        assert!(left <= Duration::from_secs(20) && left > Duration::from_secs(10), "{left:?}");
    }
}
