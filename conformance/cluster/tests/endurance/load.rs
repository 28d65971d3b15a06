//! A constant load through the gateway, every failure of which is kept.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::client::ask;
use crate::objects::path;
use crate::report::say;

/// Tasks that ask for short answers.
const WORKERS: u32 = 10;
/// Tasks that read one stream after another.
const READERS: usize = 3;

/// What became of it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) answered: u64,
    pub(crate) streamed: u64,
    pub(crate) failed: Vec<String>,
}

/// A load that goes on until it is ended.
pub(crate) struct Load {
    end: watch::Sender<bool>,
    tasks: JoinSet<Tally>,
}

impl Load {
    /// `rate` requests a second over that many routes, each on a connection of its own, and streams.
    pub(crate) fn start(at: SocketAddr, routes: usize, rate: u32) -> Self {
        let (end, ended) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let pace = Duration::from_secs(1) * WORKERS / rate;
        for worker in 0..WORKERS as usize {
            tasks.spawn(keep_asking(at, (worker..routes).step_by(WORKERS as usize).collect(), pace, ended.clone()));
        }
        for reader in 0..READERS {
            tasks.spawn(keep_reading(at, format!("{}/stream", path(reader % routes)), ended.clone()));
        }
        Self { end, tasks }
    }

    /// Ends it when all running requests are answered.
    pub(crate) async fn end(mut self) -> Tally {
        self.end.send_replace(true);
        let mut all = Tally::default();
        while let Some(tally) = self.tasks.join_next().await {
            let tally = tally.unwrap();
            all.answered += tally.answered;
            all.streamed += tally.streamed;
            all.failed.extend(tally.failed);
        }
        all
    }
}

impl Tally {
    /// Nothing failed, and there was something that could have.
    pub(crate) fn is_clean(&self) {
        let Self { answered, streamed, failed } = self;
        say(format_args!("load: {answered} answers, {streamed} streams, {} failures", failed.len()));
        assert!(failed.is_empty(), "{} failures, such as {:#?}", failed.len(), &failed[..failed.len().min(10)]);
        assert!(*answered > 0 && *streamed > 0);
    }
}

async fn keep_asking(at: SocketAddr, routes: Vec<usize>, pace: Duration, ended: watch::Receiver<bool>) -> Tally {
    let mut tally = Tally::default();
    let mut ticks = interval(pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for route in routes.into_iter().cycle() {
        ticks.tick().await;
        if *ended.borrow() {
            break;
        }
        match ask(at, &path(route)).await {
            Ok((200, body)) if body == "{}" => tally.answered += 1,
            Ok((status, body)) => tally.failed.push(format!("{}: {status} {body}", path(route))),
            Err(error) => tally.failed.push(error),
        }
    }
    tally
}

async fn keep_reading(at: SocketAddr, path: String, ended: watch::Receiver<bool>) -> Tally {
    let mut tally = Tally::default();
    while !*ended.borrow() {
        match ask(at, &path).await {
            Ok((200, body)) if body.ends_with("data: [DONE]\n\n") => tally.streamed += 1,
            Ok((status, body)) => tally.failed.push(format!("{path}: {status} {body}")),
            Err(error) => tally.failed.push(error),
        }
    }
    tally
}
