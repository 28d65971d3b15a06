//! `sluice controller`: objects from an API server in, data planes, infrastructure and statuses out.
//!
//! One loop: what the watches bring is folded and laid into the world; if that changed what objects say, the world is
//! translated anew, as a whole; the result goes to the data planes and to the statuses. Nothing is published before
//! every kind has been read whole once. What the data planes report changes statuses only.

mod addresses;
mod admin;
mod client;
mod host;
mod identity;
mod metrics;
mod pages;
mod planes;
mod world;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use kube::Client;

use crate::args::ControllerArgs;
use crate::lease::Election;
use crate::logging;
use crate::objects::key::ObjectRef;
use crate::outcome::Outcome;
use crate::signals::Signals;
use crate::sink::kubernetes::StatusSink;
use crate::sink::log::LogSink;
use crate::sink::ready::announce;
use crate::source::kubernetes::{Batch, Change, KubernetesSource};
use crate::translate::{Infrastructure, Settings, Translation, translate};
use admin::Admin;
use planes::Planes;
use world::World;

/// Runs until SIGTERM or SIGINT, then gives the lease back.
///
/// # Errors
/// There is no way to an API server, a port cannot be bound, or the system refuses threads or signals.
pub fn controller(args: ControllerArgs) -> io::Result<Outcome> {
    logging::init(args.log_level);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(serve(args));
    runtime.shutdown_background();
    outcome
}

async fn serve(args: ControllerArgs) -> io::Result<Outcome> {
    let mut signals = Signals::new()?;
    let client = client::connect(args.kubeconfig.as_deref()).await?;
    let namespace = args.namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
    let admin = Admin::start(args.admin).await?;
    let election = match args.leader_election {
        true => Election::start(client.clone(), &namespace, identity::holder(&args)),
        false => Election::alone(identity::holder(&args)),
    };
    let mut leadership = election.leadership();
    let mut turns = Turns::start(args, &client, &election, admin).await?;
    loop {
        tokio::select! {
            batch = turns.source.inbox().take() => turns.take(batch).await?,
            () = turns.planes.changed() => turns.tell(),
            changed = leadership.changed() => match changed {
                Ok(()) => turns.admin.metrics().led(leadership.borrow().until.is_some()),
                Err(_) => return Err(io::Error::other("the election has ended by itself: a defect")),
            },
            () = signals.next() => break,
        }
    }
    tracing::info!("ending");
    turns.admin.set_ready(false);
    election.release().await;
    tokio::select! {
        () = turns.planes.drain() => Ok(Outcome::Well),
        () = signals.next() => Ok(Outcome::Failed),
    }
}

/// All that the loop holds.
struct Turns {
    settings: Settings,
    world: World,
    /// The last one.
    translation: Option<Translation>,
    source: KubernetesSource,
    sink: StatusSink,
    log: LogSink,
    planes: Planes,
    admin: Admin,
}

impl Turns {
    async fn start(args: ControllerArgs, client: &Client, election: &Election, admin: Admin) -> io::Result<Self> {
        let planes = Planes::start(&args).await?;
        let source = KubernetesSource::start(client);
        let sink = StatusSink::start(client.clone(), election.leadership());
        let (inbox, counter) = (Arc::clone(source.inbox()), sink.counter());
        admin.on_scrape(move |metrics| metrics.queues(inbox.len(), counter()));
        let infrastructure = Infrastructure::Process;
        let settings = Settings { controller_name: args.controller_name, implicit_class: None, infrastructure };
        let (world, log) = (World::default(), LogSink::default());
        Ok(Self { settings, world, translation: None, source, sink, log, planes, admin })
    }

    /// Lays a batch into the world, and puts in force what that changes.
    async fn take(&mut self, batch: Batch) -> io::Result<()> {
        for ((kind, key), change) in &batch.changes {
            let object = ObjectRef { kind: kind.name(), key: key.clone() };
            let seen = match change {
                Change::Is(reading) => reading.seen.clone(),
                Change::Gone => None,
            };
            if world::has_status(*kind) {
                self.sink.see(&object, seen);
            }
        }
        let differs = self.world.take(batch);
        if self.world.is_complete() && (differs || self.translation.is_none()) {
            self.turn().await?;
        }
        Ok(())
    }

    /// Translates the world off the threads that serve, and puts the result in force.
    async fn turn(&mut self) -> io::Result<()> {
        let started = Instant::now();
        let (objects, settings) = (self.world.objects(), self.settings.clone());
        let translation = tokio::task::spawn_blocking(move || translate(&objects, &settings)).await?;
        self.admin.metrics().translated(started.elapsed(), &self.world.objects());
        let snapshots = self.planes.publish(&translation).await;
        self.admin.show_snapshots(snapshots);
        let is_first = self.translation.replace(translation).is_none();
        self.tell();
        if is_first {
            self.admin.set_ready(true);
            announce(self.admin.address(), self.planes.bound())?;
        }
        Ok(())
    }

    /// Tells statuses and findings, with what the data planes report by now.
    fn tell(&mut self) {
        let Some(translation) = &self.translation else { return };
        let statuses = translation.statuses.settle(&self.planes.live());
        let diagnostics = self.world.diagnose(&translation.findings);
        self.log.tell_diagnostics(&diagnostics);
        self.admin.show_statuses(statuses.clone(), diagnostics);
        self.sink.want(statuses);
    }
}
