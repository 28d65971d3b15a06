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
mod lasting;
mod metrics;
mod pages;
mod planes;
mod pods;
mod world;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::Client;
use tokio::time::{Instant, sleep_until};

use crate::args::{ControllerArgs, Infrastructure as Where};
use crate::lease::Election;
use crate::logging;
use crate::objects::key::ObjectRef;
use crate::outcome::Outcome;
use crate::signals::Signals;
use crate::sink::kubernetes::StatusSink;
use crate::sink::log::LogSink;
use crate::sink::ready::announce;
use crate::source::kubernetes::{Batch, Change, Inbox, KubernetesSource};
use crate::translate::{Infrastructure, Settings, Translation, translate};
use admin::Admin;
use host::HostPlane;
use lasting::Lasting;
use planes::{Place, Planes};
use pods::{Authority, PodPlanes};
use world::World;

/// After a turn the controller rests as long as the turn took, and this long at most: in a storm of changes it uses half
/// of its time for reading them, and fewer turns do for more of them. A change that comes alone waits for nothing.
const LONGEST_REST: Duration = Duration::from_millis(500);

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
    let way = Way { client: &client, namespace: &namespace, election: &election };
    let mut turns = tokio::select! {
        turns = Turns::start(&args, way, admin) => turns?,
        () = signals.next() => return Ok(Outcome::Well),
    };
    loop {
        tokio::select! {
            batch = next(turns.rested, turns.source.inbox()) => turns.take(batch).await?,
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

/// What has come in, once the last turn is rested from.
async fn next(rested: Instant, inbox: &Inbox) -> Batch {
    sleep_until(rested).await;
    inbox.take().await
}

/// The way to the cluster.
#[derive(Clone, Copy)]
struct Way<'a> {
    client: &'a Client,
    namespace: &'a str,
    election: &'a Election,
}

/// All that the loop holds.
struct Turns {
    settings: Settings,
    world: Arc<Mutex<World>>,
    /// The last one.
    translation: Option<Translation>,
    source: KubernetesSource,
    sink: StatusSink,
    log: LogSink,
    planes: Planes,
    admin: Admin,
    /// When the next turn may begin.
    rested: Instant,
}

impl Turns {
    async fn start(args: &ControllerArgs, way: Way<'_>, admin: Admin) -> io::Result<Self> {
        let Way { client, namespace, election } = way;
        let source = KubernetesSource::start(client);
        let sink = StatusSink::start(client.clone(), election.leadership());
        let (inbox, counter) = (Arc::clone(source.inbox()), sink.counter());
        admin.on_scrape(move |metrics| metrics.queues(inbox.len(), counter()));
        let world = Arc::<Mutex<World>>::default();
        let (place, infrastructure) = match args.infrastructure {
            Where::Host => (Place::Host(Box::new(HostPlane::start(args).await?)), Infrastructure::Process),
            Where::Kubernetes => {
                let authority = Authority::of(client, namespace).await?;
                let settings = Infrastructure::Kubernetes(authority.settings(args));
                let confirm = Arc::new(Lasting::new(source.ask(client.clone()), Arc::clone(&world)));
                let registry = admin.metrics().registry();
                let pods = PodPlanes::start(args, (client, election), (authority, confirm), registry).await?;
                (Place::Pods(Box::new(pods)), settings)
            }
        };
        let settings = Settings { controller_name: args.controller_name.clone(), implicit_class: None, infrastructure };
        let (planes, log) = (Planes::new(place), LogSink::default());
        let rested = Instant::now();
        Ok(Self { settings, world, translation: None, source, sink, log, planes, admin, rested })
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
        let is_due = {
            let mut world = self.world();
            let differs = world.take(batch);
            world.is_complete() && (differs || self.translation.is_none())
        };
        if is_due { self.turn().await } else { Ok(()) }
    }

    /// Translates the world off the threads that serve, and puts the result in force.
    async fn turn(&mut self) -> io::Result<()> {
        let started = Instant::now();
        let (objects, settings) = (self.world().objects(), self.settings.clone());
        let read = Arc::clone(&objects);
        let translation = tokio::task::spawn_blocking(move || translate(&read, &settings)).await?;
        self.admin.metrics().translated(started.elapsed(), &objects);
        let snapshots = self.planes.publish(&translation, &objects).await;
        self.admin.show_snapshots(snapshots);
        let is_first = self.translation.replace(translation).is_none();
        self.tell();
        if is_first {
            self.admin.set_ready(true);
            announce(self.admin.address(), self.planes.bound())?;
        }
        self.rested = Instant::now() + started.elapsed().min(LONGEST_REST);
        Ok(())
    }

    /// Tells statuses and findings, with what the data planes report by now.
    fn tell(&mut self) {
        let Some(translation) = &self.translation else { return };
        let statuses = Arc::new(translation.statuses.settle(&self.planes.live()));
        let diagnostics = self.world().diagnose(&translation.findings);
        self.log.tell_diagnostics(&diagnostics);
        self.admin.show_statuses(Arc::clone(&statuses), diagnostics);
        self.sink.want(statuses);
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
