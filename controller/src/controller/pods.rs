//! Data planes in pods of their own: the stream that they follow, and the infrastructure that runs them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use prometheus::Registry;
use sluice_gateway::snapshot::Snapshot;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::args::ControllerArgs;
use crate::backoff::Backoff;
use crate::distribute::acknowledged::{Acknowledged, Replicas};
use crate::distribute::identity::{self, ServerIdentity};
use crate::distribute::token_review::TokenReviews;
use crate::distribute::{Distributor, Options, Role, confirm::Confirm};
use crate::infra::{self, Desired, GatewayInfra, Infrastructure, Observed};
use crate::lease::{Election, Leadership};
use crate::objects::Objects;
use crate::objects::key::Key;
use crate::status::{Live, Plane};

/// Name of the Service that leads to the controllers.
const SERVICE: &str = "sluice-controller";

/// Its port for data planes.
const PORT: u16 = 18_000;

/// After the start, data planes have this long to come back before it counts that they are not there.
const RETURN: Duration = Duration::from_secs(30);

/// After a publish, replicas have this long to answer before it counts that some have not. Without it a storm of
/// changes would be a storm of `17/20 replicas`.
const ANSWER: Duration = Duration::from_secs(2);

/// What all data planes have in common.
pub(super) struct PodPlanes {
    distributor: Distributor,
    infrastructure: Infrastructure,
    acknowledged: watch::Receiver<Acknowledged>,
    observed: watch::Receiver<Observed>,
    accounts: Accounts,
    ours: BTreeSet<Key>,
    /// Those that were there at the start, whose replicas may come back.
    old: Option<BTreeSet<Key>>,
    /// What was known of each Gateway's data plane last.
    planes: BTreeMap<Key, Plane>,
    /// Until when nothing is concluded from silence: after the start, and after each publish.
    returning: Option<Instant>,
    answering: Option<Instant>,
    _role: JoinSet<()>,
}

/// The ServiceAccount of each Gateway's data plane.
type Accounts = Arc<Mutex<BTreeMap<Key, String>>>;

/// The authority of the controllers, and what data planes are told of the way here.
pub(super) struct Authority {
    identity: ServerIdentity,
    host: String,
}

impl Authority {
    /// Reads or makes it, as often as it takes.
    pub(super) async fn of(client: &Client, namespace: &str) -> io::Result<Self> {
        let mut backoff = Backoff::at_api_server();
        let authority = loop {
            match identity::authority(client.clone(), namespace).await {
                Ok(authority) => break authority,
                Err(error) => tracing::warn!(%error, "the authority of the stream cannot be read or made"),
            }
            backoff.wait().await;
        };
        let host = format!("{SERVICE}.{namespace}.svc");
        let identity =
            ServerIdentity::new(authority, vec![host.clone()]).map_err(|e| io::Error::other(e.to_string()))?;
        Ok(Self { identity, host })
    }

    /// What translation is told.
    pub(super) fn settings(&self, args: &ControllerArgs) -> infra::Settings {
        infra::Settings {
            controller_address: format!("https://{}:{PORT}", self.host),
            ca_pem: self.identity.ca_pem().to_owned(),
            image: args.image.clone(),
            image_pull_policy: args.image_pull_policy.map(|policy| policy.to_string()),
            image_pull_secrets: args.image_pull_secret.clone(),
        }
    }
}

impl PodPlanes {
    pub(super) async fn start(
        args: &ControllerArgs,
        (client, election): (&Client, &Election),
        (authority, confirm): (Authority, Arc<dyn Confirm>),
        registry: &Registry,
    ) -> io::Result<Self> {
        let accounts = Accounts::default();
        let known = Arc::clone(&accounts);
        let (tell, role) = watch::channel(role(&election.leadership().borrow()));
        let mut tasks = JoinSet::new();
        tasks.spawn(follow_role(election.leadership(), tell));
        let options = Options {
            listen: args.listen,
            identity: authority.identity,
            authenticator: Arc::new(TokenReviews::new(client.clone())),
            account: Arc::new(move |key| known.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()),
            confirm,
            role,
            registry: registry.clone(),
        };
        let distributor = Distributor::start(options).await?;
        let infrastructure = Infrastructure::start(client, election.leadership());
        let (acknowledged, observed) = (distributor.acknowledged(), infrastructure.observed());
        let returning = Some(Instant::now() + RETURN);
        Ok(Self {
            distributor,
            infrastructure,
            acknowledged,
            observed,
            accounts,
            ours: BTreeSet::new(),
            old: None,
            planes: BTreeMap::new(),
            returning,
            answering: None,
            _role: tasks,
        })
    }

    /// Wants this infrastructure. Gateways that are refused keep theirs.
    pub(super) fn want(&mut self, wanted: BTreeMap<Key, Desired>, objects: &Objects, controller: &str) {
        let account = |key: &Key| {
            let gateway = objects.gateways.get(key)?;
            Some((key.clone(), infra::name(key, &gateway.spec.gateway_class_name)))
        };
        *self.accounts.lock().unwrap_or_else(PoisonError::into_inner) = wanted.keys().filter_map(account).collect();
        self.ours = wanted.keys().cloned().collect();
        self.old.get_or_insert_with(|| self.ours.clone());
        let ours = objects.gateway_classes.iter().filter(|(_, class)| class.spec.controller_name == controller);
        self.infrastructure.want(wanted, &ours.map(|(key, _)| key.name.clone()).collect());
    }

    /// Lets replicas have these snapshots.
    pub(super) fn publish(&mut self, snapshots: BTreeMap<Key, Snapshot>) {
        self.distributor.publish(snapshots);
        self.answering = Some(Instant::now() + ANSWER);
    }

    /// Returns when a replica has said something, infrastructure has changed, or the time for coming back is over.
    pub(super) async fn changed(&mut self) {
        let (returned, answered) = (self.returning, self.answering);
        // A sender that is gone has nothing to say any more.
        let acknowledged = async {
            if self.acknowledged.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let observed = async {
            if self.observed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = acknowledged => {}
            () = observed => {}
            () = over(returned) => self.returning = None,
            () = over(answered) => self.answering = None,
        }
    }

    /// What is known of all data planes.
    pub(super) fn live(&mut self) -> Live {
        let (acknowledged, observed) = (self.acknowledged.borrow_and_update(), self.observed.borrow_and_update());
        let mut planes = BTreeMap::new();
        for key in &self.ours {
            let known = Known {
                infra: observed.gateways.get(key),
                replicas: acknowledged.0.get(key),
                returning: self.returning.is_some() && self.old.as_ref().is_some_and(|old| old.contains(key)),
                answering: self.answering.is_some(),
            };
            planes.extend(known.plane(self.planes.get(key)).map(|plane| (key.clone(), plane)));
        }
        remember(&mut self.planes, &self.ours, &planes);
        Live { planes, ..Live::default() }
    }
}

/// What was known last of each Gateway that is ours, also of one of which nothing can be said for the moment: between a
/// publish and its first answer that is what still holds.
fn remember(known: &mut BTreeMap<Key, Plane>, ours: &BTreeSet<Key>, now: &BTreeMap<Key, Plane>) {
    known.retain(|key, _| ours.contains(key));
    known.extend(now.iter().map(|(key, plane)| (key.clone(), plane.clone())));
}

/// Waits for the end of a time.
async fn over(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// What is known of one data plane.
struct Known<'a> {
    infra: Option<&'a GatewayInfra>,
    replicas: Option<&'a Replicas>,
    /// Replicas may yet come back.
    returning: bool,
    /// Replicas may yet answer.
    answering: bool,
}

impl Known<'_> {
    /// What can be said of it, if anything. While it may yet change by itself, what was said `before` stays; a version
    /// that nobody has acknowledged yet is never said to be served.
    fn plane(&self, before: Option<&Plane>) -> Option<Plane> {
        let connected = self.replicas.map_or(0, |replicas| replicas.connected.len());
        if self.returning && (connected == 0 || self.infra.is_none()) {
            return None;
        }
        let now = plane(self.infra, self.replicas);
        let all_answered = now.serving == connected;
        match before {
            _ if !self.answering || all_answered => Some(now),
            Some(before) if now.serving > 0 => Some(Plane { addresses: now.addresses, ..before.clone() }),
            None if now.serving > 0 => Some(now),
            _ => None,
        }
    }
}

/// What is known of one data plane now.
fn plane(infra: Option<&GatewayInfra>, replicas: Option<&Replicas>) -> Plane {
    let infra = infra.cloned().unwrap_or_default();
    let connected = replicas.map_or(0, |replicas| replicas.connected.len());
    let current = || replicas.into_iter().flat_map(Replicas::current);
    let failed = current().flat_map(|replica| &replica.listeners);
    let failed = failed.filter_map(|(name, result)| Some((name.clone(), result.as_ref().err()?.clone())));
    Plane {
        addresses: infra.addresses,
        replicas: connected.max(usize::try_from(infra.desired).unwrap_or(usize::MAX)),
        serving: current().count(),
        failed: failed.collect(),
        problems: infra.problems,
    }
}

fn role(leadership: &Leadership) -> Role {
    match leadership.until {
        Some(_) => Role::Leader,
        None => Role::Follower { leader: leadership.holder.as_ref().and_then(|holder| holder.address) },
    }
}

async fn follow_role(mut leadership: watch::Receiver<Leadership>, tell: watch::Sender<Role>) {
    while leadership.changed().await.is_ok() {
        let now = role(&leadership.borrow_and_update());
        tell.send_if_modified(|role| std::mem::replace(role, now) != now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::Holder;

    #[test]
    fn replicas_go_to_the_holder_of_the_lease() {
        let holder = Holder::parse("pod_10.0.0.7:18000");
        let leader = Some(([10, 0, 0, 7], 18000).into());
        let other = Leadership { until: None, holder: Some(holder.clone()) };
        assert_eq!(role(&other), Role::Follower { leader });
        assert_eq!(role(&Leadership::default()), Role::Follower { leader: None });
        assert_eq!(role(&Leadership::alone(holder)), Role::Leader);
    }

    fn infra(desired: u64) -> GatewayInfra {
        let mut infra = GatewayInfra::default();
        infra.desired = desired;
        infra
    }

    #[test]
    fn nothing_is_said_of_what_may_yet_change_by_itself() {
        let infra = infra(2);
        let mut replicas = Replicas { published: Some("v2".to_owned()), ..Replicas::default() };
        for name in ["a", "b"] {
            replicas.connected.entry(name.to_owned()).or_default().version = Some("v1".to_owned());
        }
        let counts = |replicas: &Replicas, (returning, answering), before: Option<&Plane>| {
            let known = Known { infra: Some(&infra), replicas: Some(replicas), returning, answering };
            known.plane(before).map(|plane| (plane.serving, plane.replicas))
        };
        let before = Plane { serving: 2, replicas: 2, ..Plane::default() };
        assert_eq!(counts(&Replicas::default(), (true, false), None), None, "they may come back");
        assert_eq!(counts(&Replicas::default(), (false, false), None), Some((0, 2)));
        assert_eq!(counts(&replicas, (false, true), Some(&before)), None, "nobody has acknowledged it");
        replicas.connected.entry("a".to_owned()).or_default().version = Some("v2".to_owned());
        assert_eq!(counts(&replicas, (false, true), Some(&before)), Some((2, 2)), "the other may yet answer");
        assert_eq!(counts(&replicas, (false, true), None), Some((1, 2)));
        assert_eq!(counts(&replicas, (false, false), Some(&before)), Some((1, 2)));
    }

    #[test]
    fn what_was_known_outlives_the_time_before_the_first_answer() {
        let (a, b) = (Key::new("ns", "a"), Key::new("ns", "b"));
        let plane = |serving| Plane { serving, replicas: 2, ..Plane::default() };
        let mut known = BTreeMap::from([(a.clone(), plane(2)), (b, plane(1))]);
        remember(&mut known, &BTreeSet::from([a.clone()]), &BTreeMap::new());
        assert_eq!(known, BTreeMap::from([(a.clone(), plane(2))]));
        remember(&mut known, &BTreeSet::from([a.clone()]), &BTreeMap::from([(a.clone(), plane(1))]));
        assert_eq!(known, BTreeMap::from([(a, plane(1))]));
    }

    #[test]
    fn a_plane_counts_who_is_there_and_who_should_be() {
        let infra = infra(3);
        let counted = |infra, replicas| {
            let plane = plane(infra, replicas);
            (plane.serving, plane.replicas)
        };
        assert_eq!(counted(Some(&infra), None), (0, 3));
        let mut replicas = Replicas { published: Some("v2".to_owned()), ..Replicas::default() };
        for (name, version) in [("a", "v1"), ("b", "v2")] {
            replicas.connected.entry(name.to_owned()).or_default().version = Some(version.to_owned());
        }
        assert_eq!(counted(Some(&infra), Some(&replicas)), (1, 3));
        assert_eq!(counted(None, Some(&replicas)), (1, 2));
    }
}
