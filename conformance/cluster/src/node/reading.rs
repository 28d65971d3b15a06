//! Reading of a container's log, as `kubectl logs` asks for it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use hyper::body::Bytes;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use crate::node::log::{Growth, Log};

/// Which lines, and how (PodLogOptions).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The run before the last.
    pub(crate) previous: bool,
    follow: bool,
    timestamps: bool,
    since: Option<Timestamp>,
    tail: Option<usize>,
    limit: Option<usize>,
}

impl Reading {
    /// The form in which the API server passes the options on: a URL's query.
    ///
    /// # Errors
    /// A value is none of its kind.
    pub(crate) fn parse(query: &str) -> Result<Self, String> {
        let mut reading = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = value.replace("%3A", ":").replace("%3a", ":").replace("%2B", "+");
            let bad = || format!("{name}={value} cannot be read");
            match name {
                "follow" => reading.follow = value == "true",
                "previous" => reading.previous = value == "true",
                "timestamps" => reading.timestamps = value == "true",
                "sinceTime" => reading.since = Some(value.parse().map_err(|_| bad())?),
                "sinceSeconds" => {
                    let seconds = value.parse().map_err(|_| bad())?;
                    reading.since = Some(Timestamp::now() - SignedDuration::from_secs(seconds));
                }
                "tailLines" => reading.tail = Some(value.parse().map_err(|_| bad())?),
                "limitBytes" => reading.limit = Some(value.parse().map_err(|_| bad())?),
                _ => {}
            }
        }
        Ok(reading)
    }

    /// The lines of `text` that are wanted, in the form that is wanted. `first`: nothing has been read before.
    fn select(&self, text: &[u8], first: bool) -> Vec<u8> {
        let mut lines: Vec<&[u8]> =
            text.split_inclusive(|byte| *byte == b'\n').filter(|line| self.wants(line)).collect();
        if let Some(tail) = self.tail.filter(|_| first) {
            lines.drain(..lines.len().saturating_sub(tail));
        }
        lines.into_iter().flat_map(|line| if self.timestamps { line } else { after_stamp(line) }).copied().collect()
    }

    fn wants(&self, line: &[u8]) -> bool {
        let Some(since) = self.since else { return true };
        let stamp = line.split(|byte| *byte == b' ').next().and_then(|stamp| std::str::from_utf8(stamp).ok());
        stamp.and_then(|stamp| stamp.parse::<Timestamp>().ok()).is_none_or(|stamp| stamp >= since)
    }
}

fn after_stamp(line: &[u8]) -> &[u8] {
    line.iter().position(|byte| *byte == b' ').map_or(line, |at| &line[at + 1..])
}

/// Sends what is asked for, and what comes while it is followed.
pub(crate) async fn send(log: Arc<Log>, reading: Reading, sender: mpsc::Sender<Bytes>) {
    let mut grown = log.grown();
    let (mut position, mut left) = (0, reading.limit.unwrap_or(usize::MAX));
    loop {
        let Growth { length: end, ended } = *grown.borrow_and_update();
        let first = position == 0;
        let Ok(text) = read(log.path(), position, end) else { return };
        position = end;
        let mut lines = reading.select(&text, first);
        lines.truncate(left);
        left -= lines.len();
        if !lines.is_empty() && sender.send(lines.into()).await.is_err() {
            return;
        }
        if !reading.follow || ended || left == 0 {
            return;
        }
        tokio::select! {
            more = grown.changed() => if more.is_err() { return },
            () = sender.closed() => return,
        }
    }
}

fn read(path: &std::path::Path, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut text = Vec::new();
    file.take(to.saturating_sub(from)).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"2026-01-01T00:00:01.000000000Z one\n2026-01-01T00:00:02.000000000Z two words\n\
                          2026-01-01T00:00:03.000000000Z three\n";

    #[track_caller]
    fn check(query: &str, expected: &str) {
        let reading = Reading::parse(query).unwrap();
        assert_eq!(String::from_utf8(reading.select(TEXT, true)).unwrap(), expected, "{query}");
    }

    #[test]
    fn lines_are_selected() {
        check("", "one\ntwo words\nthree\n");
        check("tailLines=1", "three\n");
        check("tailLines=0", "");
        check("sinceTime=2026-01-01T00%3A00%3A02Z", "two words\nthree\n");
        check("sinceSeconds=1&timestamps=true", "");
        check("tailLines=1&timestamps=true", "2026-01-01T00:00:03.000000000Z three\n");
    }

    #[test]
    fn options_that_cannot_be_read_are_refused() {
        assert_eq!(Reading::parse("tailLines=x").unwrap_err(), "tailLines=x cannot be read");
        assert!(Reading::parse("sinceTime=yesterday").is_err());
    }

    #[tokio::test]
    async fn a_followed_log_ends_with_its_writer() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::create(&dir.path().join("0.log")).unwrap();
        log.append(b"one");
        let (sender, mut lines) = mpsc::channel(1);
        let reader = tokio::spawn(send(Arc::clone(&log), Reading::parse("follow=true").unwrap(), sender));
        assert_eq!(lines.recv().await.unwrap(), "one\n");
        log.append(b"two");
        assert_eq!(lines.recv().await.unwrap(), "two\n");
        log.end();
        assert_eq!(lines.recv().await, None);
        reader.await.unwrap();
    }

    #[tokio::test]
    async fn the_limit_is_in_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::create(&dir.path().join("0.log")).unwrap();
        log.append(b"one");
        log.append(b"two");
        let (sender, mut lines) = mpsc::channel(1);
        send(log, Reading::parse("limitBytes=5").unwrap(), sender).await;
        assert_eq!(lines.recv().await.unwrap(), "one\nt");
    }
}
