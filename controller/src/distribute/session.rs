//! One replica's stream: who it is, what it holds, what it is sent next.

mod changes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sluice_gateway::wire::ResourceSet;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tonic::{Status, Streaming};

use self::changes::{Changes, Held};
use super::acknowledged::{Entry, printable};
use super::authenticate::Identity;
use super::protocol::{Ack, FromReplica, Hello, Nack, Said, Update, redirect};
use super::publication::Published;
use super::role::Role;
use super::service::Shared;
use crate::objects::key::Key;

/// How long a replica may take to say who it is, to take a part of an update, and a loss to be confirmed.
const PATIENCE: Duration = Duration::from_secs(30);
/// When to ask again whether something is really gone.
const ASK_AGAIN: Duration = Duration::from_secs(2);

type Outbound = mpsc::Sender<Result<Update, Status>>;

/// A stream that has been authenticated.
pub(super) struct Session {
    shared: Arc<Shared>,
    identity: Identity,
    outbound: Outbound,
    published: watch::Receiver<Option<Arc<Published>>>,
    role: watch::Receiver<Role>,
}

/// A replica that has said who it is.
struct Replica {
    gateway: Key,
    name: String,
    held: Held,
    /// Sent and not answered, and since when.
    pending: Option<(Arc<ResourceSet>, Instant)>,
    /// The version that it refused.
    refused: Option<String>,
    /// Losses were confirmed: the replica now holds what this controller knows.
    confirmed: bool,
    /// An update waits for a loss to be confirmed.
    held_back: bool,
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>, identity: Identity, outbound: Outbound) -> Self {
        let (published, role) = (shared.publications.subscribe(), shared.role.clone());
        Self { shared, identity, outbound, published, role }
    }

    /// Runs to the end of the stream.
    pub(super) async fn run(mut self, inbound: Streaming<FromReplica>) {
        if let Err(status) = self.follow(inbound).await {
            drop(timeout(PATIENCE, self.outbound.send(Err(status))).await);
        }
    }

    async fn follow(&mut self, mut inbound: Streaming<FromReplica>) -> Result<(), Status> {
        let hello = hello(&mut inbound).await?;
        let gateway = self.admit(&hello).await?;
        let shared = Arc::clone(&self.shared);
        let entry = shared.board.enter(&gateway, &printable(&hello.replica));
        let _connected = Connected::count(&shared);
        if !hello.version.is_empty() {
            entry.serves(&hello.version, &hello.listeners);
        }
        tracing::info!(gateway = %gateway, replica = printable(&hello.replica), "a replica is connected");
        let mut replica = Replica::new(gateway, hello);
        let expiry = lifetime(self.identity.expires);
        tokio::pin!(expiry);
        loop {
            if let Some(leader) = self.role.borrow_and_update().elsewhere() {
                return Err(redirect(leader));
            }
            self.update(&mut replica).await?;
            tokio::select! {
                said = inbound.message() => match said? {
                    Some(FromReplica { said }) => self.hear(&mut replica, &entry, said)?,
                    None => return Ok(()),
                },
                changed = self.published.changed() => if changed.is_err() { return Ok(()) },
                () = changed(&mut self.role) => {}
                () = sleep(ASK_AGAIN), if replica.held_back => {}
                () = self.outbound.closed() => return Ok(()),
                () = &mut expiry => return Err(Status::unauthenticated("the token has expired")),
            }
        }
    }

    /// The Gateway that the caller may have: the one whose data plane it is. Before the first publish nobody knows.
    async fn admit(&mut self, hello: &Hello) -> Result<Key, Status> {
        let shared = Arc::clone(&self.shared);
        let denied = || {
            shared.metrics.refused.inc();
            Status::permission_denied("not for this caller")
        };
        let (namespace, name) = hello.gateway.split_once('/').ok_or_else(denied)?;
        if namespace != self.identity.namespace {
            return Err(denied());
        }
        let gateway = Key::new(namespace, name);
        loop {
            match (self.shared.account)(&gateway) {
                Some(account) if account == self.identity.service_account => return Ok(gateway),
                Some(_) => return Err(denied()),
                None if self.published.borrow_and_update().is_some() => return Err(denied()),
                None => {}
            }
            if let Some(leader) = self.role.borrow_and_update().elsewhere() {
                return Err(redirect(leader));
            }
            tokio::select! {
                changed = self.published.changed() => changed.map_err(|_| denied())?,
                () = changed(&mut self.role) => {}
                () = self.outbound.closed() => return Err(Status::cancelled("")),
            }
        }
    }

    /// Sends what the replica lacks, unless it has something to answer first.
    async fn update(&mut self, replica: &mut Replica) -> Result<(), Status> {
        replica.held_back = false;
        let published = self.published.borrow_and_update().clone();
        let target = published.as_ref().and_then(|published| published.resources(&replica.gateway));
        let Some(target) = target.filter(|target| replica.lacks(target)) else { return Ok(()) };
        let changes = Changes::between(&replica.held, target);
        if !replica.confirmed && !self.is_real(replica, &changes).await {
            replica.held_back = true;
            return Ok(());
        }
        replica.confirmed = true;
        replica.pending = Some((Arc::clone(target), Instant::now()));
        for part in changes.into_parts(target.version()) {
            self.shared.metrics.bytes.inc_by(changes::length(&part));
            let sent = timeout(PATIENCE, self.outbound.send(Ok(part))).await;
            sent.map_err(|_| Status::deadline_exceeded("the replica takes nothing"))?.unwrap_or_default();
        }
        self.shared.metrics.updates.inc();
        Ok(())
    }

    async fn is_real(&self, replica: &Replica, changes: &Changes) -> bool {
        let lost = changes.lost();
        if lost.is_empty() {
            return true;
        }
        let asked = timeout(PATIENCE, self.shared.confirm.is_real(&replica.gateway, &lost)).await;
        let is_real = asked.unwrap_or(false);
        if !is_real {
            let Replica { gateway, name, .. } = replica;
            let lost = lost.objects.len() + lost.without_endpoints.len();
            tracing::warn!(%gateway, replica = name, lost, "a loss is not confirmed; the replica keeps what it has");
        }
        is_real
    }

    fn hear(&self, replica: &mut Replica, entry: &Entry<'_>, said: Option<Said>) -> Result<(), Status> {
        match said {
            Some(Said::Ack(Ack { version, listeners })) => {
                if let Some((target, sent)) = replica.pending.take_if(|(target, _)| target.version() == version) {
                    self.shared.metrics.latency.observe(sent.elapsed().as_secs_f64());
                    replica.held = Held::Published(target);
                    replica.refused = None;
                }
                if replica.held.version() == version {
                    entry.serves(&version, &listeners);
                }
                Ok(())
            }
            Some(Said::Nack(Nack { version, message })) => {
                if replica.pending.take_if(|(target, _)| target.version() == version).is_some() {
                    self.shared.metrics.nacks.inc();
                    let (gateway, message) = (&replica.gateway, printable(&message));
                    tracing::warn!(%gateway, replica = replica.name, version, message, "a replica refuses an update");
                    entry.refuses(&version, &message);
                    replica.refused = Some(version);
                }
                Ok(())
            }
            Some(Said::Hello(_)) | None => Err(Status::invalid_argument("an Ack or a Nack was expected")),
        }
    }
}

impl Replica {
    fn new(gateway: Key, hello: Hello) -> Self {
        let Hello { gateway: _, replica, version, held, listeners: _ } = hello;
        let hashes: BTreeMap<_, _> = held.into_iter().map(|holding| (holding.name, holding.hash)).collect();
        Self {
            gateway,
            name: printable(&replica),
            held: Held::Reported { version, hashes },
            pending: None,
            refused: None,
            confirmed: false,
            held_back: false,
        }
    }

    /// True when it should be sent this version now.
    fn lacks(&self, target: &ResourceSet) -> bool {
        let version = target.version();
        self.pending.is_none() && self.held.version() != version && self.refused.as_deref() != Some(version)
    }
}

/// Counts a replica for as long as it lives.
struct Connected<'a>(&'a Shared);

impl<'a> Connected<'a> {
    fn count(shared: &'a Shared) -> Self {
        shared.metrics.connected.inc();
        Self(shared)
    }
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.metrics.connected.dec();
    }
}

async fn hello(inbound: &mut Streaming<FromReplica>) -> Result<Hello, Status> {
    match timeout(PATIENCE, inbound.message()).await {
        Ok(Ok(Some(FromReplica { said: Some(Said::Hello(hello)) }))) => Ok(hello),
        Ok(Err(status)) => Err(status),
        Ok(Ok(_)) => Err(Status::invalid_argument("a Hello was expected")),
        Err(_) => Err(Status::deadline_exceeded("no Hello came")),
    }
}

/// Ends with what proves who the caller is.
async fn lifetime(expires: Option<SystemTime>) {
    match expires {
        Some(end) => sleep(end.duration_since(SystemTime::now()).unwrap_or_default()).await,
        None => std::future::pending().await,
    }
}

/// A role that nobody sets any more stays as it is.
async fn changed(role: &mut watch::Receiver<Role>) {
    if role.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
