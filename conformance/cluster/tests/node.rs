//! What the node does of what a kubelet, kube-proxy, CoreDNS and a cloud do. Runs inside a bed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sluice_cluster::kubectl::Kubectl;
use sluice_testkit::wait::eventually;
use tokio::net::TcpStream;

/// For what controllers and processes do on a loaded machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A namespace that is this test's own.
struct World {
    namespace: String,
    kubectl: Kubectl,
}

impl World {
    async fn new(name: &str) -> Self {
        let kubectl = Kubectl::new();
        kubectl.run(&["create", "namespace", name]).await.unwrap();
        Self { namespace: name.to_owned(), kubectl }
    }

    async fn apply(&self, mut object: Value) {
        object["metadata"]["namespace"] = self.namespace.clone().into();
        self.kubectl.apply(&object).await.unwrap();
    }

    async fn run(&self, args: &[&str]) -> String {
        self.kubectl.run(&[&["-n", &self.namespace], args].concat()).await.unwrap()
    }

    async fn get(&self, what: &str) -> Value {
        serde_json::from_str(&self.run(&["get", what, "-o", "json"]).await).unwrap()
    }

    /// A Deployment of `bed/echo` and its Service, port 80. `change` adds to the container.
    async fn deploy(&self, name: &str, replicas: u32, change: Value) {
        let mut container = json!({
            "name": "echo", "image": "bed/echo:1", "ports": [{"name": "http", "containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1, "failureThreshold": 1},
        });
        let mut template = json!({"terminationGracePeriodSeconds": 1, "volumes": change["volumes"]});
        for (key, value) in change.as_object().into_iter().flatten().filter(|(key, _)| *key != "volumes") {
            container[key] = value.clone();
        }
        template["containers"] = json!([container]);
        let labels = json!({"app": name});
        self.apply(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {
                "replicas": replicas, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": template},
            },
        }))
        .await;
        self.apply(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        }))
        .await;
    }

    async fn rolled_out(&self, name: &str) {
        self.run(&["rollout", "status", &format!("deployment/{name}"), "--timeout=60s"]).await;
        // The pods are ready; that the Service leads to them follows a moment later.
        let host = format!("{name}.{}", self.namespace);
        eventually(&format!("{host} to answer"), LIMIT, async || get(&host, "/ready").await.is_ok()).await;
    }

    async fn pods(&self) -> Vec<Value> {
        self.get("pods").await["items"].as_array().unwrap().clone()
    }

    /// The body that the Service answers, by its name. A Service leads to a pod that just ended for a moment still, here
    /// as on a real node, so what gets no answer is asked again.
    async fn ask(&self, service: &str, path: &str) -> String {
        let host = format!("{service}.{}", self.namespace);
        let body = tokio::sync::Mutex::new(None);
        eventually(&format!("{host}{path} to answer"), LIMIT, async || {
            *body.lock().await = get(&host, path).await.ok();
            body.lock().await.is_some()
        })
        .await;
        body.into_inner().expect("an answer was waited for")
    }

    async fn answers(&self, service: &str, path: &str, expected: &str) {
        let host = format!("{service}.{}", self.namespace);
        let asked = async || get(&host, path).await.is_ok_and(|body| body == expected);
        eventually(&format!("{host}{path} to answer {expected}"), LIMIT, asked).await;
    }

    /// Deletes everything and waits until it is gone.
    async fn end(self) {
        self.kubectl.run(&["delete", "namespace", &self.namespace, "--timeout=60s"]).await.unwrap();
    }
}

/// From the bed's own namespace, as a test's client is. An answer that is no success is an error.
async fn get(host: &str, path: &str) -> Result<String, Box<dyn std::error::Error>> {
    let authority = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::get(path).header("host", host).body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = String::from_utf8(response.into_body().collect().await?.to_bytes().to_vec())?;
    connection.abort();
    if status.is_success() { Ok(body) } else { Err(format!("{status}: {body}").into()) }
}

fn condition(pod: &Value, name: &str) -> String {
    let all = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let found = all.into_iter().find(|condition| condition["type"] == name);
    found.map(|found| found["status"].as_str().unwrap_or_default().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn a_container_finds_what_its_pod_says() {
    let world = World::new("finds").await;
    world
        .apply(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map"}, "data": {"a": "1", "b": "2"}}),
        )
        .await;
    world
        .apply(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"token": "hush"}}),
        )
        .await;
    let token = json!({"serviceAccountToken": {"audience": "test", "expirationSeconds": 600, "path": "token"}});
    let labels =
        json!({"downwardAPI": {"items": [{"path": "app", "fieldRef": {"fieldPath": "metadata.labels['app']"}}]}});
    let change = json!({
        "env": [
            {"name": "PLAIN", "value": "$(IP)!"},
            {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "key", "key": "token"}}},
            {"name": "ACCOUNT", "valueFrom": {"fieldRef": {"fieldPath": "spec.serviceAccountName"}}},
        ],
        "envFrom": [{"configMapRef": {"name": "map"}, "prefix": "MAP_"}],
        "securityContext": {"runAsUser": 65532, "runAsNonRoot": true, "readOnlyRootFilesystem": true},
        "volumeMounts": [
            {"name": "map", "mountPath": "/etc/of/no/machine"},
            {"name": "key", "mountPath": "/var/run/secrets/sluice/key", "subPath": "token"},
            {"name": "mixed", "mountPath": "/var/run/sluice"},
            {"name": "scratch", "mountPath": "/scratch"},
        ],
        "volumes": [
            {"name": "map", "configMap": {"name": "map", "items": [{"key": "a", "path": "sub/a"}]}},
            {"name": "key", "secret": {"secretName": "key"}},
            {"name": "mixed", "projected": {"sources": [token, labels]}},
            {"name": "scratch", "emptyDir": {}},
        ],
    });
    world.deploy("echo", 1, change).await;
    world.rolled_out("echo").await;
    let own: Value = serde_json::from_str(&world.ask("echo", "/self").await).unwrap();
    assert_eq!([&own["user"], &own["pid"]], [&json!(65532), &json!(1)]);
    let env = |name: &str| own["env"][name].as_str().unwrap_or("absent").to_owned();
    assert_eq!(["PLAIN", "SECRET", "ACCOUNT", "MAP_a"].map(env), ["$(IP)!", "hush", "default", "1"]);
    assert_eq!(world.ask("echo", "/file?/etc/of/no/machine/sub/a").await, "1");
    assert_eq!(world.ask("echo", "/file?/var/run/secrets/sluice/key").await, "hush");
    assert_eq!(world.ask("echo", "/file?/var/run/sluice/app").await, "echo");
    assert_eq!(world.ask("echo", "/file?/var/run/secrets/kubernetes.io/serviceaccount/namespace").await, "finds");
    let token = world.ask("echo", "/file?/var/run/sluice/token").await;
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token, "audiences": ["test"]}
    });
    let review = world.kubectl.create(&review).await.unwrap();
    assert_eq!(review["status"]["user"]["username"], "system:serviceaccount:finds:default");

    world
        .apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map"}, "data": {"a": "new"}}))
        .await;
    world.answers("echo", "/file?/etc/of/no/machine/sub/a", "new").await;
    assert!(!std::path::Path::new("/etc/of").exists(), "a mount path was made on the machine");
    world.end().await;
}

#[tokio::test]
async fn services_lead_to_ready_pods_from_everywhere() {
    let world = World::new("leads").await;
    world.deploy("client", 1, json!({})).await;
    world.deploy("echo", 2, json!({})).await;
    world.rolled_out("client").await;
    world.rolled_out("echo").await;
    let names: BTreeSet<String> = world
        .pods()
        .await
        .iter()
        .map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned())
        .filter(|name| name.starts_with("echo"))
        .collect();

    let spread = async |path: &str, service: &str| {
        let mut seen = BTreeSet::new();
        for _ in 0..40 {
            seen.insert(world.ask(service, path).await);
        }
        seen
    };
    eventually("traffic to both from the bed", LIMIT, async || spread("/", "echo").await == names).await;
    for host in ["echo", "echo.leads", "echo.leads.svc", "echo.leads.svc.cluster.local"] {
        assert_eq!(spread(&format!("/fetch?{host}/"), "client").await, names, "from a pod, as {host}");
    }
    let address = world.get("service/echo").await["spec"]["clusterIP"].as_str().unwrap().to_owned();
    assert!(names.contains(&get(&address, "/").await.unwrap()), "by ClusterIP");
    assert!(!world.ask("echo", "/fetch?echo/").await.is_empty(), "a pod reaches itself by its Service");

    // One says that it is not ready: it gets no traffic until it is again.
    let pods = world.pods().await;
    let pod = pods.iter().find(|pod| names.contains(pod["metadata"]["name"].as_str().unwrap())).unwrap();
    let (name, ip) = (pod["metadata"]["name"].as_str().unwrap(), pod["status"]["podIP"].as_str().unwrap());
    let host = format!("{ip}:8080");
    get(&host, "/ready?no").await.unwrap();
    let pod_is = async |expected: &str| condition(&world.get(&format!("pod/{name}")).await, "Ready") == expected;
    eventually("the pod to be unready", LIMIT, async || pod_is("False").await).await;
    let others = names.iter().filter(|other| *other != name).cloned().collect::<BTreeSet<_>>();
    eventually("traffic to the other alone", LIMIT, async || spread("/", "echo").await == others).await;
    get(&host, "/ready?yes").await.unwrap();
    eventually("the pod to be ready", LIMIT, async || pod_is("True").await).await;
    eventually("traffic to both", LIMIT, async || spread("/", "echo").await == names).await;

    // Nobody behind it: refused at once, not lost.
    world.run(&["scale", "deployment/echo", "--replicas=0"]).await;
    let refused = async || get(&address, "/").await.is_err_and(|error| error.to_string().contains("refused"));
    eventually("a connection to be refused", LIMIT, refused).await;
    world.end().await;
}

#[tokio::test]
async fn load_balancers_get_an_address_that_leads_on() {
    let world = World::new("balanced").await;
    world.deploy("echo", 1, json!({})).await;
    world.run(&["patch", "service/echo", "-p", r#"{"spec": {"type": "LoadBalancer"}}"#]).await;
    let address = async || {
        let service = world.get("service/echo").await;
        service["status"]["loadBalancer"]["ingress"][0]["ip"].as_str().unwrap_or_default().to_owned()
    };
    eventually("an address", LIMIT, async || address().await.starts_with("10.246.")).await;
    world.rolled_out("echo").await;
    let address = address().await;
    eventually("an answer", LIMIT, async || get(&address, "/").await.is_ok()).await;
    world.run(&["patch", "service/echo", "-p", r#"{"spec": {"type": "ClusterIP"}}"#]).await;
    eventually("no answer", LIMIT, async || get(&address, "/").await.is_err()).await;
    world.end().await;
}

#[tokio::test]
async fn what_a_container_says_can_be_read() {
    let world = World::new("says").await;
    world.deploy("echo", 1, json!({})).await;
    world.rolled_out("echo").await;
    world.ask("echo", "/first").await;
    world.ask("echo", "/second").await;
    let whole = world.run(&["logs", "deployment/echo"]).await;
    assert_eq!(whole, "serving on port 8080\nasked for /first\nasked for /second\n");
    assert_eq!(world.run(&["logs", "deployment/echo", "--tail=1"]).await, "asked for /second\n");
    let stamped = world.run(&["logs", "deployment/echo", "--tail=1", "--timestamps"]).await;
    assert!(stamped.starts_with("20") && stamped.ends_with(" asked for /second\n"), "{stamped}");
    assert_eq!(world.run(&["logs", "deployment/echo", "--since-time=2099-01-01T00:00:00Z"]).await, "");

    // It ends and starts again: its first life is the previous one.
    drop(get("echo.says", "/exit?3").await);
    let restarted = async || world.pods().await[0]["status"]["containerStatuses"][0]["restartCount"] == 1;
    eventually("a restart", LIMIT, restarted).await;
    world.rolled_out("echo").await;
    let status = world.pods().await[0]["status"]["containerStatuses"][0].clone();
    assert_eq!(status["lastState"]["terminated"]["exitCode"], 3);
    assert_eq!(world.run(&["logs", "deployment/echo"]).await, "serving on port 8080\n");
    let previous = world.run(&["logs", "deployment/echo", "--previous"]).await;
    assert!(previous.ends_with("asked to exit\n"), "{previous}");
    world.end().await;
}

#[tokio::test]
async fn pods_that_cannot_run_say_why() {
    let world = World::new("why").await;
    let pod = |name: &str, container: Value| {
        let mut container = container;
        container["name"] = "c".into();
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}})
    };
    world.apply(pod("image", json!({"image": "of/nobody:1"}))).await;
    let absent = json!([{"name": "X", "valueFrom": {"secretKeyRef": {"name": "late", "key": "x"}}}]);
    world.apply(pod("secret", json!({"image": "bed/echo:1", "env": absent}))).await;
    let root = json!({"runAsNonRoot": true});
    world.apply(pod("root", json!({"image": "bed/echo:1", "securityContext": root}))).await;
    for (name, reason) in
        [("image", "ErrImagePull"), ("secret", "CreateContainerConfigError"), ("root", "CreateContainerConfigError")]
    {
        let said = async || {
            let pod = world.get(&format!("pod/{name}")).await;
            let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
            waiting["reason"] == reason && !waiting["message"].is_null() && pod["status"]["phase"] == "Pending"
        };
        eventually(&format!("pod {name} to wait because of {reason}"), LIMIT, said).await;
    }
    // What it waits for comes.
    world
        .apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "late"}, "stringData": {"x": "1"}}))
        .await;
    world.run(&["wait", "pod/secret", "--for=condition=Ready", "--timeout=60s"]).await;
    world.end().await;
}

#[tokio::test]
async fn probes_hold_back_and_restart() {
    let world = World::new("probed").await;
    let change = json!({
        "env": [{"name": "READY", "value": "no"}],
        "startupProbe": {"tcpSocket": {"port": "http"}, "periodSeconds": 1},
        "livenessProbe": {
            "exec": {"command": ["sh", "-c", "test ! -e /tmp/dead"]}, "periodSeconds": 1, "failureThreshold": 1
        },
    });
    world.deploy("echo", 1, change).await;
    let pod = async || world.pods().await.first().cloned().unwrap_or_default();
    let started = async || pod().await["status"]["containerStatuses"][0]["started"] == true;
    eventually("a start", LIMIT, started).await;
    assert_eq!(condition(&pod().await, "Ready"), "False");
    let host = format!("{}:8080", pod().await["status"]["podIP"].as_str().unwrap());
    get(&host, "/ready?yes").await.unwrap();
    world.rolled_out("echo").await;

    get(&host, "/touch?/tmp/dead").await.unwrap();
    let restarts = async || pod().await["status"]["containerStatuses"][0]["restartCount"].as_i64();
    eventually("a restart", LIMIT, async || restarts().await == Some(1)).await;
    eventually("a new life without what it wrote", LIMIT, async || get(&host, "/ready?yes").await.is_ok()).await;
    world.rolled_out("echo").await;
    assert_eq!(restarts().await, Some(1));
    world.end().await;
}

#[tokio::test]
async fn twenty_replicas_come_roll_and_go() {
    let world = World::new("twenty").await;
    world.deploy("echo", 20, json!({})).await;
    world.rolled_out("echo").await;
    let addresses = async || {
        let pods = world.pods().await;
        pods.iter().filter_map(|pod| pod["status"]["podIP"].as_str().map(str::to_owned)).collect::<BTreeSet<_>>()
    };
    let before = addresses().await;
    assert_eq!(before.len(), 20);
    let interfaces = async || {
        let output = tokio::process::Command::new("ip").args(["-br", "link", "show", "type", "veth"]).output().await;
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let link = |address: &String| address.replacen("10.244.", "pod", 1);
    let links = interfaces().await;
    assert!(before.iter().all(|address| links.contains(&link(address))), "{links}");

    world.run(&["set", "env", "deployment/echo", "ROUND=2"]).await;
    world.rolled_out("echo").await;
    let own: Value = serde_json::from_str(&world.ask("echo", "/self").await).unwrap();
    assert_eq!(own["env"]["ROUND"], "2");
    let after = async || addresses().await.is_disjoint(&before);
    eventually("the old ones to be gone", LIMIT, after).await;
    let last = addresses().await;
    world.end().await;
    let gone = async || {
        let links = interfaces().await;
        before.union(&last).all(|address| !links.contains(&format!("{}@", link(address))))
    };
    eventually("the interfaces to be gone", LIMIT, gone).await;
}
