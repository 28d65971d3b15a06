//! The access log: one JSON line per request, written by a thread of its own behind a bounded queue.
//!
//! A request never waits for the log: what does not fit into the queue is counted and dropped.

use std::io::{self, BufWriter, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use prometheus::IntCounter;

use super::record::Record;

/// Lines that may wait, at most: with lines of 1 KiB, 8 MiB.
pub const QUEUE: usize = 8192;
const BUFFER: usize = 64 * 1024;

/// The writing end.
#[derive(Debug)]
pub struct AccessLog {
    queue: SyncSender<Message>,
    dropped: IntCounter,
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    Close,
}

impl AccessLog {
    /// Starts the thread that writes to `sink` (in production [`io::stdout`]). `queue` is how many lines may wait,
    /// such as [`QUEUE`]; lines that are lost are counted in `dropped` (`Metrics::access_log_dropped`).
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(sink: Box<dyn Write + Send>, queue: usize, dropped: IntCounter) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(queue);
        let lost = dropped.clone();
        let writer = Builder::new().name("access-log".to_owned()).spawn(move || write_all(sink, &receiver, &lost))?;
        Ok(Self { queue: sender, dropped, writer: Mutex::new(Some(writer)) })
    }

    /// Queues the line of a request. Never blocks.
    pub fn log(&self, record: &Record<'_>) {
        let queued = record.to_line().is_ok_and(|line| self.queue.try_send(Message::Line(line)).is_ok());
        if !queued {
            self.dropped.inc();
        }
    }

    /// Waits until every line queued so far is written; lines that come later are dropped. Blocks: in async code, on
    /// a blocking thread.
    pub fn close(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        // An error of either means that the thread is gone already, and there is nothing to wait for.
        if let Some(writer) = writer {
            let _ = self.queue.send(Message::Close);
            let _ = writer.join();
        }
    }
}

/// Writes until the log is closed or dropped; flushes whenever nothing waits.
fn write_all(sink: Box<dyn Write + Send>, queue: &Receiver<Message>, lost: &IntCounter) {
    let mut sink = BufWriter::with_capacity(BUFFER, sink);
    // A reader that went away must not end the gateway, nor the log of a sink that recovers.
    let count = |written: io::Result<()>| {
        if written.is_err() {
            lost.inc();
        }
    };
    while let Ok(message) = queue.recv() {
        let mut next = Some(message);
        while let Some(message) = next {
            let Message::Line(line) = message else {
                return count(sink.flush());
            };
            count(sink.write_all(&line));
            next = queue.try_recv().ok();
        }
        count(sink.flush());
    }
}
