//! A controller on the node, and the replicas of a Gateway's data plane in pods, as they are for one test.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use sluice_testkit::sluice::{Launch, Sluice};
use sluice_testkit::wait::eventually;
use tokio::process::Command;

use crate::backend::{Backend, NODE};
use crate::client::status;
use crate::cluster::Cluster;
use crate::objects::{self, GATEWAY, PORT};
use crate::report::say;
use crate::scale;

/// For what controllers and pods do on a loaded machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);
/// The pods of the Gateway.
const OURS: &str = "gateway.networking.k8s.io/gateway-name=gw";

/// All that a test has for itself. Ends with it.
pub(crate) struct Fleet {
    pub(crate) world: &'static str,
    pub(crate) cluster: Cluster,
    /// Where clients find the Gateway: its Service.
    pub(crate) gateway: SocketAddr,
    /// How many routes there are.
    pub(crate) routes: usize,
    /// Each replica's own address.
    pub(crate) replicas: Vec<SocketAddr>,
    /// Taken away and put back by tests.
    pub(crate) controller: Option<Sluice>,
    _backend: Backend,
}

impl Fleet {
    /// A namespace and a class of this name, all routes, all replicas ready and serving.
    pub(crate) async fn start(world: &'static str) -> Self {
        Self::of(world, scale::routes(), scale::replicas()).await
    }

    /// One that may grow.
    pub(crate) async fn of(world: &'static str, routes: usize, replicas: usize) -> Self {
        say(format_args!("{world}: {routes} routes, {replicas} replicas"));
        let (cluster, backend) = (Cluster::of(world).await, Backend::start().await);
        run("kubectl", &["create", "namespace", world]).await;
        cluster.create(objects::controller_service()).await;
        cluster.create(objects::controller_endpoint("a", 18000)).await;
        for object in objects::gateway(world, replicas, backend.address) {
            cluster.create(object).await;
        }
        cluster.create_all((0..routes).map(objects::route)).await;
        let controller = Some(controller(world, "a", 18000).await);
        let gateway = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut fleet = Self { world, cluster, gateway, routes, replicas: Vec::new(), controller, _backend: backend };
        fleet.await_replicas(replicas).await;
        fleet.await_service().await;
        fleet
    }

    /// More routes.
    pub(crate) async fn grow_to(&mut self, routes: usize) {
        self.cluster.create_all((self.routes..routes).map(objects::route)).await;
        self.routes = routes;
        self.await_service().await;
    }

    /// Another number of replicas.
    pub(crate) async fn scale_to(&mut self, replicas: usize) {
        self.cluster.change_replicas(replicas).await;
        self.await_replicas(replicas).await;
        self.await_service().await;
    }

    async fn await_replicas(&mut self, wanted: usize) {
        let cluster = self.cluster.clone();
        let ready = async || {
            let pods = cluster.list(("", "Pod"), OURS).await;
            pods.len() == wanted && pods.iter().all(is_ready)
        };
        eventually("all replicas to be ready", LIMIT, ready).await;
        self.replicas = cluster.list(("", "Pod"), OURS).await.iter().map(address).collect();
    }

    async fn await_service(&mut self) {
        let services = self.cluster.list(("", "Service"), OURS).await;
        let address: IpAddr = services[0]["spec"]["clusterIP"].as_str().unwrap().parse().unwrap();
        self.gateway = (address, PORT).into();
        let (gateway, path) = (self.gateway, objects::path(self.routes - 1));
        eventually("the Service to lead there", LIMIT, async || status(gateway, &path).await == 200).await;
        for replica in &self.replicas {
            eventually("the last route", LIMIT, async || status(*replica, &path).await == 200).await;
        }
    }

    /// Waits until every replica answers a path so; longer than anything may take.
    pub(crate) async fn all_answer(&self, path: &str, expected: u16) {
        for replica in &self.replicas {
            let what = format!("{path} to be answered {expected} by {replica}");
            eventually(&what, LIMIT, async || status(*replica, path).await == expected).await;
        }
    }

    /// The controller, which is there.
    pub(crate) fn controller(&self) -> &Sluice {
        self.controller.as_ref().expect("it runs")
    }

    /// Kills it.
    pub(crate) async fn kill_controller(&mut self) {
        let mut controller = self.controller.take().expect("it runs");
        run("kill", &["-KILL", &controller.pid().to_string()]).await;
        controller.ended().await;
    }

    /// Starts it again.
    pub(crate) async fn start_controller(&mut self) {
        self.controller = Some(controller(self.world, "a", 18000).await);
    }

    /// Starts it again, with another way to the API server.
    pub(crate) async fn start_controller_behind(&mut self, kubeconfig: &Path) {
        let launch = launch(self.world, "a", 18000).arg("--kubeconfig").arg(kubeconfig);
        self.controller = Some(launch.start().await);
    }

    /// What the Gateway's Deployment makes its pods of.
    pub(crate) async fn template(&self) -> Value {
        self.cluster.list(("apps", "Deployment"), OURS).await[0]["spec"]["template"].clone()
    }

    /// A pod, by its name.
    pub(crate) async fn pod(&self, name: &str) -> Option<Value> {
        let pods = self.cluster.list(("", "Pod"), OURS).await;
        pods.into_iter().find(|pod| pod["metadata"]["name"] == name)
    }

    /// A number of the controller's metrics.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let page = self.controller().page("/metrics").await;
        let line = page.lines().find_map(|line| line.strip_prefix(&format!("{name} ")).map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
    }

    /// Takes away what the next test would feel: the routes, and what runs.
    pub(crate) async fn end(self) {
        run("kubectl", &["delete", "gateway", "-n", self.world, GATEWAY]).await;
        self.cluster.delete_all_routes().await;
        run("kubectl", &["delete", "gatewayclass", self.world]).await;
        run("kubectl", &["delete", "namespace", self.world, "--wait=false"]).await;
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if let Some(controller) = self.controller.as_ref().filter(|_| std::thread::panicking()) {
            say(format_args!("the controller said:\n{}", controller.stderr()));
        }
    }
}

/// A controller of that world on the node, at that port, ready.
pub(crate) async fn controller(world: &str, name: &str, port: u16) -> Sluice {
    launch(world, name, port).start().await
}

fn launch(world: &str, name: &str, port: u16) -> Launch {
    let address = std::net::Ipv4Addr::from(NODE).to_string();
    let args = [
        ("--infrastructure", "kubernetes"),
        ("--listen", &format!("0.0.0.0:{port}")),
        ("--pod-address", &address),
        ("--pod-name", name),
        ("--namespace", world),
        ("--controller-name", &objects::controller_name(world)),
        ("--admin", "127.0.0.1:0"),
    ];
    let launch = Launch::command("controller", &[]);
    args.iter().fold(launch, |launch, (flag, value)| launch.arg(*flag).arg(*value))
}

/// Whether a pod's own probe says so.
pub(crate) fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions.clone().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// Where a pod serves.
pub(crate) fn address(pod: &Value) -> SocketAddr {
    let ip: IpAddr = pod["status"]["podIP"].as_str().unwrap().parse().unwrap();
    (ip, PORT).into()
}

/// `NAMESPACE/NAME` of the Gateway of a world.
pub(crate) fn key(world: &str) -> String {
    format!("{world}/{GATEWAY}")
}

/// Runs a command, which must succeed.
pub(crate) async fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().await.unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}
