//! Which files the paths of a command line mean.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// What stands below the paths.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Files to read, in order, each once.
    pub(super) files: Vec<PathBuf>,
    /// Folders gone through.
    pub(super) folders: BTreeSet<PathBuf>,
    /// Paths that cannot be looked at.
    pub(super) failed: Vec<(PathBuf, io::ErrorKind)>,
}

/// Goes through paths. A file that is named is read whatever it is called; in folders, and in theirs, those that end in
/// `.yaml`, `.yml` or `.json` are. Entries that begin with a dot are skipped, among them the `..data` and `..2026_…`
/// folders of a mounted ConfigMap, whose files are reached by the links beside them.
pub(super) fn discover(paths: &[PathBuf]) -> Found {
    let mut found = Found::default();
    let mut walked = BTreeSet::new();
    for path in paths {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => walk(path, &mut walked, &mut found),
            Ok(_) => found.files.push(path.clone()),
            Err(error) => found.failed.push((path.clone(), error.kind())),
        }
    }
    let mut seen = BTreeSet::new();
    found.files.retain(|file| seen.insert(file.clone()));
    found
}

/// `walked` holds real paths, so that a link to a folder above ends the walk.
fn walk(folder: &Path, walked: &mut BTreeSet<PathBuf>, found: &mut Found) {
    let entries = fs::canonicalize(folder).and_then(|real| {
        let first = walked.insert(real);
        if first { entries(folder) } else { Ok(Vec::new()) }
    });
    found.folders.insert(folder.to_owned());
    match entries {
        Ok(entries) => entries.into_iter().for_each(|path| enter(path, walked, found)),
        Err(error) => found.failed.push((folder.to_owned(), error.kind())),
    }
}

fn enter(path: PathBuf, walked: &mut BTreeSet<PathBuf>, found: &mut Found) {
    match fs::metadata(&path) {
        Ok(meta) if meta.is_dir() => walk(&path, walked, found),
        Ok(_) if is_ours(&path) => found.files.push(path),
        Ok(_) => {}
        Err(error) if is_ours(&path) => found.failed.push((path, error.kind())),
        Err(_) => {}
    }
}

/// Sorted, so that "the first wins" means the same on each machine.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")));
    paths.sort();
    Ok(paths)
}

/// Whether a file in a folder is read, by its name.
pub(super) fn is_ours(path: &Path) -> bool {
    path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|ours| extension == *ours))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(root: &Path) -> Vec<String> {
        let found = discover(&[root.to_owned()]);
        found.files.iter().map(|f| f.strip_prefix(root).unwrap().display().to_string()).collect()
    }

    #[test]
    fn folders_are_gone_through_in_order() {
        let root = tempfile::tempdir().unwrap();
        for file in ["b.yaml", "a.yml", "c.json", "d.txt", ".hidden.yaml", "sub/e.yaml", ".git/f.yaml"] {
            fs::create_dir_all(root.path().join(file).parent().unwrap()).unwrap();
            fs::write(root.path().join(file), "").unwrap();
        }
        symlink(root.path(), root.path().join("sub/loop")).unwrap();
        assert_eq!(names(root.path()), ["a.yml", "b.yaml", "c.json", "sub/e.yaml"]);
    }

    #[test]
    fn a_mounted_config_map_is_read_once() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("..2026_1")).unwrap();
        fs::write(root.path().join("..2026_1/x.yaml"), "").unwrap();
        symlink("..2026_1", root.path().join("..data")).unwrap();
        symlink("..data/x.yaml", root.path().join("x.yaml")).unwrap();
        assert_eq!(names(root.path()), ["x.yaml"]);
    }

    #[test]
    fn what_is_missing_is_said() {
        let root = tempfile::tempdir().unwrap();
        symlink("nowhere", root.path().join("broken.yaml")).unwrap();
        let missing = root.path().join("missing");
        let found = discover(&[missing.clone(), root.path().to_owned()]);
        let failed = [missing, root.path().join("broken.yaml")].map(|path| (path, io::ErrorKind::NotFound));
        assert_eq!(found.failed, failed);
    }
}
