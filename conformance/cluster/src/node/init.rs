//! The first process of a container: gives it a root of its own and becomes its program.
//!
//! The root is this machine's, seen through an overlay in memory: what the container writes, and the folders that its
//! mounts need, never reach the disk and are gone with it.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::node::launch::{Launch, Mount, User};
use crate::node::tool::PATH;

/// Where the old root is seen while the new one is furnished.
const OLD: &str = "/.machine";

/// Becomes the program that the file `launch` describes. Returns only if that fails.
pub fn become_container(launch: &Path) -> io::Error {
    match prepare(launch) {
        Ok(mut program) => {
            let error = program.exec();
            io::Error::new(error.kind(), format!("exec {:?}: {error}", program.get_program()))
        }
        Err(error) => error,
    }
}

fn prepare(launch: &Path) -> io::Result<Command> {
    let launch: Launch = serde_json::from_slice(&fs::read(launch)?)?;
    enter_root(&launch.scratch)?;
    system()?;
    for (path, bytes) in &launch.files {
        own_file(path, bytes)?;
    }
    for mount in &launch.mounts {
        bind(mount)?;
    }
    run("umount", &["-l", OLD])?;
    fs::remove_dir(OLD)?;
    fs::create_dir_all(&launch.working_dir)?;
    if launch.read_only_root {
        run("mount", &["-o", "remount,bind,ro", "/"])?;
    }
    std::env::set_current_dir(&launch.working_dir)?;
    program(&launch)
}

/// Makes the overlay over this machine's root, and makes it the root.
fn enter_root(scratch: &Path) -> io::Result<()> {
    let text = path_text(scratch)?;
    run("mount", &["-t", "tmpfs", "-o", "mode=755", "tmpfs", text])?;
    let [upper, work, root] = ["upper", "work", "root"].map(|name| scratch.join(name));
    for dir in [&upper, &work, &root] {
        fs::create_dir(dir)?;
    }
    let layers = format!("lowerdir=/,upperdir={},workdir={}", upper.display(), work.display());
    let root_text = path_text(&root)?;
    run("mount", &["-t", "overlay", "-o", &layers, "overlay", root_text])?;
    let old = root.join(OLD.trim_start_matches('/'));
    fs::create_dir(&old)?;
    run("pivot_root", &[root_text, path_text(&old)?])?;
    std::env::set_current_dir("/")
}

/// The file systems of the kernel, and those that a program of this machine may lie on.
fn system() -> io::Result<()> {
    run("mount", &["-t", "proc", "proc", "/proc"])?;
    let table = fs::read_to_string("/proc/self/mountinfo")?;
    for point in mount_points(&table) {
        let old = format!("{OLD}{point}");
        // A mount point that the overlay does not show lies under another mount: that one brings it along.
        if Path::new(&point).exists() {
            run("mount", &["--rbind", &old, &point])?;
        }
    }
    Ok(())
}

/// The outermost mounts under the old root that a container sees: not its `/proc`, and not the bed's own business.
fn mount_points(table: &str) -> Vec<String> {
    let all = table.lines().filter_map(|line| line.split(' ').nth(4)?.strip_prefix(OLD));
    let mut points: Vec<String> = Vec::new();
    for point in all.filter(|point| !point.is_empty() && !point.contains('\\')) {
        let hidden = ["/proc", "/run", "/tmp", "/etc"].iter().any(|own| Path::new(point).starts_with(own));
        if !hidden && !points.iter().any(|outer| Path::new(point).starts_with(outer)) {
            points.push(point.to_owned());
        }
    }
    points
}

/// Puts a file in the place of whatever is there.
fn own_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, bytes)
}

fn bind(mount: &Mount) -> io::Result<()> {
    let source = PathBuf::from(format!("{OLD}{}", mount.source.display()));
    let fail = |error: io::Error| io::Error::new(error.kind(), format!("mount at {}: {error}", mount.target.display()));
    if source.is_dir() {
        fs::create_dir_all(&mount.target).map_err(fail)?;
    } else if !mount.target.exists() {
        own_file(&mount.target, &[]).map_err(fail)?;
    }
    let target = path_text(&mount.target)?;
    run("mount", &["--bind", path_text(&source)?, target])?;
    if mount.read_only {
        run("mount", &["-o", "remount,bind,ro", target])?;
    }
    Ok(())
}

fn program(launch: &Launch) -> io::Result<Command> {
    let (first, args) = launch.argv.split_first().ok_or_else(|| io::Error::other("the container has no command"))?;
    let mut command = match &launch.user {
        None => Command::new(first),
        Some(user) => as_user(user, first),
    };
    command.args(args).env_clear().envs(&launch.env);
    Ok(command)
}

/// `setpriv` becomes the user and then the program. The parent's death still kills it.
fn as_user(user: &User, program: &str) -> Command {
    let mut command = Command::new("/usr/bin/setpriv");
    let groups = user.groups.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    command.args(["--reuid", &user.uid.to_string(), "--regid", &user.gid.to_string()]);
    match groups.is_empty() {
        true => command.arg("--clear-groups"),
        false => command.args(["--groups", &groups]),
    };
    command.args(["--no-new-privs", "--inh-caps=-all", "--pdeathsig", "KILL", "--", program]);
    command
}

fn run(program: &str, args: &[&str]) -> io::Result<()> {
    let what = |cause: &dyn std::fmt::Display| io::Error::other(format!("{program} {}: {cause}", args.join(" ")));
    // Inherited, since there is no /dev/null before /dev is mounted.
    let output = Command::new(program).args(args).env("PATH", PATH).stdin(Stdio::inherit()).output();
    let output = output.map_err(|error| what(&error))?;
    if output.status.success() {
        return Ok(());
    }
    Err(what(&String::from_utf8_lossy(&output.stderr).trim()))
}

fn path_text(path: &Path) -> io::Result<&str> {
    path.to_str().ok_or_else(|| io::Error::other(format!("{} is not UTF-8", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outermost_mounts_of_the_machine() {
        let table = "1 0 0:1 / / rw - overlay overlay rw\n\
                     2 1 0:2 / /.machine rw - ext4 /dev/vda rw\n\
                     3 2 0:3 / /.machine/dev rw - devtmpfs d rw\n\
                     4 3 0:4 / /.machine/dev/pts rw - devpts d rw\n\
                     5 2 0:5 / /.machine/proc rw - proc p rw\n\
                     6 2 0:6 / /.machine/tmp/x rw - tmpfs t rw\n\
                     7 2 0:7 / /.machine/data rw - ext4 /dev/vdb rw\n";
        assert_eq!(mount_points(table), ["/dev", "/data"]);
    }
}
