//! kubectl, for tests: what users type.

use std::io;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::pki::API_SERVER;

/// Runs kubectl as some user.
#[derive(Debug, Clone, Default)]
pub struct Kubectl {
    token: Option<String>,
}

impl Kubectl {
    /// As the administrator.
    pub fn new() -> Self {
        Self::default()
    }

    /// As whoever a token stands for, without the administrator's certificate.
    pub fn with_token(token: impl Into<String>) -> Self {
        Self { token: Some(token.into()) }
    }

    /// Runs it; returns its standard output.
    ///
    /// # Errors
    /// It failed; the error has what it said.
    pub async fn run(&self, args: &[&str]) -> io::Result<String> {
        self.feed(args, "").await
    }

    /// `kubectl apply` of one object.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn apply(&self, object: &Value) -> io::Result<String> {
        self.feed(&["apply", "-f", "-"], &object.to_string()).await
    }

    /// `kubectl create` of one object; returns it as the API server has it.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn create(&self, object: &Value) -> io::Result<Value> {
        Ok(serde_json::from_str(&self.feed(&["create", "-f", "-", "-o", "json"], &object.to_string()).await?)?)
    }

    /// Runs it with something on its standard input.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn feed(&self, args: &[&str], input: &str) -> io::Result<String> {
        let mut command = Command::new("kubectl");
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        if let Some(token) = &self.token {
            // A client certificate would count more than the token: that user's kubeconfig has none.
            command
                .args(["--server", API_SERVER, "--insecure-skip-tls-verify", "--token", token])
                .env("KUBECONFIG", "/dev/null");
        }
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).await?;
        }
        let output = child.wait_with_output().await?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(said(&output.stdout)),
            false => Err(io::Error::other(format!("kubectl {}: {}", args.join(" "), said(&output.stderr).trim()))),
        }
    }
}
