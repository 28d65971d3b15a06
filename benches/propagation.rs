//! How long a change takes from the control plane to every replica of a Gateway: `publish` until the last of them has
//! acknowledged that it is in force. Controller and replicas run in this process, on real sockets with TLS, so that all
//! of the work of all replicas is done by this machine's cores.
//!
//! `cargo bench -p sluice-benches --bench propagation [-- --quick]`

// A measurement that cannot be made ends at once, and its result goes to standard output.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use prometheus::Registry;
use serde_json::{Value, json};
use sluice_benches::quantile;
use sluice_controller::distribute::acknowledged::Acknowledged;
use sluice_controller::distribute::authenticate::{Authenticator, Identity, Refused};
use sluice_controller::distribute::confirm::Unconfirmed;
use sluice_controller::distribute::identity::{Authority, ServerIdentity};
use sluice_controller::distribute::{Distributor, Options, Role};
use sluice_controller::objects::key::Key;
use sluice_controller::objects::{Kind, Objects};
use sluice_controller::proxy::Plane;
use sluice_controller::proxy::follow::{Leader, follow};
use sluice_controller::translate::{Settings, translate};
use sluice_gateway::engine::roots::SystemRoots;
use sluice_gateway::route::table::RouteTable;
use sluice_gateway::server::{Options as ServerOptions, Server};
use sluice_gateway::upstream::Loopback;
use sluice_gateway::wire::{Assembly, Change, encode, encode_after};
use sluice_testkit::fleet;
use tempfile::TempDir;
use tokio::sync::watch;

const NAME: &str = "localhost";

/// Takes everybody for the data plane of the one Gateway.
struct Everybody;

#[async_trait]
impl Authenticator for Everybody {
    async fn authenticate(&self, _: &str) -> Result<Identity, Refused> {
        Ok(Identity { namespace: fleet::NAMESPACE.into(), service_account: "account".into(), expires: None })
    }
}

/// One combination.
struct Measured {
    routes: usize,
    replicas: usize,
    translate: Vec<f64>,
    propagate: Vec<f64>,
    bytes_per_change: f64,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let changes = if std::env::args().any(|arg| arg == "--quick") { 20 } else { 200 };
    let mut results = Vec::new();
    for routes in [10, 5000] {
        for replicas in [1, 20] {
            results.push(measure(routes, replicas, changes).await);
        }
    }
    println!("| what a change of one route among 5,000 costs | p50 ms |\n|---|---|");
    for (stage, mut times) in stages(changes) {
        println!("| {stage} | {:.2} |", quantile(&mut times, 0.5).unwrap());
    }
    println!();
    println!(
        "| routes | replicas | translate p50 ms | publish to last ack p50 ms | p99 ms | bytes a change and replica |"
    );
    println!("|---|---|---|---|---|---|");
    for result in &mut results {
        let Measured { routes, replicas, translate, propagate, bytes_per_change } = result;
        let (translate, p50, p99) = (quantile(translate, 0.5), quantile(propagate, 0.5), quantile(propagate, 0.99));
        let (translate, p50, p99) = (translate.unwrap(), p50.unwrap(), p99.unwrap());
        println!("| {routes} | {replicas} | {translate:.1} | {p50:.1} | {p99:.1} | {bytes_per_change:.0} |");
    }
    let results: Vec<_> = results.iter_mut().map(Measured::json).collect();
    println!("{}", json!({ "bench": "propagation", "changes": changes, "results": results }));
}

impl Measured {
    fn json(&mut self) -> Value {
        json!({
            "routes": self.routes,
            "replicas": self.replicas,
            "translate_p50_ms": quantile(&mut self.translate, 0.5),
            "propagation_p50_ms": quantile(&mut self.propagate, 0.5),
            "propagation_p99_ms": quantile(&mut self.propagate, 0.99),
            "bytes_per_change_and_replica": self.bytes_per_change,
        })
    }
}

/// Milliseconds of each step between two snapshots.
fn stages(changes: usize) -> [(&'static str, Vec<f64>); 3] {
    let mut objects = objects(&fleet::objects(5000));
    let mut snapshot = translate(&objects, &Settings::default()).snapshots.remove(&key()).unwrap();
    let mut resources = encode(&snapshot);
    let mut assembly = Assembly::default();
    let whole = Change { upserts: resources.iter().map(|r| (**r).clone()).collect(), removals: Vec::new() };
    assembly.apply(whole).unwrap();
    let mut times: [(_, Vec<f64>); 3] = [
        ("controller: take apart", Vec::new()),
        ("replica: put together", Vec::new()),
        ("of that: index the table", Vec::new()),
    ];
    for change in 0..changes {
        insert(&mut objects, &fleet::route(change, &format!("/version-{change}")));
        let next = translate(&objects, &Settings::default()).snapshots.remove(&key()).unwrap();
        let timed = Instant::now();
        let after = encode_after(&next, (&snapshot, &resources));
        times[0].1.push(millis(timed));
        let name = format!("route/httproute/{}/route-{change}", fleet::NAMESPACE);
        let upserts = vec![(**after.get(&name).unwrap()).clone()];
        let timed = Instant::now();
        let serving = assembly.apply(Change { upserts, removals: Vec::new() }).unwrap();
        times[1].1.push(millis(timed));
        let entries = serving.listeners()[0].routes.entries().to_vec();
        let timed = Instant::now();
        drop(RouteTable::new(entries));
        times[2].1.push(millis(timed));
        (snapshot, resources) = (next, after);
    }
    times
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

async fn measure(routes: usize, replicas: usize, changes: usize) -> Measured {
    let (dir, registry) = (tempfile::tempdir().unwrap(), Registry::new());
    let distributor = distributor(&dir, registry.clone()).await;
    let mut objects = objects(&fleet::objects(routes));
    let mut board = distributor.acknowledged();
    publish(&distributor, &objects);
    for index in 0..replicas {
        tokio::spawn(replica(leader(&dir, &distributor, index)));
    }
    served(&mut board, replicas).await;
    let (mut translating, mut propagating) = (Vec::new(), Vec::new());
    let before = sent(&registry);
    for change in 0..changes {
        insert(&mut objects, &fleet::route(change % routes, &format!("/version-{change}")));
        let (translated, published) = publish(&distributor, &objects);
        served(&mut board, replicas).await;
        translating.push(translated.as_secs_f64() * 1000.0);
        propagating.push(millis(published));
    }
    let bytes_per_change = (sent(&registry) - before) / (changes * replicas) as f64;
    Measured { routes, replicas, translate: translating, propagate: propagating, bytes_per_change }
}

/// Translates and publishes; how long the first took, and when the second began.
fn publish(distributor: &Distributor, objects: &Objects) -> (Duration, Instant) {
    let started = Instant::now();
    let snapshots = translate(objects, &Settings::default()).snapshots;
    let translated = started.elapsed();
    let published = Instant::now();
    distributor.publish(snapshots);
    (translated, published)
}

/// Waits until so many replicas serve what was published last.
async fn served(board: &mut watch::Receiver<Acknowledged>, replicas: usize) {
    let all = |board: &Acknowledged| board.0.get(&key()).is_some_and(|gateway| gateway.current().count() == replicas);
    tokio::time::timeout(Duration::from_secs(120), board.wait_for(all)).await.expect("all replicas follow").unwrap();
}

fn sent(registry: &Registry) -> f64 {
    let families = registry.gather();
    let family = families.iter().find(|family| family.name() == "sluice_stream_sent_bytes_total").unwrap();
    family.get_metric()[0].get_counter().get_value()
}

async fn distributor(dir: &TempDir, registry: Registry) -> Distributor {
    let authority = Authority::generate(SystemTime::now()).unwrap();
    std::fs::write(dir.path().join("ca.crt"), authority.certificate_pem()).unwrap();
    std::fs::write(dir.path().join("token"), "token").unwrap();
    let options = Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        identity: ServerIdentity::new(authority, vec![NAME.to_owned()]).unwrap(),
        authenticator: Arc::new(Everybody),
        account: Arc::new(|_| Some("account".to_owned())),
        confirm: Arc::new(Unconfirmed),
        role: watch::Sender::new(Role::Leader).subscribe(),
        registry,
    };
    Distributor::start(options).await.unwrap()
}

fn leader(dir: &TempDir, distributor: &Distributor, index: usize) -> Leader {
    Leader {
        controller: format!("https://{NAME}:{}", distributor.address().port()).parse().unwrap(),
        ca: dir.path().join("ca.crt"),
        token: dir.path().join("token"),
        gateway: key().to_string(),
        replica: format!("replica-{index}"),
    }
}

async fn replica(leader: Leader) {
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
    match follow(&leader, &mut Plane::new(server, |_, _| Ok(()))).await {}
}

fn key() -> Key {
    Key::new(fleet::NAMESPACE, fleet::GATEWAY)
}

fn objects(documents: &[Value]) -> Objects {
    let mut objects = Objects::default();
    documents.iter().for_each(|document| insert(&mut objects, document));
    objects
}

fn insert(objects: &mut Objects, document: &Value) {
    let text = |field: &str| document[field].as_str().unwrap();
    let kind = Kind::of(text("apiVersion"), text("kind")).unwrap();
    objects.insert(kind, document.clone()).unwrap();
}
