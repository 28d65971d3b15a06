//! What an administrator types.

use std::io;

use serde_json::Value;
use tokio::process::Command;

use crate::kubectl::Kubectl;

/// Runs `kubectl`; returns what it prints.
///
/// # Errors
/// It cannot be run, or fails; then the error has its words.
pub async fn kubectl(args: &[&str]) -> io::Result<String> {
    Kubectl::new().run(args).await
}

/// `kubectl get … -o json`.
///
/// # Errors
/// As [`kubectl`].
pub async fn get(args: &[&str]) -> io::Result<Value> {
    Ok(serde_json::from_str(&kubectl(&[&["get", "-o", "json"], args].concat()).await?)?)
}

/// `kubectl apply -f -` of a text.
///
/// # Errors
/// As [`kubectl`].
pub async fn apply(yaml: &str) -> io::Result<String> {
    Kubectl::new().feed(&["apply", "-f", "-"], yaml).await
}

/// Runs `helm`; returns what it prints.
///
/// # Errors
/// As [`kubectl`].
pub async fn helm(args: &[&str]) -> io::Result<String> {
    let failed = |what: String| io::Error::other(format!("helm {}: {what}", args.join(" ")));
    let output = Command::new("helm").args(args).kill_on_drop(true).output().await;
    let output = output.map_err(|error| failed(error.to_string()))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}
