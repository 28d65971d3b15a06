//! A distributor with a fake authenticator, replicas beside it, and short words for what tests do with them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use prometheus::Registry;
use serde_json::Value;
use sluice_controller::distribute::acknowledged::Replicas;
use sluice_controller::distribute::authenticate::{Authenticator, Identity, Refused};
use sluice_controller::distribute::confirm::{Confirm, Lost};
use sluice_controller::distribute::identity::{Authority, ServerIdentity};
use sluice_controller::distribute::{Distributor, Options, Role};
use sluice_controller::objects::key::Key;
use sluice_controller::objects::{Kind, Objects};
use sluice_controller::proxy::Plane;
use sluice_controller::proxy::follow::{Leader, follow};
use sluice_controller::translate::{Settings, translate};
use sluice_gateway::engine::roots::SystemRoots;
use sluice_gateway::server::{Options as ServerOptions, Server};
use sluice_gateway::snapshot::Snapshot;
use sluice_gateway::upstream::Loopback;
use sluice_testkit::client::raw::Raw;
use sluice_testkit::fleet;
use sluice_testkit::wait::within;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The name that certificates are for.
pub(crate) const NAME: &str = "localhost";

/// Knows tokens of the form `namespace/account`, or `namespace/account@milliseconds` that they hold; counts its calls.
struct Tokens(watch::Sender<usize>);

#[async_trait]
impl Authenticator for Tokens {
    async fn authenticate(&self, token: &str) -> Result<Identity, Refused> {
        self.0.send_modify(|calls| *calls += 1);
        let (token, expires) = match token.split_once('@') {
            Some((token, millis)) => (token, Some(SystemTime::now() + Duration::from_millis(millis.parse().unwrap()))),
            None => (token, None),
        };
        let (namespace, account) = token.split_once('/').ok_or(Refused::Invalid)?;
        Ok(Identity { namespace: namespace.into(), service_account: account.into(), expires })
    }
}

/// Says what it is told to say, and remembers what it was asked.
#[derive(Default)]
pub(crate) struct Confirmation {
    pub(crate) asked: Mutex<Vec<Lost>>,
    pub(crate) is_real: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl Confirm for Confirmation {
    async fn is_real(&self, _: &Key, lost: &Lost) -> bool {
        self.asked.lock().unwrap().push(lost.clone());
        self.is_real.load(std::sync::atomic::Ordering::SeqCst)
    }
}

/// A controller's end, which may be stopped and started again.
pub(crate) struct Bed {
    authority: Authority,
    pub(crate) dir: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) distributor: Option<Distributor>,
    pub(crate) role: watch::Sender<Role>,
    pub(crate) confirmation: Arc<Confirmation>,
    pub(crate) registry: Registry,
    /// How often a token was shown.
    pub(crate) authentications: watch::Sender<usize>,
}

impl Bed {
    pub(crate) async fn start() -> Self {
        let authority = Authority::generate(SystemTime::now()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.crt"), authority.certificate_pem()).unwrap();
        let confirmation = Arc::new(Confirmation::default());
        confirmation.is_real.store(true, std::sync::atomic::Ordering::SeqCst);
        let address = "127.0.0.1:0".parse().unwrap();
        let (role, registry) = (watch::Sender::new(Role::Leader), Registry::new());
        let authentications = watch::Sender::new(0);
        let mut bed =
            Self { authority, dir, address, distributor: None, role, confirmation, registry, authentications };
        bed.begin().await;
        bed
    }

    /// Starts the distributor where it was before.
    pub(crate) async fn begin(&mut self) {
        self.registry = Registry::new();
        let start = || async {
            loop {
                // The sockets of the one before may still be closing.
                match Distributor::start(self.options()).await {
                    Ok(distributor) => return distributor,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        let distributor = within("the distributor to start", start()).await;
        self.address = distributor.address();
        self.distributor = Some(distributor);
    }

    /// Another controller with the same authority.
    pub(crate) async fn second(&self) -> (Distributor, watch::Sender<Role>) {
        let role = watch::Sender::new(Role::Leader);
        let options = Options {
            listen: "127.0.0.1:0".parse().unwrap(),
            role: role.subscribe(),
            registry: Registry::new(),
            ..self.options()
        };
        (Distributor::start(options).await.unwrap(), role)
    }

    fn options(&self) -> Options {
        Options {
            listen: self.address,
            identity: ServerIdentity::new(self.authority.clone(), vec![NAME.to_owned()]).unwrap(),
            authenticator: Arc::new(Tokens(self.authentications.clone())),
            account: Arc::new(|gateway| {
                ["gateway", "other"].contains(&gateway.name.as_str()).then(|| format!("{}-sluice", gateway.name))
            }),
            confirm: Arc::clone(&self.confirmation) as _,
            role: self.role.subscribe(),
            registry: self.registry.clone(),
        }
    }

    pub(crate) fn publish(&self, snapshot: Snapshot) -> String {
        let distributor = self.distributor.as_ref().expect("the distributor runs");
        distributor.publish(BTreeMap::from([(gateway(), snapshot)])).remove(&gateway()).unwrap()
    }

    /// Waits until the board says so.
    #[track_caller]
    pub(crate) fn acknowledged<T>(
        &self,
        what: &str,
        mut holds: impl FnMut(&Replicas) -> Option<T>,
    ) -> impl Future<Output = T> {
        let mut board = self.distributor.as_ref().expect("the distributor runs").acknowledged();
        within(what, async move {
            loop {
                if let Some(found) = board.borrow_and_update().0.get(&gateway()).and_then(&mut holds) {
                    return found;
                }
                board.changed().await.expect("the distributor ended");
            }
        })
    }

    /// Waits until so many replicas serve a version.
    #[track_caller]
    pub(crate) fn all_serve(&self, count: usize, version: &str) -> impl Future<Output = ()> {
        let version = version.to_owned();
        self.acknowledged("all replicas to serve a version", move |replicas| {
            let serving = replicas.connected.values().filter(|r| r.version.as_deref() == Some(&version)).count();
            (serving == count).then_some(())
        })
    }

    /// Where a replica serves the listener.
    pub(crate) async fn listener(&self, replica: &str) -> SocketAddr {
        let listener = |replicas: &Replicas| replicas.connected.get(replica)?.listeners.get("http")?.clone().ok();
        self.acknowledged("the listener to be bound", listener).await
    }

    /// A metric's value.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name).unwrap_or_else(|| panic!("no {name}"));
        let metric = &family.get_metric()[0];
        match family.get_field_type() {
            prometheus::proto::MetricType::GAUGE => metric.get_gauge().get_value(),
            _ => metric.get_counter().get_value(),
        }
    }

    pub(crate) fn leader(&self, replica: &str, token: &str) -> Leader {
        let file = self.dir.path().join(format!("{replica}.token"));
        std::fs::write(&file, token).unwrap();
        Leader {
            controller: format!("https://{NAME}:{}", self.address.port()).parse().unwrap(),
            ca: self.ca(),
            token: file,
            gateway: gateway().to_string(),
            replica: replica.to_owned(),
        }
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.crt")
    }

    /// The right token.
    pub(crate) fn token() -> &'static str {
        "ai/gateway-sluice"
    }

    /// A replica with the right token.
    pub(crate) async fn replica(&self, name: &str) -> TestReplica {
        TestReplica::start(self.leader(name, Self::token())).await
    }
}

/// A replica in this process.
pub(crate) struct TestReplica {
    admin: SocketAddr,
    task: JoinHandle<()>,
}

impl TestReplica {
    pub(crate) async fn start(leader: Leader) -> Self {
        let options = ServerOptions {
            bind: "127.0.0.1".parse().unwrap(),
            ports: BTreeMap::from([(fleet::PORT, 0)]),
            admin: "127.0.0.1:0".parse().unwrap(),
            connect_to: Vec::new(),
            system_roots: SystemRoots::from_paths(None, None),
            workers: 1,
            loopback: Loopback::Reachable,
            drain_timeout: Duration::from_secs(1),
        };
        let server = Server::start_logging_to(Box::new(std::io::sink()), options).await.unwrap();
        let admin = server.admin_address();
        let task = tokio::spawn(async move {
            let mut plane = Plane::new(server, |_, _| Ok(()));
            match follow(&leader, &mut plane).await {}
        });
        Self { admin, task }
    }
}

impl TestReplica {
    /// Status of `/ready`.
    pub(crate) async fn ready(&self) -> u16 {
        let request = "GET /ready HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n";
        Raw::once(self.admin, request).await.status()
    }
}

impl Drop for TestReplica {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn gateway() -> Key {
    Key::new(fleet::NAMESPACE, fleet::GATEWAY)
}

/// What objects mean for the one Gateway.
pub(crate) fn snapshot(documents: &[Value]) -> Snapshot {
    let mut objects = Objects::default();
    for document in documents {
        let text = |field: &str| document[field].as_str().unwrap();
        let kind = Kind::of(text("apiVersion"), text("kind")).unwrap();
        objects.insert(kind, document.clone()).unwrap();
    }
    translate(&objects, &Settings::default()).snapshots.remove(&gateway()).unwrap()
}

/// A world of so many routes, the last of which has this replacement.
pub(crate) fn world(routes: usize, replacement: &str) -> Snapshot {
    let mut documents = fleet::objects(routes);
    *documents.last_mut().unwrap() = fleet::route(routes - 1, replacement);
    snapshot(&documents)
}
