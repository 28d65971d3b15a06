//! A bed leaves nothing behind, however it ends, and beds do not meet. Runs around beds, not inside one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use sluice_testkit::wait::eventually;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// To come up, on a machine where others do the same.
const PATIENCE: Duration = Duration::from_secs(180);
/// For the kernel to take away what a killed bed had.
const LIMIT: Duration = Duration::from_secs(20);
/// Makes all that could be left: an orphan out of its session, a network namespace with a name, a rule, a mount.
const LITTER: &str =
    "setsid sleep 100000 & ip netns add left && nft add table inet left && ip -n left link set lo up &&
    mount -t tmpfs left /mnt || exit 99; ip netns exec left sleep 100000 & readlink /proc/self/ns/net;";

/// A bed with a folder for its folder: whatever names that is of this bed.
struct Started {
    temporary: TempDir,
    child: Child,
    said: BufReader<ChildStdout>,
}

/// What a bed was, as seen from within.
struct Seen {
    network: String,
}

impl Started {
    fn run(wrapper: &[&str], script: &str) -> Self {
        let temporary = TempDir::new().unwrap();
        let child = bed(wrapper, &temporary, &["--no-crds"], script).spawn().unwrap();
        Self::of(temporary, child)
    }

    fn of(temporary: TempDir, mut child: Child) -> Self {
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { temporary, child, said }
    }

    /// The name of its network namespace, the first line that the command says: it runs.
    async fn seen(&mut self) -> Seen {
        let mut line = String::new();
        while !line.starts_with("net:[") {
            line.clear();
            let read = timeout(PATIENCE, self.said.read_line(&mut line)).await.expect("a bed in time").unwrap();
            assert_ne!(read, 0, "the bed ended before its command had run");
        }
        Seen { network: line.trim().to_owned() }
    }

    async fn ended(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("the end of a bed in time").unwrap()
    }

    async fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.child.id().unwrap());
        assert!(Command::new("sh").arg("-c").arg(script).status().await.unwrap().success());
    }

    /// Nothing of it is there any more; its folder neither, unless the bed had no time for that.
    async fn is_gone(&self, seen: &Seen) {
        let place = self.temporary.path();
        eventually("the end of its processes", LIMIT, async || processes_of(place).is_empty()).await;
        eventually("the end of its network", LIMIT, async || !network_lives(&seen.network)).await;
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(place.to_str().unwrap()) && !mounts.contains(" left "), "{mounts}");
        assert!(!Path::new("/run/netns/left").exists(), "a network namespace has kept its name");
    }

    fn folders(&self) -> usize {
        fs::read_dir(self.temporary.path()).unwrap().count()
    }
}

fn bed(wrapper: &[&str], temporary: &TempDir, flags: &[&str], script: &str) -> Command {
    let words = [wrapper, &[env!("CARGO_BIN_EXE_bed"), "run"], flags, &["--", "sh", "-c", script]].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env("TMPDIR", temporary.path()).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// Processes whose arguments or environment name that folder. A bed has it in `$TMPDIR`, and all of its processes inherit it.
fn processes_of(place: &Path) -> Vec<String> {
    let named = |pid: &str| {
        let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let text = [read("cmdline"), read("environ")].concat();
        String::from_utf8_lossy(&text).contains(place.to_str().unwrap())
    };
    pids().filter(|pid| named(pid)).collect()
}

/// Whether a process or a mount holds that network namespace.
fn network_lives(network: &str) -> bool {
    let held = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|link| link == Path::new(network));
    pids().any(|pid| held(&pid)) || fs::read_to_string("/proc/self/mountinfo").unwrap().contains(network)
}

fn pids() -> impl Iterator<Item = String> {
    let names = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    names.filter(|name| name.parse::<u32>().is_ok())
}

#[tokio::test]
async fn the_code_of_the_command_is_the_code_of_the_bed() {
    let mut bed = Started::run(&[], &format!("{LITTER} exit 7"));
    let seen = bed.seen().await;
    assert_eq!(bed.ended().await.code(), Some(7));
    bed.is_gone(&seen).await;
    assert_eq!(bed.folders(), 0);
}

#[tokio::test]
async fn a_bed_that_is_asked_to_end_lets_its_command_end() {
    let mut bed = Started::run(&[], &format!("trap 'echo told; exit 3' TERM; {LITTER} sleep 100000 & wait"));
    let seen = bed.seen().await;
    bed.signal("TERM").await;
    assert_eq!(bed.ended().await.code(), Some(3));
    let mut rest = String::new();
    bed.said.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "told\n");
    bed.is_gone(&seen).await;
    assert_eq!(bed.folders(), 0);
}

#[tokio::test]
async fn a_command_that_will_not_end_is_ended_by_the_second_signal() {
    let mut bed = Started::run(&[], &format!("trap '' TERM; {LITTER} echo $$; while :; do sleep 1; done"));
    let seen = bed.seen().await;
    bed.signal("TERM").await;
    // One at a time: two at once are one.
    let folder = fs::read_dir(bed.temporary.path()).unwrap().next().unwrap().unwrap().path();
    assert!(folder.join("control.sock").exists());
    eventually("its end", LIMIT, async || {
        bed.child.try_wait().unwrap().is_some() || {
            bed.signal("TERM").await;
            false
        }
    })
    .await;
    assert_eq!(bed.ended().await.code(), Some(143));
    bed.is_gone(&seen).await;
    assert_eq!(bed.folders(), 0);
}

#[tokio::test]
async fn ctrl_c_at_a_terminal_ends_the_command() {
    let temporary = TempDir::new().unwrap();
    let line = format!("exec {} run --no-crds -- sh -c '{LITTER} sleep 100000'", env!("CARGO_BIN_EXE_bed"));
    let mut command = Command::new("script");
    command.args(["--quiet", "--flush", "--return", "--command", &line, "/dev/null"]).env("TMPDIR", temporary.path());
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut bed = Started::of(temporary, child);
    let seen = bed.seen().await;
    // Again, as one does at a terminal: the first may meet the shell between two commands, which then goes on.
    while bed.child.try_wait().unwrap().is_none() {
        // Nobody takes it where the terminal has just gone.
        let _ = bed.child.stdin.as_mut().unwrap().write_all(b"\x03").await;
        drop(timeout(LIMIT, bed.child.wait()).await);
    }
    assert_eq!(bed.ended().await.code(), Some(130));
    bed.is_gone(&seen).await;
    assert_eq!(bed.folders(), 0);
}

#[tokio::test]
async fn a_killed_bed_leaves_its_folder_for_the_next_to_sweep() {
    let mut bed = Started::run(&[], &format!("{LITTER} sleep 100000"));
    let seen = bed.seen().await;
    bed.signal("KILL").await;
    bed.ended().await;
    bed.is_gone(&seen).await;
    assert_eq!(bed.folders(), 1);
    // It sweeps, and finds no etcd.
    let next = crate::bed(&[], &bed.temporary, &["--bin=/nowhere"], "true").status().await.unwrap();
    assert_eq!(next.code(), Some(125));
    assert_eq!(bed.folders(), 0);
}

#[tokio::test]
async fn a_part_that_does_not_come_up_is_shown_with_its_last_words() {
    let programs = TempDir::new().unwrap();
    for (name, script) in
        [("etcd", "echo the disk is on fire; exit 9"), ("kube-apiserver", ""), ("kube-controller-manager", "")]
    {
        let program = programs.path().join(name);
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let temporary = TempDir::new().unwrap();
    let flag = format!("--bin={}", programs.path().display());
    let output = bed(&[], &temporary, &[&flag], "true").stderr(Stdio::piped()).output().await.unwrap();
    assert_eq!(output.status.code(), Some(125));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("etcd ended with exit status: 9") && said.contains("the disk is on fire"), "{said}");
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
}
