//! Tells when files may have changed, so that they are read again.
//!
//! What changed is not told: everything is read anew, so that no event can be misunderstood. Folders are watched, not
//! files, since editors and Kubernetes replace a file by renaming another one over it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, timeout_at};

use super::footprint::{Footprint, Mark};
use super::writing::Writing;

/// A burst of events (an editor's save, a checkout) ends with this much quiet.
const QUIET: Duration = Duration::from_millis(15);
/// A burst is cut here, so that an edit is in force within 200 ms whatever else goes on.
const LONGEST_BURST: Duration = Duration::from_millis(100);
/// How often files are looked at where they cannot be watched.
const POLL: Duration = Duration::from_millis(100);

/// Watches paths.
pub struct Watch {
    paths: Vec<PathBuf>,
    events: UnboundedReceiver<notify::Result<notify::Event>>,
    /// `None` where the system refuses: files are polled instead.
    watcher: Option<RecommendedWatcher>,
    footprint: Footprint,
}

impl Watch {
    /// Prepares to watch; [`Watch::follow`] begins.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let (sender, events) = unbounded_channel();
        // A send fails only when the watch is gone, and then nobody wants to know.
        let watcher = notify::recommended_watcher(move |event| drop(sender.send(event)));
        let watcher = watcher.map_err(|error| give_up(&error)).ok();
        Self { paths, events, watcher, footprint: Footprint::default() }
    }

    /// Follows the paths to where they lead now. To be called before each reading, so that what changes during it is
    /// told afterwards.
    pub fn follow(&mut self) {
        let Some(watcher) = &mut self.watcher else {
            self.footprint = Footprint::of(&self.paths);
            return;
        };
        // A folder can be made between the look and the watch: look again until there is nothing new.
        let mut watched = Footprint::default();
        loop {
            let now = Footprint::of(&self.paths);
            // Those watched already, too: a folder of the same name may be another one by now.
            let result = now.places.iter().try_for_each(|place| watch(watcher, place));
            if let Err(error) = result {
                give_up(&error);
                self.watcher = None;
                self.footprint = now;
                return;
            }
            if now.places == watched.places {
                break;
            }
            watched = now;
        }
        for gone in self.footprint.places.difference(&watched.places) {
            // It fails where the folder itself is gone, and the watch with it.
            drop(watcher.unwatch(gone));
        }
        self.footprint = watched;
    }

    /// Returns when files may have changed and are quiet again.
    pub async fn changed(&mut self) {
        if self.watcher.is_none() {
            return self.polled().await;
        }
        let mut writing = Writing::default();
        while !self.take(&mut writing).await {}
        let mut last = Instant::now();
        let end = last + LONGEST_BURST;
        loop {
            // A file that is open for writing may be half written.
            let until = if writing.is_over() { end.min(last + QUIET) } else { end };
            match timeout_at(until, self.take(&mut writing)).await {
                Ok(true) => last = Instant::now(),
                // Events that do not matter, such as those of a log in the folder, prolong nothing.
                Ok(false) if Instant::now() < until => {}
                Ok(false) | Err(_) => return,
            }
        }
    }

    /// Waits for one event, and says whether it matters.
    async fn take(&mut self, writing: &mut Writing) -> bool {
        match self.events.recv().await {
            Some(Ok(event)) => {
                let concerns = self.footprint.concerns(&event);
                writing.note(&event, concerns);
                concerns
            }
            // Something was lost.
            Some(Err(_)) => true,
            None => std::future::pending().await,
        }
    }

    async fn polled(&self) {
        let before: Vec<Mark> = self.footprint.marks.clone();
        let mut ticks = tokio::time::interval(POLL);
        loop {
            ticks.tick().await;
            if Footprint::of(&self.paths).marks != before {
                return;
            }
        }
    }
}

fn watch(watcher: &mut RecommendedWatcher, place: &Path) -> notify::Result<()> {
    match watcher.watch(place, RecursiveMode::NonRecursive) {
        // Gone since the look; the folder above tells when it comes back.
        Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => Ok(()),
        Err(error) if matches!(&error.kind, notify::ErrorKind::Io(io) if io.kind() == std::io::ErrorKind::NotFound) => {
            Ok(())
        }
        result => result,
    }
}

fn give_up(error: &notify::Error) {
    let every = POLL.as_millis();
    tracing::warn!(%error, "files cannot be watched; they are looked at every {every} ms instead");
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::objects::key::Key;
    use crate::source::file::{Environment, FileSource, World};

    struct Watched {
        folder: tempfile::TempDir,
        source: FileSource,
        watch: Watch,
    }

    impl Watched {
        fn start() -> Self {
            Self::of(&[""])
        }

        fn of(paths: &[&str]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let paths: Vec<_> = paths.iter().map(|path| folder.path().join(path)).collect();
            let mut watch = Watch::new(paths.clone());
            watch.follow();
            Self { folder, source: FileSource::new(paths, Environment::default()), watch }
        }

        fn path(&self, path: &str) -> PathBuf {
            self.folder.path().join(path)
        }

        fn write(&self, path: &str, port: u16) {
            fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
            fs::write(self.path(path), backend(port)).unwrap();
        }

        /// Reads as `sluice run` does, until the Backend has this port (`None`: until there is none).
        async fn until(&mut self, port: Option<u16>) -> World {
            let reading = async {
                loop {
                    self.watch.follow();
                    let world = self.source.read();
                    if seen(&world) == port {
                        return world;
                    }
                    self.watch.changed().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), reading).await.expect("the change is seen")
        }
    }

    #[tokio::test]
    async fn a_log_beside_the_files_delays_nothing() {
        let mut watched = Watched::of(&["objects"]);
        fs::create_dir(watched.path("objects")).unwrap();
        let mut log = fs::File::create(watched.path("log")).unwrap();
        watched.watch.follow();
        let mut writing = Writing::default();
        std::io::Write::write_all(&mut log, b"line").unwrap();
        fs::write(watched.path("objects/backend.yaml"), backend(1)).unwrap();
        while !watched.watch.take(&mut writing).await {}
        // Everything that the write of the object brings, up to its close.
        while !writing.is_over() {
            watched.watch.take(&mut writing).await;
        }
        drop(log);
    }

    fn backend(port: u16) -> String {
        let head = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: Backend\nmetadata: {name: a}";
        format!("{head}\nspec: {{endpoints: [{{fqdn: {{hostname: a.b, port: {port}}}}}]}}\n")
    }

    fn seen(world: &World) -> Option<u16> {
        let backend = world.objects.backends.get(&Key::new("default", "a"))?;
        backend.spec.endpoints[0].fqdn.as_ref().map(|fqdn| fqdn.port)
    }

    #[tokio::test]
    async fn files_come_change_and_go() {
        let mut watched = Watched::start();
        watched.until(None).await;
        for port in 1..20 {
            watched.write("a.yaml", port);
            watched.until(Some(port)).await;
        }
        fs::remove_file(watched.path("a.yaml")).unwrap();
        watched.until(None).await;
    }

    #[tokio::test]
    async fn a_file_is_replaced_by_renaming() {
        let mut watched = Watched::of(&["a.yaml"]);
        for port in 1..20 {
            watched.write(".a.yaml.swp", port);
            fs::rename(watched.path(".a.yaml.swp"), watched.path("a.yaml")).unwrap();
            watched.until(Some(port)).await;
        }
    }

    #[tokio::test]
    async fn a_config_map_is_swapped() {
        let mut watched = Watched::start();
        for port in 1..10 {
            let version = format!("..2026_{port}");
            watched.write(&format!("{version}/a.yaml"), port);
            symlink(&version, watched.path("..data_tmp")).unwrap();
            fs::rename(watched.path("..data_tmp"), watched.path("..data")).unwrap();
            if port == 1 {
                symlink("..data/a.yaml", watched.path("a.yaml")).unwrap();
            }
            watched.until(Some(port)).await;
            if port > 1 {
                fs::remove_dir_all(watched.path(&format!("..2026_{}", port - 1))).unwrap();
            }
        }
    }

    #[tokio::test]
    async fn folders_come_later() {
        let mut watched = Watched::of(&["conf.d"]);
        watched.until(None).await;
        watched.write("conf.d/deep/er/a.yaml", 1);
        watched.until(Some(1)).await;
        watched.write("conf.d/deep/er/a.yaml", 2);
        watched.until(Some(2)).await;
        fs::rename(watched.path("conf.d"), watched.path("gone")).unwrap();
        watched.until(None).await;
        watched.write("conf.d/a.yaml", 3);
        watched.until(Some(3)).await;
    }

    #[tokio::test]
    async fn a_link_leads_elsewhere() {
        let mut watched = Watched::of(&["current/a.yaml"]);
        for port in [1, 2] {
            watched.write(&format!("release-{port}/a.yaml"), port);
            symlink(format!("release-{port}"), watched.path("next")).unwrap();
            fs::rename(watched.path("next"), watched.path("current")).unwrap();
            watched.until(Some(port)).await;
        }
        watched.write("release-2/a.yaml", 3);
        watched.until(Some(3)).await;
    }

    #[tokio::test]
    async fn a_broken_file_keeps_what_it_said() {
        let mut watched = Watched::start();
        watched.write("a.yaml", 1);
        watched.until(Some(1)).await;
        fs::write(watched.path("a.yaml"), "spec: [").unwrap();
        watched.watch.changed().await;
        let world = watched.until(Some(1)).await;
        assert!(world.diagnostics[0].message.starts_with("the file is no YAML"), "{:?}", world.diagnostics);
    }

    #[tokio::test]
    async fn without_a_watcher_files_are_polled() {
        let mut watched = Watched::start();
        watched.watch.watcher = None;
        for port in 1..4 {
            watched.write("a.yaml", port);
            watched.until(Some(port)).await;
        }
    }
}
