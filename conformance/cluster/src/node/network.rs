//! The node's network: a bridge, and for each pod a network namespace with one address on it.
//!
//! A namespace has no name. It lives as long as its sandbox process (as the pause container of a real node) and the
//! containers that entered it; when they are gone the kernel takes it away, with its end of the veth pair and ours.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use crate::node::address::{self, Pool};
use crate::node::error::Error;
use crate::node::tool;

const BRIDGE: &str = "sim0";

/// The bridge, and the addresses of the pods on it.
#[derive(Debug)]
pub(crate) struct Network {
    pool: Arc<Mutex<Pool>>,
}

/// A pod's network namespace.
#[derive(Debug)]
pub(crate) struct Sandbox {
    lease: Lease,
    process: Child,
    pid: u32,
}

/// An address for as long as it is used.
#[derive(Debug)]
struct Lease {
    address: Ipv4Addr,
    pool: Arc<Mutex<Pool>>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Ok(mut pool) = self.pool.lock() {
            pool.release(self.address);
        }
    }
}

impl Network {
    /// Makes the bridge and lets packets pass it.
    ///
    /// # Errors
    /// `ip` fails or the kernel's settings cannot be written: this is no network namespace of our own.
    pub(crate) async fn create() -> Result<Self, Error> {
        let (node, dns) = (address::NODE, address::DNS);
        let (services, balancers) = (address::SERVICES, address::BALANCERS);
        let script = format!(
            "link set lo up\n\
             link add {BRIDGE} type bridge\n\
             addr add {node}/16 dev {BRIDGE}\n\
             addr add {dns}/32 dev {BRIDGE}\n\
             link set {BRIDGE} up\n\
             route add {services} dev {BRIDGE} src {node}\n\
             route add {balancers} dev {BRIDGE} src {node}\n"
        );
        // Pods reach each other by the node, on one bridge: it must not tell them of a shorter way.
        for (setting, value) in
            [("ip_forward", "1"), ("conf/all/send_redirects", "0"), ("conf/default/send_redirects", "0")]
        {
            set(setting, value)?;
        }
        tool::feed("ip", &["-batch", "-"], &script).await?;
        set(&format!("conf/{BRIDGE}/send_redirects"), "0")?;
        // The API server may listen on loopback only; its Service's address leads there.
        set(&format!("conf/{BRIDGE}/route_localnet"), "1")?;
        Ok(Self { pool: Arc::new(Mutex::new(Pool::new([10, 244]))) })
    }

    /// Takes the bridge away.
    pub(crate) async fn remove(&self) -> Result<(), Error> {
        tool::feed("ip", &["link", "delete", BRIDGE], "").await
    }

    /// Makes a network namespace with an address.
    ///
    /// # Errors
    /// No address is left, or one of the tools fails.
    pub(crate) async fn attach(&self, hostname: &str) -> Result<Sandbox, Error> {
        let taken = self.pool.lock().ok().and_then(|mut pool| pool.take());
        let address = taken.ok_or_else(|| Error::new("pod address", "10.244.0.0/16 is used up"))?;
        let lease = Lease { address, pool: Arc::clone(&self.pool) };
        let (process, pid) = hold(hostname).await?;
        let [_, _, high, low] = address.octets();
        let link = format!("pod{high}.{low}");
        let outside = format!(
            "link add {link} type veth peer name eth0 address 02:42:0a:f4:{high:02x}:{low:02x} netns {pid}\n\
             link set {link} master {BRIDGE} up\n"
        );
        tool::feed("ip", &["-batch", "-"], &outside).await?;
        let node = address::NODE;
        // A /32: pods talk to each other by way of the node, so that answers to a translated address come back by it.
        let inside = format!(
            "addr add {address}/32 dev eth0\n\
             link set eth0 up\n\
             route add {node}/32 dev eth0\n\
             route add default via {node} dev eth0\n"
        );
        let net = format!("--net=/proc/{pid}/ns/net");
        tool::feed("nsenter", &[&net, "ip", "-batch", "-"], &inside).await?;
        Ok(Sandbox { lease, process, pid })
    }
}

impl Sandbox {
    /// The pod's address.
    pub(crate) fn address(&self) -> Ipv4Addr {
        self.lease.address
    }

    /// Ends the namespace: what runs in it must have been stopped before.
    pub(crate) async fn remove(mut self) {
        // It has ended already: as good.
        let _ = self.process.kill().await;
    }

    /// The arguments that make `nsenter` enter this namespace.
    pub(crate) fn enter(&self) -> [String; 3] {
        ["net", "uts", "ipc"].map(|kind| format!("--{kind}=/proc/{}/ns/{kind}", self.pid))
    }
}

/// Starts the process that keeps a fresh namespace alive, and waits until it is there.
async fn hold(hostname: &str) -> Result<(Child, u32), Error> {
    const SCRIPT: &str =
        r#"echo "$1" > /proc/sys/kernel/hostname && ip link set lo up && echo up && exec sleep infinity"#;
    let fail = |cause: String| Error::new("sandbox of a pod", cause);
    let mut process = tool::command("unshare")
        .args(["--net", "--uts", "--ipc", "--", "sh", "-c", SCRIPT, "sh", hostname])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| fail(error.to_string()))?;
    let pid = process.id().ok_or_else(|| fail("it ended at once".to_owned()))?;
    let stdout = process.stdout.take().ok_or_else(|| fail("it has no output".to_owned()))?;
    match BufReader::new(stdout).lines().next_line().await {
        Ok(Some(line)) if line == "up" => Ok((process, pid)),
        other => Err(fail(format!("it does not come up: {other:?}"))),
    }
}

fn set(setting: &str, value: &str) -> Result<(), Error> {
    let path = format!("/proc/sys/net/ipv4/{setting}");
    std::fs::write(&path, value).map_err(|error| Error::new(path, error))
}
