//! Runs the program `sluice`: found or built, started on free ports, its output kept whole, ended with the test.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::client::raw::Raw;
use crate::wait::within;

/// How to start it.
#[derive(Debug, Clone)]
pub struct Launch {
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
}

/// A running `sluice run`. Dropping it kills the process.
pub struct Sluice {
    child: Child,
    ready: Value,
    stdout: Output,
    stderr: Output,
}

/// What a finished command left behind.
#[derive(Debug)]
pub struct Finished {
    /// Exit status.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// One output of the process, growing.
#[derive(Clone)]
struct Output {
    text: Arc<Mutex<Vec<u8>>>,
    grown: watch::Receiver<()>,
}

impl Launch {
    /// `sluice COMMAND PATH…`
    pub fn command(command: &str, paths: &[&Path]) -> Self {
        let mut args = vec![OsString::from(command)];
        args.extend(paths.iter().map(|path| path.as_os_str().to_owned()));
        Self { args, env: Vec::new() }
    }

    /// `sluice run PATH…` with the admin port, and each listener port named, on a free one.
    pub fn run(paths: &[&Path], ports: &[u16]) -> Self {
        let launch = Self::command("run", paths).arg("--admin").arg("127.0.0.1:0");
        ports.iter().fold(launch, |launch, port| launch.arg("--port").arg(format!("{port}=0")))
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Sends connections for `host:port` to `to`; name and certificate check stay as they are.
    #[must_use]
    pub fn connect_to(self, host: &str, port: u16, to: SocketAddr) -> Self {
        self.arg("--connect-to").arg(format!("{host}:{port}:{}:{}", to.ip(), to.port()))
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Starts it and waits for the ready line.
    ///
    /// # Panics
    /// It ends before it is ready, or never is; shows what it said.
    pub async fn start(self) -> Sluice {
        let mut child = self.spawn().await;
        let stdout = Output::of(child.stdout.take().unwrap());
        let stderr = Output::of(child.stderr.take().unwrap());
        let mut said = stdout.clone();
        let ready = within("the ready line", async {
            loop {
                if let Some(line) = ready_line(&said.text()) {
                    return Some(line);
                }
                if said.grown.changed().await.is_err() {
                    return ready_line(&said.text());
                }
            }
        });
        let Some(ready) = ready.await else {
            let status = child.wait().await.unwrap();
            panic!("sluice ended with {status} before it was ready\n{}\n{}", stdout.text(), stderr.text());
        };
        Sluice { child, ready, stdout, stderr }
    }

    /// Runs it to its end.
    pub async fn output(self) -> Finished {
        let child = self.spawn().await;
        let output = within("the command to end", child.wait_with_output()).await.unwrap();
        Finished {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    async fn spawn(self) -> Child {
        let program = tokio::task::spawn_blocking(program).await.unwrap();
        let mut command = Command::new(program);
        command.args(self.args).envs(self.env).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

fn ready_line(said: &str) -> Option<Value> {
    let whole = said.rfind('\n').map_or("", |end| &said[..end]);
    let mut lines = whole.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find(|line| line["event"] == "ready")
}

impl Sluice {
    /// The ready line.
    pub fn ready(&self) -> &Value {
        &self.ready
    }

    /// Where the admin port listens.
    pub fn admin(&self) -> SocketAddr {
        self.ready["admin"].as_str().unwrap().parse().unwrap()
    }

    /// Where the listener of that name listens.
    ///
    /// # Panics
    /// It was not in the ready line.
    pub fn listener(&self, name: &str) -> SocketAddr {
        let listeners = self.ready["listeners"].as_array().unwrap();
        let found = listeners.iter().find(|listener| listener["listener"] == name);
        let address = found.and_then(|listener| listener["address"].as_str());
        address.unwrap_or_else(|| panic!("no listener {name}: {}", self.ready)).parse().unwrap()
    }

    /// A page of the admin port, whatever its status.
    pub async fn page(&self, path: &str) -> String {
        Raw::once(self.admin(), &format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n"))
            .await
            .text()
    }

    /// All of its standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// All of its standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until a line of standard output satisfies `holds`, and returns it.
    #[track_caller]
    pub fn wait_line(&self, what: &str, holds: impl Fn(&str) -> bool) -> impl Future<Output = String> {
        let mut output = self.stdout.clone();
        within(what, async move {
            loop {
                let text = output.text();
                if let Some(line) = text.lines().find(|line| holds(line)) {
                    return line.to_owned();
                }
                output.grown.changed().await.unwrap_or_else(|_| panic!("the program ended; it had said {text}"));
            }
        })
    }

    /// The access log so far: the lines of standard output that are JSON and no event.
    pub fn access_log(&self) -> Vec<Value> {
        let text = self.stdout();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line.get("event").is_none()).collect()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the program still runs")
    }

    /// Sends SIGTERM.
    pub async fn terminate(&self) {
        // The shell's own kill: no package is needed for it, and no unsafe code.
        let script = format!("kill -TERM {}", self.pid());
        assert!(Command::new("sh").arg("-c").arg(script).status().await.unwrap().success());
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        within("the program to end", self.child.wait()).await.unwrap()
    }
}

impl Output {
    fn of(mut pipe: impl AsyncReadExt + Unpin + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let (sender, grown) = watch::channel(());
        let kept = Arc::clone(&text);
        tokio::spawn(async move {
            let mut piece = vec![0; 64 << 10];
            while let Ok(length @ 1..) = pipe.read(&mut piece).await {
                kept.lock().unwrap().extend_from_slice(&piece[..length]);
                sender.send_replace(());
            }
        });
        Self { text, grown }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap()).into_owned()
    }
}

/// The program: `$SLUICE_BIN`, else the one of the test's own profile, brought up to date by cargo first.
pub fn program() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| std::env::var_os("SLUICE_BIN").map_or_else(build, PathBuf::from)).clone()
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = std::process::Command::new(cargo);
    // What cargo tells a test of its package would make it build ring, and with it nearly everything, once more: ring's
    // build script says that it depends on these.
    let of_package = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(of_package)) {
        command.env_remove(name);
    }
    // The whole workspace's features, so that what its tests compiled is taken over.
    command.args(["build", "--workspace", "--bin", "sluice", "--locked", "--message-format=json"]);
    if std::env::current_exe().unwrap().components().any(|part| part.as_os_str() == "release") {
        command.arg("--release");
    }
    let output = command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).output().unwrap();
    assert!(output.status.success(), "sluice does not build:\n{}", String::from_utf8_lossy(&output.stderr));
    // Cargo says where it put it; with a build directory of its own that is not beside this test.
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut executables = artifacts.filter(|artifact| artifact["target"]["name"] == "sluice");
    let path = executables.find_map(|artifact| artifact["executable"].as_str().map(PathBuf::from));
    path.expect("cargo names the program it built")
}
