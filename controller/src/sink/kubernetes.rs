//! Statuses to the API server: by the holder of the lease only, and only what differs.
//!
//! There is no queue to grow: of each object the newest status that is wanted is kept, and a mark that it may differ
//! from what the object has. Whoever is not the holder keeps the marks for the day it becomes so.

mod board;
mod merge;
mod pace;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Client, Error};
use serde_json::json;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::lease::Leadership;
use crate::objects::key::ObjectRef;
use crate::source::kubernetes::{Seen, api};
use crate::status::Statuses;
use board::{Board, Outcome, Write};
use pace::Pace;

pub use board::Count;

/// Writes on the way at once.
const AT_ONCE: usize = 8;

/// How long one write may take.
const WRITE: Duration = Duration::from_secs(5);

/// The writer of statuses.
pub struct StatusSink {
    shared: Arc<Shared>,
    _writer: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    board: Mutex<Board>,
    work: Notify,
}

impl StatusSink {
    /// Starts writing.
    pub fn start(client: Client, leadership: watch::Receiver<Leadership>) -> Self {
        let shared = Arc::<Shared>::default();
        let mut writer = JoinSet::new();
        writer.spawn(write_for_ever(Arc::clone(&shared), client, leadership));
        Self { shared, _writer: writer }
    }

    /// What the watch shows of an object: its state, or that it is gone.
    pub fn see(&self, object: &ObjectRef, seen: Option<Seen>) {
        self.shared.board().see(object, seen);
        self.shared.work.notify_one();
    }

    /// What all objects are to be told.
    pub fn want(&self, statuses: Arc<Statuses>) {
        self.shared.board().want(statuses);
        self.shared.work.notify_one();
    }

    /// What has been done, and what waits.
    pub fn counter(&self) -> impl Fn() -> Count + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move || shared.board().count()
    }
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write_for_ever(shared: Arc<Shared>, client: Client, mut leadership: watch::Receiver<Leadership>) {
    let mut pace = Pace::new(Instant::now());
    let mut writes = JoinSet::new();
    loop {
        let until = leadership.borrow_and_update().until.filter(|until| Instant::now() < *until);
        let is_free = until.is_some() && writes.len() < AT_ONCE;
        let next = is_free.then(|| shared.board().next(&now())).flatten();
        match (next, until) {
            (Some(write), Some(until)) => {
                sleep_until(pace.next(Instant::now())).await;
                writes.spawn(carry_out(Arc::clone(&shared), client.clone(), write, until));
            }
            _ => tokio::select! {
                () = shared.work.notified() => {}
                Some(_) = writes.join_next(), if !writes.is_empty() => {}
                changed = leadership.changed() => if changed.is_err() { return },
            },
        }
        while writes.try_join_next().is_some() {}
    }
}

/// Writes one status. Another's write in between is looked at, and what differs then is written anew.
async fn carry_out(shared: Arc<Shared>, client: Client, write: Write, until: Instant) {
    let Write { object, seen, patch } = write;
    let objects = api(&client, &seen.resource, &object.key.namespace);
    let name = object.key.name.as_str();
    let body = json!({ "metadata": { "resourceVersion": seen.resource_version, "uid": seen.uid }, "status": patch });
    let limit = until.min(Instant::now() + WRITE);
    let params = PatchParams::default();
    let patched = timeout_at(limit, objects.patch_status(name, &params, &Patch::Merge(body))).await;
    let outcome = match answered(patched) {
        Ok(now) => Outcome::Written(Seen::of(&now, &seen.resource)),
        Err(Trouble::Gone) => Outcome::Gone,
        Err(Trouble::Conflict) => match answered(timeout_at(limit, objects.get(name)).await) {
            Ok(now) => Outcome::Overtaken(Seen::of(&now, &seen.resource)),
            Err(Trouble::Gone) => Outcome::Gone,
            Err(_) => Outcome::Failed,
        },
        Err(Trouble::Other(error)) => {
            tracing::warn!(%object, error, "a status could not be written: it is tried again");
            Outcome::Failed
        }
    };
    if matches!(outcome, Outcome::Failed) {
        let pause = shared.board().pause(&object);
        tokio::time::sleep(pause).await;
    }
    shared.board().done(&object, outcome);
    shared.work.notify_one();
}

/// Why a request did not do what it was to do.
enum Trouble {
    Gone,
    Conflict,
    Other(String),
}

fn answered<T>(result: Result<Result<T, Error>, Elapsed>) -> Result<T, Trouble> {
    match result {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(Error::Api(status))) if status.code == 404 => Err(Trouble::Gone),
        Ok(Err(Error::Api(status))) if status.code == 409 => Err(Trouble::Conflict),
        Ok(Err(error)) => Err(Trouble::Other(error.to_string())),
        Err(_) => Err(Trouble::Other("the API server does not answer".to_owned())),
    }
}

fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
