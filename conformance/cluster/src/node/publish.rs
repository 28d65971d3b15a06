//! Files of a volume on disk, replaced all at once as the kubelet does it: they lie in a folder of their own, `..data`
//! links to it, and the visible names link through `..data`. A reader sees the old files or the new ones.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use crate::node::volume::Files;

const DATA: &str = "..data";

/// Makes `files` the content of the folder `dir`, readable for `group` where one is given.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn publish(dir: &Path, files: &Files, group: Option<u32>) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let old = fs::read_link(dir.join(DATA)).ok();
    let version = old.as_deref().and_then(Path::to_str).and_then(|name| name.strip_prefix("..")?.parse::<u64>().ok());
    let name = format!("..{}", version.map_or(0, |version| version + 1));
    write(&dir.join(&name), files, group)?;
    let link = dir.join("..data_tmp");
    symlink(&name, &link)?;
    fs::rename(&link, dir.join(DATA))?;
    let visible: BTreeSet<&str> = files.keys().filter_map(|path| path.split('/').next()).collect();
    for name in &visible {
        if fs::symlink_metadata(dir.join(name)).is_err() {
            symlink(Path::new(DATA).join(name), dir.join(name))?;
        }
    }
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let stale = name.to_str().is_none_or(|name| !name.starts_with("..") && !visible.contains(name));
        if stale {
            fs::remove_file(entry.path())?;
        }
    }
    old.map_or(Ok(()), |old| fs::remove_dir_all(dir.join(old)))
}

fn write(dir: &Path, files: &Files, group: Option<u32>) -> io::Result<()> {
    fs::create_dir(dir)?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755))?;
    for (path, file) in files {
        let path = dir.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, &file.bytes)?;
        // A pod's group may read what its owner may: the kubelet's rule for volumes with an fsGroup.
        let mode = if group.is_some() { file.mode | (file.mode & 0o400) >> 3 } else { file.mode };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        if group.is_some() {
            chown(&path, None, group)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::volume::File;

    fn files(texts: &[(&str, &str)]) -> Files {
        let file = |text: &str| File { bytes: text.as_bytes().to_vec(), mode: 0o640 };
        texts.iter().map(|(path, text)| ((*path).to_owned(), file(text))).collect()
    }

    #[test]
    fn files_are_replaced_at_once() {
        let dir = tempfile::tempdir().unwrap();
        publish(dir.path(), &files(&[("a", "1"), ("sub/b", "2")]), None).unwrap();
        let open = fs::canonicalize(dir.path().join("a")).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("sub/b")).unwrap(), "2");
        assert_eq!(fs::metadata(&open).unwrap().permissions().mode() & 0o777, 0o640);
        publish(dir.path(), &files(&[("a", "3"), ("c", "4")]), None).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("a")).unwrap(), "3");
        assert_eq!(fs::read_to_string(dir.path().join("c")).unwrap(), "4");
        assert!(!dir.path().join("sub").exists());
        assert!(!open.exists(), "the old version is gone");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4, "..data, ..1, a, c");
    }
}
