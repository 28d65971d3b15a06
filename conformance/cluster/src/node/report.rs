//! What the node knows of a container, and the form in which the API has it.

use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

/// Where a container is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Not running: why, and what the reader should know.
    Waiting { reason: &'static str, message: String },
    /// Running since.
    Running { since: Timestamp },
    /// Over.
    Terminated(Ended),
}

/// How a run of a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) started: Timestamp,
    pub(crate) finished: Timestamp,
}

/// A container at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) state: State,
    /// How the run before this one ended.
    pub(crate) last: Option<Ended>,
    pub(crate) restarts: i32,
    /// It has started (its startup probe, if it has one, said yes).
    pub(crate) started: bool,
    /// It may get traffic.
    pub(crate) ready: bool,
}

impl Report {
    /// A container that has not run yet.
    pub(crate) fn new(reason: &'static str) -> Self {
        let state = State::Waiting { reason, message: String::new() };
        Self { state, last: None, restarts: 0, started: false, ready: false }
    }

    /// Whether it is over for good with exit code 0.
    pub(crate) fn succeeded(&self) -> bool {
        matches!(&self.state, State::Terminated(ended) if ended.code == 0)
    }

    /// Whether it is over.
    pub(crate) fn terminated(&self) -> bool {
        matches!(&self.state, State::Terminated(_))
    }

    /// Its part of a pod's status.
    pub(crate) fn status(&self, (name, image, id): (&str, &str, &str)) -> ContainerStatus {
        let state = match &self.state {
            State::Waiting { reason, message } => ContainerState {
                waiting: Some(ContainerStateWaiting {
                    reason: Some((*reason).to_owned()),
                    message: Some(message.clone()).filter(|message| !message.is_empty()),
                }),
                ..ContainerState::default()
            },
            State::Running { since } => ContainerState {
                running: Some(ContainerStateRunning { started_at: Some(Time(*since)) }),
                ..ContainerState::default()
            },
            State::Terminated(ended) => over(ended),
        };
        ContainerStatus {
            name: name.to_owned(),
            image: image.to_owned(),
            container_id: Some(format!("process://{id}/{name}/{}", self.restarts)),
            last_state: Some(self.last.as_ref().map(over).unwrap_or_default()),
            ready: self.ready,
            restart_count: self.restarts,
            started: Some(self.started),
            state: Some(state),
            ..ContainerStatus::default()
        }
    }
}

fn over(ended: &Ended) -> ContainerState {
    let terminated = ContainerStateTerminated {
        exit_code: ended.code,
        reason: Some(if ended.code == 0 { "Completed" } else { "Error" }.to_owned()),
        started_at: Some(Time(ended.started)),
        finished_at: Some(Time(ended.finished)),
        ..ContainerStateTerminated::default()
    };
    ContainerState { terminated: Some(terminated), ..ContainerState::default() }
}
