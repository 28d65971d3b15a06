//! A controller whose API server fails in every way that [`Fault`] knows: what is served goes on being served, nothing
//! that a short list lacks is taken for deleted, and soon after the fault edits are in force. Runs inside a bed, alone.
//!
//! `$SLUICE_FAULT_SECONDS` is how long each fault lasts (3).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use sluice_cluster::bed::Bed;
use sluice_cluster::fault::{Fault, FaultProxy};
use sluice_cluster::kubectl::Kubectl;
use sluice_testkit::client::http::Http;
use sluice_testkit::provider::Provider;
use sluice_testkit::provider::answer::Answer;
use sluice_testkit::sluice::{Launch, Sluice};
use sluice_testkit::wait::eventually;

const NAMESPACE: &str = "faults";
const CONTROLLER: &str = "test.sluice.dev/faults";

/// For what happens on a loaded machine.
const LIMIT: Duration = Duration::from_secs(60);

/// From the end of a fault until an edit is in force: what the issue asks for.
const RESYNC: Duration = Duration::from_secs(5);

/// Between two requests of the traffic.
const PACE: Duration = Duration::from_millis(20);

/// The faults, and whether they are of lists: then watches are ended, so that there are some.
fn faults() -> Vec<(Fault, bool)> {
    let mut all = vec![
        (Fault::Gone, false),
        (Fault::Reset, false),
        (Fault::TooManyRequests(1), true),
        (Fault::InternalError, true),
        (Fault::Hang, false),
        (Fault::Silence, false),
        (Fault::Garbage, false),
        (Fault::SlowLists(Duration::from_secs(1)), true),
        (Fault::StaleLists, true),
    ];
    let short = ["gateways", "gatewayclasses", "httproutes", "backends", "services", "endpointslices", "secrets"];
    all.extend(short.map(|resource| (Fault::ShortLists { resource, keep: 0 }, true)));
    all.push((Fault::ShortLists { resource: "httproutes", keep: 1 }, true));
    all
}

#[tokio::test]
async fn every_fault_is_outlived() {
    let scene = Scene::set().await;
    let traffic = Traffic::start(scene.at);
    for (round, (fault, of_lists)) in faults().into_iter().enumerate() {
        eprintln!("-- {fault:?}");
        scene.proxy.inject(fault.clone());
        if of_lists {
            scene.proxy.expire_watches();
        }
        eventually("the fault to be noticed", LIMIT, async || scene.proxy.hits() > 0).await;
        tokio::time::sleep(duration()).await;
        scene.proxy.clear();
        let prefix = format!("/round-{round}");
        let edit = async {
            scene.route("edited", &prefix).await;
            eventually("the edit to be in force", RESYNC, async || answer(scene.at, &prefix).await == Ok(200)).await;
        };
        edit.await;
        assert_eq!(traffic.failures(), Vec::<String>::new(), "after {fault:?}");
    }
    let requests = traffic.end().await;
    eprintln!("-- {requests} requests, none failed");
    assert!(requests > 100, "there was hardly any traffic: {requests}");
    // Nothing that was deleted in earnest comes back.
    kubectl(&["delete", "httproute", "-n", NAMESPACE, "edited"]).await;
    let gone = format!("/round-{}", faults().len() - 1);
    eventually("the deletion to be in force", RESYNC, async || answer(scene.at, &gone).await == Ok(404)).await;
}

/// A controller behind the proxy, a Gateway, and two routes to a provider: one that stays, one that is edited.
struct Scene {
    proxy: FaultProxy,
    at: SocketAddr,
    _controller: Sluice,
    _provider: Provider,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn set() -> Self {
        let bed = Bed::from_env().unwrap();
        let proxy = FaultProxy::start(client(&bed.folder().kubeconfig()).await).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig, proxy.kubeconfig()).unwrap();
        kubectl(&["create", "namespace", NAMESPACE]).await;
        let provider = Provider::plain(Answer::json("{}")).await;
        let controller = controller(&kubeconfig).start().await;
        for object in objects(provider.address()) {
            Kubectl::new().apply(&object).await.unwrap();
        }
        let at = address().await;
        let scene = Self { proxy, at, _controller: controller, _provider: provider, _folder: folder };
        scene.route("edited", "/first").await;
        for path in ["/backend", "/first"] {
            eventually("the routes", LIMIT, async || answer(at, path).await == Ok(200)).await;
        }
        scene
    }

    async fn route(&self, name: &str, prefix: &str) {
        Kubectl::new().apply(&route(name, prefix)).await.unwrap();
    }
}

fn controller(kubeconfig: &Path) -> Launch {
    let args = [
        ("--kubeconfig", kubeconfig.to_str().unwrap()),
        ("--infrastructure", "host"),
        ("--host-addresses", "127.120.0.0/16"),
        ("--admin", "127.0.0.1:0"),
        ("--controller-name", CONTROLLER),
        ("--namespace", NAMESPACE),
        ("--pod-name", "a"),
    ];
    args.iter().fold(Launch::command("controller", &[]), |launch, (flag, value)| launch.arg(*flag).arg(*value))
}

async fn client(kubeconfig: &Path) -> Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

fn objects(provider: SocketAddr) -> Vec<Value> {
    let metadata = json!({"name": "it", "namespace": NAMESPACE});
    let listeners = json!([{"name": "http", "protocol": "HTTP", "port": 80}]);
    vec![
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": NAMESPACE},
            "spec": {"controllerName": CONTROLLER},
        }),
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": metadata,
            "spec": {"gatewayClassName": NAMESPACE, "listeners": listeners},
        }),
        json!({
            "apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "Backend", "metadata": metadata,
            "spec": {"endpoints": [{"ip": {"address": provider.ip().to_string(), "port": provider.port()}}]},
        }),
        route("kept", "/backend"),
    ]
}

fn route(name: &str, prefix: &str) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "parentRefs": [{"name": "it"}],
            "rules": [{
                "matches": [{"path": {"type": "PathPrefix", "value": prefix}}],
                "backendRefs": [{"group": "gateway.envoyproxy.io", "kind": "Backend", "name": "it"}],
            }],
        },
    })
}

/// Requests all the while, each of which must be answered by the provider.
struct Traffic {
    failures: Arc<std::sync::Mutex<Vec<String>>>,
    requests: Arc<AtomicUsize>,
    end: Arc<AtomicBool>,
    running: tokio::task::JoinHandle<()>,
}

impl Traffic {
    fn start(at: SocketAddr) -> Self {
        let (failures, requests, end) =
            <(Arc<std::sync::Mutex<Vec<String>>>, Arc<AtomicUsize>, Arc<AtomicBool>)>::default();
        let (failed, sent, ending) = (Arc::clone(&failures), Arc::clone(&requests), Arc::clone(&end));
        let running = tokio::spawn(async move {
            while !ending.load(Ordering::SeqCst) {
                match answer(at, "/backend").await {
                    Ok(200) => {}
                    other => failed.lock().unwrap().push(format!("{other:?}")),
                }
                sent.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(PACE).await;
            }
        });
        Self { failures, requests, end, running }
    }

    fn failures(&self) -> Vec<String> {
        self.failures.lock().unwrap().clone()
    }

    /// Ends it; returns how many requests there were.
    async fn end(self) -> usize {
        self.end.store(true, Ordering::SeqCst);
        self.running.await.unwrap();
        assert_eq!(*self.failures.lock().unwrap(), Vec::<String>::new());
        self.requests.load(Ordering::SeqCst)
    }
}

/// The status of the answer to a GET, on a connection of its own.
async fn answer(at: SocketAddr, path: &str) -> Result<u16, String> {
    let request =
        sluice_testkit::client::http::request(http::Method::GET, path, sluice_testkit::steps::StepBody::new([]));
    let answered = Http::http1(at).await.try_send(request).await?;
    Ok(answered.status.as_u16())
}

async fn kubectl(args: &[&str]) -> String {
    Kubectl::new().run(args).await.unwrap()
}

/// The address in the Gateway's status, once there is one.
async fn address() -> SocketAddr {
    let path = "jsonpath={.status.addresses[0].value}";
    let ask = async || kubectl(&["get", "gateway", "-n", NAMESPACE, "it", "-o", path]).await;
    eventually("an address", LIMIT, async || !ask().await.is_empty()).await;
    (ask().await.parse::<std::net::IpAddr>().unwrap(), 80).into()
}

fn duration() -> Duration {
    let seconds = std::env::var("SLUICE_FAULT_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(3))
}
