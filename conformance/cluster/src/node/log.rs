//! What containers write, kept in files line by line with the time at which it came.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use k8s_openapi::jiff::Timestamp;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::watch;

/// The log of one run of one container: `<time> <line>` per line.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: Mutex<File>,
    growth: watch::Sender<Growth>,
}

/// How far a log has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Growth {
    /// Bytes in the file.
    pub(crate) length: u64,
    /// Nothing will be added any more.
    pub(crate) ended: bool,
}

impl Log {
    /// A new, empty log.
    ///
    /// # Errors
    /// The file cannot be made.
    pub(crate) fn create(path: &Path) -> io::Result<Arc<Self>> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let file = Mutex::new(File::create(path)?);
        Ok(Arc::new(Self { path: path.to_owned(), file, growth: watch::channel(Growth::default()).0 }))
    }

    /// Its file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A signal for each line, and for the end.
    pub(crate) fn grown(&self) -> watch::Receiver<Growth> {
        self.growth.subscribe()
    }

    /// Says that nothing will be added any more.
    pub(crate) fn end(&self) {
        self.growth.send_modify(|growth| growth.ended = true);
    }

    /// Adds one line.
    pub(crate) fn append(&self, line: &[u8]) {
        let stamp = Timestamp::now();
        let mut entry = format!("{stamp:.9} ").into_bytes();
        entry.extend_from_slice(line);
        entry.push(b'\n');
        // A full disk loses lines, it does not end the container.
        let written = self.file.lock().is_ok_and(|mut file| file.write_all(&entry).is_ok());
        if written {
            self.growth.send_modify(|growth| growth.length += entry.len() as u64);
        }
    }
}

/// Adds everything that `stream` says, to its end.
pub(crate) async fn pump(stream: impl AsyncRead + Unpin, log: Arc<Log>) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).await.is_ok_and(|count| count > 0) {
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        log.append(&line);
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_carry_their_time() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::create(&dir.path().join("sub/0.log")).unwrap();
        pump(&b"one\ntwo\nlast without end"[..], Arc::clone(&log)).await;
        let text = fs::read_to_string(log.path()).unwrap();
        let lines: Vec<_> = text.lines().map(|line| line.split_once(' ').unwrap()).collect();
        assert_eq!(lines.iter().map(|(_, rest)| *rest).collect::<Vec<_>>(), ["one", "two", "last without end"]);
        assert!(lines.iter().all(|(stamp, _)| stamp.parse::<Timestamp>().is_ok() && stamp.len() == 30), "{text}");
        assert_eq!(*log.grown().borrow(), Growth { length: text.len() as u64, ended: false });
    }
}
