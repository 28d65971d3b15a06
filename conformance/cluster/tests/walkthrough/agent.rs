//! A real kagent agent through the Gateway's address (`conformance/agent`).

use std::net::SocketAddr;

use sluice_cluster::installation::in_tree;
use tokio::process::Command;

use crate::outside::{ADDRESS, KEY, Outside};

/// Puts the agent's conversation through the gateway; its own provider takes the place of ours.
pub(crate) async fn converse(gateway: SocketAddr, outside: Outside) {
    let folder = tempfile::tempdir().unwrap();
    let certificate = outside.write_certificate(folder.path());
    drop(outside);
    let run = in_tree("conformance/agent/run");
    let output = Command::new("bash")
        .arg(run)
        .args(["--gateway", &gateway.to_string(), "--provider", ADDRESS, "--certificate"])
        .arg(certificate)
        .env("PROVIDER_API_KEY", KEY)
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed, 0 failed"), "{said}");
}
