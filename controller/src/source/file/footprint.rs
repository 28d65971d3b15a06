//! Where paths lead: the places whose changes can change what is read.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use notify::EventKind;
use notify::event::{AccessKind, AccessMode, ModifyKind};

use super::discover::{Found, discover, is_ours};

/// Links that are followed one after another, as the kernel does.
const MOST_LINKS: usize = 40;

/// Where the paths lead at one time.
#[derive(Debug, Default)]
pub(super) struct Footprint {
    /// Folders to watch, and files that were named (a file that is a mount of its own changes without its folder).
    pub(super) places: BTreeSet<PathBuf>,
    /// What the files look like from outside, for polling.
    pub(super) marks: Vec<Mark>,
    /// Names of files that are read whatever they are called.
    named: BTreeSet<PathBuf>,
}

/// What a file looks like from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    path: PathBuf,
    real: Option<PathBuf>,
    changed: Option<SystemTime>,
    length: u64,
}

impl Footprint {
    pub(super) fn of(paths: &[PathBuf]) -> Self {
        let Found { files, folders, failed } = discover(paths);
        let mut footprint = Self::default();
        paths.iter().for_each(|path| footprint.add(path));
        folders.iter().for_each(|folder| footprint.add_place(folder));
        files.iter().filter(|file| file.is_symlink()).for_each(|file| footprint.add(file));
        failed.iter().for_each(|(path, _)| footprint.add(path));
        footprint.named = paths.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
        footprint.named.iter().filter(|path| path.is_file()).for_each(|path| {
            footprint.places.insert(path.clone());
        });
        footprint.marks = files.into_iter().map(Mark::of).collect();
        footprint
    }

    /// Whether an event can mean that something else would be read. Looking at a file is none: reading would wake itself.
    pub(super) fn concerns(&self, event: &notify::Event) -> bool {
        match event.kind {
            _ if event.need_rescan() => true,
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_))
            | EventKind::Create(_) => event.paths.iter().any(|path| self.is_relevant(path)),
            EventKind::Access(_) => false,
            _ => true,
        }
    }

    /// Not so: files that others write into the same folders, such as logs. Links can be called anything.
    fn is_relevant(&self, path: &Path) -> bool {
        is_ours(path) || self.named.contains(path) || path.is_symlink() || !path.is_file()
    }

    /// The folder of each part of the path that is a link, of each link it leads over, and of its end.
    fn add(&mut self, path: &Path) {
        let mut path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        for _ in 0..MOST_LINKS {
            let Some(folder) = path.parent() else { return };
            self.add_place(folder);
            let link = path.ancestors().find_map(|part| Some((part.to_owned(), fs::read_link(part).ok()?)));
            let Some((link, target)) = link else { return };
            let above = link.parent().unwrap_or(Path::new("/"));
            self.add_place(above);
            let below = path.strip_prefix(&link).unwrap_or(Path::new("")).to_owned();
            path = above.join(target);
            if below.as_os_str() != OsStr::new("") {
                path.push(below);
            }
        }
    }

    /// The nearest folder that is there, by its real name: the watcher tells places apart by their names.
    fn add_place(&mut self, folder: &Path) {
        self.places.extend(folder.ancestors().find_map(|folder| fs::canonicalize(folder).ok()));
    }
}

impl Mark {
    fn of(path: PathBuf) -> Self {
        let meta = fs::metadata(&path).ok();
        Self {
            real: fs::canonicalize(&path).ok(),
            path,
            changed: meta.as_ref().and_then(|meta| meta.modified().ok()),
            length: meta.map_or(0, |meta| meta.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_place_by_place() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for folder in ["conf", "releases/1", "shared"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("shared/x.yaml"), "").unwrap();
        symlink("../shared/x.yaml", root.join("releases/x.yaml")).unwrap();
        symlink("../../releases", root.join("releases/1/up")).unwrap();
        symlink("releases/1", root.join("current")).unwrap();
        let places = Footprint::of(&[root.join("current/up/x.yaml")]).places;
        let expected = ["", "releases", "releases/1", "shared", "shared/x.yaml"].map(|place| root.join(place));
        let expected: BTreeSet<_> = expected.iter().map(|place| place.canonicalize().unwrap()).collect();
        assert!(places.is_superset(&expected), "{places:?}");
    }

    #[test]
    fn what_is_not_there_is_awaited_from_above() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let places = Footprint::of(&[root.join("no/such/folder")]).places;
        assert_eq!(places, BTreeSet::from([root]));
    }

    #[test]
    fn files_of_others_do_not_matter() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        for file in ["a.yaml", "noise.log", "named"] {
            fs::write(path(file), "").unwrap();
        }
        let footprint = Footprint::of(&[root.path().to_owned(), path("named")]);
        let concerns = |kind, name| footprint.concerns(&notify::Event::new(kind).add_path(path(name)));
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        assert!(concerns(closed, "a.yaml") && concerns(closed, "named") && concerns(closed, "gone.txt"));
        assert!(!concerns(closed, "noise.log") && !concerns(opened, "a.yaml"));
    }
}
