//! The processes that the bed's pods are.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::{fs, io};

use serde_json::Value;
use sluice_cluster::command::get;
use tokio::process::Command;

/// A running pod.
#[derive(Debug, Clone)]
pub(crate) struct Pod {
    pub(crate) name: String,
    pub(crate) address: IpAddr,
    /// Of its program.
    pub(crate) process: u32,
}

/// The pods of a label, running.
pub(crate) async fn labelled(namespace: &str, selector: &str) -> Vec<Pod> {
    let found = get(&["-n", namespace, "pod", "-l", selector]).await.unwrap();
    let pods = found["items"].as_array().unwrap().iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
    pods.map(pod).collect()
}

fn pod(pod: &Value) -> Pod {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let name = text(&pod["metadata"]["name"]);
    let address = text(&pod["status"]["podIP"]).parse().unwrap();
    let process = processes().unwrap().into_iter().find(|process| is_program_of(*process, &name));
    Pod { process: process.unwrap_or_else(|| panic!("no process of {name}")), name, address }
}

impl Pod {
    /// A file as the pod sees it; none if it is not there.
    pub(crate) async fn read(&self, path: &str) -> Option<String> {
        // By its mounts and not by /proc/…/root, from where a link such as /var/run leads out.
        let process = self.process.to_string();
        let output =
            Command::new("nsenter").args(["--mount", "--target", &process, "cat", path]).output().await.unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        (self.address, port).into()
    }

    /// Ports that it listens on at more than loopback.
    pub(crate) async fn open_ports(&self) -> BTreeSet<u16> {
        let net = format!("--net=/proc/{}/ns/net", self.process);
        let output = Command::new("nsenter").args([&net, "ss", "-Hltu"]).arg("-n").output().await.unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let local = text.lines().filter_map(|line| line.split_whitespace().nth(4));
        let local = local.filter(|address| !address.starts_with("127.") && !address.starts_with("[::1]"));
        local.map(|address| address.rsplit_once(':').unwrap().1.parse().unwrap()).collect()
    }

    /// Sends its program a signal.
    pub(crate) async fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.process.to_string()]).status().await.unwrap();
        assert!(status.success());
    }
}

fn processes() -> io::Result<Vec<u32>> {
    Ok(fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

/// The bed gives each pod a UTS namespace with its name as the host's, and the program's own environment says it too.
fn is_program_of(process: u32, pod: &str) -> bool {
    let read = |file: &str| fs::read(format!("/proc/{process}/{file}")).unwrap_or_default();
    let has = |bytes: &[u8], wanted: &str| bytes.split(|byte| *byte == 0).any(|word| word == wanted.as_bytes());
    let arguments = read("cmdline");
    has(&read("environ"), &format!("HOSTNAME={pod}")) && (has(&arguments, "controller") || has(&arguments, "proxy"))
}
