//! One container from its first start to its last end: waits for what it needs, runs, is probed, restarts, stops.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Container;
use k8s_openapi::jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use crate::node::check::{self, Target};
use crate::node::context::Context;
use crate::node::facts::Facts;
use crate::node::furnish::{self, Places, Refusal};
use crate::node::log::Log;
use crate::node::probe::Probes;
use crate::node::process::Process;
use crate::node::report::{Ended, Report, State};

/// When the pod is to be over; none: not yet known.
pub(crate) type Deadline = watch::Receiver<Option<Instant>>;

/// What a container is made from.
pub(crate) struct Plan {
    /// What all pods share.
    pub(crate) context: Context,
    /// The pod.
    pub(crate) facts: Facts,
    /// Its spec.
    pub(crate) container: Container,
    /// The pod's network: arguments for `nsenter`.
    pub(crate) enter: [String; 3],
    /// The pod's volumes.
    pub(crate) places: Places,
    /// Whether it starts again when it has ended.
    pub(crate) restart: Restart,
    /// A folder of its own.
    pub(crate) dir: PathBuf,
}

/// The pod's `restartPolicy` for a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Restart {
    Always,
    OnFailure,
    Never,
}

/// Runs the container until it is over for good. Every change goes to `reports`.
pub(crate) async fn run(plan: Plan, deadline: Deadline, reports: mpsc::UnboundedSender<Report>) {
    let report = Report::new("ContainerCreating");
    let mut runner = Runner { plan, deadline, reports, report, patience: FIRST_PAUSE };
    while let Some(process) = runner.start().await {
        let ended = runner.attend(process).await;
        if !runner.again(ended).await {
            return;
        }
    }
}

/// The pause after the first end that a restart follows. It doubles up to [`LONGEST_PAUSE`]; a kubelet's are 10 s and
/// 5 min, which no test can wait for.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// After a run of this length the pauses begin anew.
const GOOD_RUN: Duration = Duration::from_secs(60);
/// `terminationGracePeriodSeconds` where nothing is said, for a container that its probe kills.
const GRACE: Duration = Duration::from_secs(30);

struct Runner {
    plan: Plan,
    deadline: Deadline,
    reports: mpsc::UnboundedSender<Report>,
    report: Report,
    patience: Duration,
}

impl Runner {
    /// Waits until the container can start, and starts it; none when the pod ends before.
    async fn start(&mut self) -> Option<Process> {
        let mut changes = self.plan.context.sources.changes();
        loop {
            if self.deadline.borrow().is_some() {
                self.over(Ended { code: 137, started: Timestamp::now(), finished: Timestamp::now() });
                return None;
            }
            match self.try_start() {
                Ok(process) => {
                    self.report.state = State::Running { since: Timestamp::now() };
                    return Some(process);
                }
                Err((reason, message)) => self.publish(State::Waiting { reason, message }),
            }
            tokio::select! {
                () = changes.next() => {}
                _ = self.deadline.changed() => {}
            }
        }
    }

    fn try_start(&self) -> Result<Process, Refusal> {
        let Plan { context, facts, container, enter, places, dir, .. } = &self.plan;
        let reference = container.image.as_deref().unwrap_or_default();
        let image = context.images.find(reference);
        let image = image.ok_or_else(|| ("ErrImagePull", format!("no program stands for image \"{reference}\"")))?;
        let pod = furnish::Pod { facts, sources: &*context.sources, places };
        let launch = furnish::launch(container, image, (pod, dir))?;
        let failed = |error: &dyn std::fmt::Display| ("CreateContainerError", error.to_string());
        let file = dir.join("launch.json");
        std::fs::create_dir_all(&launch.scratch).map_err(|error| failed(&error))?;
        let text = serde_json::to_vec(&launch).map_err(|error| failed(&error))?;
        std::fs::write(&file, text).map_err(|error| failed(&error))?;
        let log = self.log().map_err(|error| failed(&error))?;
        Process::start(&file, enter, &log).map_err(|error| failed(&error))
    }

    fn log(&self) -> std::io::Result<Arc<Log>> {
        let Plan { context, facts, container, .. } = &self.plan;
        let name = format!("{}.{}.{}.log", facts.name(), container.name, self.report.restarts);
        let log = Log::create(&context.state.join("logs").join(facts.namespace()).join(name))?;
        let place = (facts.namespace().to_owned(), facts.name().to_owned(), container.name.clone());
        context.logs.begin(&place, Arc::clone(&log));
        Ok(log)
    }

    /// Watches over a run, to its end.
    async fn attend(&mut self, mut process: Process) -> Ended {
        let started = Timestamp::now();
        let target = Target { address: self.plan.facts.address, outer: process.outer() };
        let mut probes = Probes::start(&self.plan.container, target);
        let code = loop {
            (self.report.started, self.report.ready) = (probes.started(), probes.ready());
            self.publish(State::Running { since: started });
            tokio::select! {
                code = process.ended() => break code,
                alive = probes.alive() => {
                    if !alive {
                        drop(probes);
                        break self.kill(process, target).await;
                    }
                }
                _ = self.deadline.changed() => {
                    drop(probes);
                    break self.stop(process, target).await;
                }
            }
        };
        Ended { code, started, finished: Timestamp::now() }
    }

    /// A probe has given it up.
    async fn kill(&mut self, process: Process, target: Target) -> i32 {
        let spec = self.plan.facts.spec();
        let grace = spec.and_then(|spec| spec.termination_grace_period_seconds);
        let grace = grace.map_or(GRACE, |seconds| Duration::from_secs(seconds.unsigned_abs()));
        let (_sender, own) = watch::channel(Some(Instant::now() + grace));
        let pod = std::mem::replace(&mut self.deadline, own);
        let code = self.stop(process, target).await;
        self.deadline = pod;
        code
    }

    /// The pod ends: hook, SIGTERM, and at the deadline SIGKILL.
    async fn stop(&mut self, mut process: Process, target: Target) -> i32 {
        self.report.ready = false;
        self.send();
        let container = self.plan.container.clone();
        if let Some(hook) = container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.pre_stop.as_ref()) {
            let ports = container.ports.as_deref().unwrap_or_default();
            tokio::select! {
                code = process.ended() => return code,
                () = passed(&mut self.deadline) => {}
                () = check::hook(hook, target, ports) => {}
            }
        }
        process.terminate().await;
        tokio::select! {
            code = process.ended() => return code,
            () = passed(&mut self.deadline) => {}
        }
        process.kill().await
    }

    /// Whether it starts again; returns when its pause is over.
    async fn again(&mut self, ended: Ended) -> bool {
        let restarts = match self.plan.restart {
            Restart::Always => true,
            Restart::OnFailure => ended.code != 0,
            Restart::Never => false,
        };
        if !restarts || self.deadline.borrow().is_some() {
            self.over(ended);
            return false;
        }
        let ran = ended.finished.duration_since(ended.started).unsigned_abs();
        if ran >= GOOD_RUN {
            self.patience = FIRST_PAUSE;
        }
        let pause = self.patience;
        self.patience = (pause * 2).min(LONGEST_PAUSE);
        let message = format!("back-off {}s restarting failed container", pause.as_secs());
        (self.report.started, self.report.ready) = (false, false);
        self.report.last = Some(ended);
        self.publish(State::Waiting { reason: "CrashLoopBackOff", message });
        self.report.restarts += 1;
        tokio::select! {
            () = sleep(pause) => {}
            _ = self.deadline.changed() => {}
        }
        true
    }

    fn over(&mut self, ended: Ended) {
        (self.report.started, self.report.ready) = (false, false);
        self.publish(State::Terminated(ended));
    }

    fn publish(&mut self, state: State) {
        self.report.state = state;
        self.send();
    }

    fn send(&self) {
        // A pod that listens no longer is being torn down.
        let _ = self.reports.send(self.report.clone());
    }
}

/// Waits until the deadline, also when it is moved meanwhile. The sender's end is a deadline.
async fn passed(deadline: &mut Deadline) {
    loop {
        let at = *deadline.borrow_and_update();
        let moved = match at {
            None => deadline.changed().await,
            Some(at) => tokio::select! {
                () = sleep_until(at) => return,
                moved = deadline.changed() => moved,
            },
        };
        if moved.is_err() {
            return;
        }
    }
}
