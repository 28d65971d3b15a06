//! etcd, kube-apiserver and kube-controller-manager: their flags, and when each is ready.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use kube::Client;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::access;
use crate::component::Component;
use crate::folder::Folder;
use crate::pki::{Leaf, NODE_ADDRESS, Pki};
use crate::process::Process;
use crate::signal::Signal;

/// Far above what a loaded machine takes, far below a CI's patience.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at something that is starting.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long it may take to say whether it is ready; one that hangs is asked again.
const ANSWER: Duration = Duration::from_secs(2);
/// Where etcd listens. The network is the bed's own: no other bed is there to meet.
const ETCD: &str = "127.0.0.1:2379";
/// Where kube-controller-manager says that it is well.
const CONTROLLER_MANAGER: &str = "127.0.0.1:10257";
/// Every request's metadata, once answered (a watch: once begun); RBAC is proved with it.
const AUDIT_POLICY: &str = r#"{
    "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [{"level": "Metadata"}]
}"#;
/// What a real cluster does to the kinds that Sluice and its tests make. Not the ones that look for missing nodes.
const CONTROLLERS: [&str; 14] = [
    "clusterrole-aggregation-controller",
    "daemonset-controller",
    "deployment-controller",
    "disruption-controller",
    "endpoints-controller",
    "endpointslice-controller",
    "endpointslice-mirroring-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "replicaset-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "statefulset-controller",
];

/// The control plane of a bed.
pub(crate) struct ControlPlane {
    processes: BTreeMap<Component, Mutex<Process>>,
    client: Client,
}

impl ControlPlane {
    /// One of which nothing runs yet.
    pub(crate) async fn new(bin: &Path, folder: &Folder, pki: &Pki) -> io::Result<Self> {
        fs::write(folder.join("audit-policy.yaml"), AUDIT_POLICY)?;
        let flags = [
            (Component::Etcd, etcd(folder)),
            (Component::Apiserver, api_server(folder, pki)),
            (Component::ControllerManager, controller_manager(pki)),
        ];
        let processes = flags.map(|(component, flags)| {
            let flags = flags.into_iter().map(OsString::from).collect();
            let process = Process::new(bin.join(component.program()), flags, folder.log(component.program()));
            (component, Mutex::new(process))
        });
        Ok(Self { processes: processes.into(), client: access::client(&folder.kubeconfig(), Some(ANSWER)).await? })
    }

    /// Starts a part and waits until it is ready.
    pub(crate) async fn start(&self, component: Component) -> io::Result<()> {
        let mut process = self.process(component)?.lock().await;
        process.start()?;
        let since = Instant::now();
        while !self.ready(component).await {
            if let Some(status) = process.ended()? {
                return Err(trouble(component, &format!("ended with {status}"), &process));
            }
            if since.elapsed() > PATIENCE {
                return Err(trouble(component, &format!("is not ready after {PATIENCE:?}"), &process));
            }
            sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    pub(crate) async fn stop(&self, component: Component) -> io::Result<()> {
        self.process(component)?.lock().await.stop().await
    }

    pub(crate) async fn kill(&self, component: Component) -> io::Result<()> {
        self.process(component)?.lock().await.kill().await
    }

    pub(crate) async fn signal(&self, component: Component, signal: Signal) -> io::Result<()> {
        self.process(component)?.lock().await.signal(signal).await
    }

    /// A line for a person: process and resident memory.
    pub(crate) async fn status(&self, component: Component) -> String {
        let name = component.program();
        let Ok(process) = self.process(component) else { return format!("{name} is not part of the bed") };
        match process.lock().await.id() {
            Some(id) => format!("{name} runs: process {id}, {} MB", resident_megabytes(id)),
            None => format!("{name} does not run"),
        }
    }

    /// What has ended though nobody asked it to, with the end of its log.
    pub(crate) async fn casualties(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (component, process) in &self.processes {
            let mut process = process.lock().await;
            if let Ok(Some(status)) = process.ended() {
                found.push(trouble(*component, &format!("had ended with {status}"), &process).to_string());
            }
        }
        found
    }

    fn process(&self, component: Component) -> io::Result<&Mutex<Process>> {
        self.processes.get(&component).ok_or_else(|| io::Error::other("it is not part of the bed"))
    }

    async fn ready(&self, component: Component) -> bool {
        match component {
            Component::Etcd => TcpStream::connect(ETCD).await.is_ok(),
            Component::Apiserver => match http::Request::get("/readyz").body(Vec::new()) {
                Ok(request) => self.client.request_text(request).await.is_ok(),
                Err(_) => false,
            },
            Component::ControllerManager => TcpStream::connect(CONTROLLER_MANAGER).await.is_ok(),
        }
    }
}

fn trouble(component: Component, what: &str, process: &Process) -> io::Error {
    io::Error::other(format!("{} {what}; its last words:\n{}", component.program(), process.tail()))
}

fn resident_megabytes(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    kilobytes.unwrap_or(0_u64) / 1024
}

fn etcd(folder: &Folder) -> Vec<String> {
    vec![
        format!("--data-dir={}", folder.etcd().join("data").display()),
        "--unsafe-no-fsync".to_owned(),
        format!("--listen-client-urls=http://{ETCD}"),
        format!("--advertise-client-urls=http://{ETCD}"),
        "--listen-peer-urls=http://127.0.0.1:2380".to_owned(),
        "--initial-advertise-peer-urls=http://127.0.0.1:2380".to_owned(),
        "--initial-cluster=default=http://127.0.0.1:2380".to_owned(),
        // The largest of the CRDs are above the default of 1.5 MB.
        "--max-request-bytes=8388608".to_owned(),
        "--quota-backend-bytes=2147483648".to_owned(),
        "--log-level=error".to_owned(),
    ]
}

fn api_server(folder: &Folder, pki: &Pki) -> Vec<String> {
    let [a, b, c, d] = NODE_ADDRESS;
    let mut flags = vec![
        format!("--etcd-servers=http://{ETCD}"),
        // Pods reach it through Service `kubernetes`, whose endpoint is the advertised address.
        "--bind-address=0.0.0.0".to_owned(),
        "--secure-port=6443".to_owned(),
        format!("--advertise-address={a}.{b}.{c}.{d}"),
        "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
        "--allow-privileged=true".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        format!("--audit-log-path={}", folder.audit_log().display()),
        format!("--audit-policy-file={}", folder.join("audit-policy.yaml").display()),
        // Megabytes; a second file would be one that no reader knows of.
        "--audit-log-maxsize=100000".to_owned(),
    ];
    let Pki { ca, api_server, kubelet_client, service_accounts, .. } = pki;
    flags.push(format!("--client-ca-file={}", ca.display()));
    flags.extend(pair(["tls-cert-file", "tls-private-key-file"], api_server));
    flags.extend(pair(["kubelet-client-certificate", "kubelet-client-key"], kubelet_client));
    flags.extend(pair(["service-account-key-file", "service-account-signing-key-file"], service_accounts));
    flags
}

fn controller_manager(pki: &Pki) -> Vec<String> {
    vec![
        format!("--kubeconfig={}", pki.controller_manager.display()),
        "--leader-elect=false".to_owned(),
        "--use-service-account-credentials=false".to_owned(),
        format!("--service-account-private-key-file={}", pki.service_accounts.key.display()),
        format!("--root-ca-file={}", pki.ca.display()),
        "--bind-address=127.0.0.1".to_owned(),
        // The defaults make a test of 20 replicas wait for the client's own limit.
        "--kube-api-qps=500".to_owned(),
        "--kube-api-burst=1000".to_owned(),
        format!("--controllers={}", CONTROLLERS.join(",")),
    ]
}

fn pair(names: [&str; 2], leaf: &Leaf) -> [String; 2] {
    let [certificate, key] = names;
    [format!("--{certificate}={}", leaf.certificate.display()), format!("--{key}={}", leaf.key.display())]
}
