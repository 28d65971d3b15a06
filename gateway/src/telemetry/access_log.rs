//! The access log: one JSON line per request, written by a thread of its own behind a bounded queue.
//!
//! A request never waits for the log: what does not fit into the queue is counted and dropped.

use std::io::{self, BufWriter, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use prometheus::IntCounter;

use super::record::Record;

/// Lines that may wait, at most.
pub const QUEUE: usize = 8192;
/// Bytes that may wait, at most. Lines have 1 KiB, and thirty times that when a client wants them to.
const WAITING: usize = 16 * 1024 * 1024;
const BUFFER: usize = 64 * 1024;

/// The writing end.
#[derive(Debug)]
pub struct AccessLog {
    queue: SyncSender<Message>,
    /// Bytes of the lines that wait.
    waiting: Arc<AtomicUsize>,
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
        let waiting = Arc::new(AtomicUsize::new(0));
        let (lines, lost) = (Lines { queue: receiver, waiting: Arc::clone(&waiting) }, dropped.clone());
        let writer = Builder::new().name("access-log".to_owned()).spawn(move || write_all(sink, &lines, &lost))?;
        Ok(Self { queue: sender, waiting, dropped, writer: Mutex::new(Some(writer)) })
    }

    /// Queues the line of a request. Never blocks.
    pub fn log(&self, record: &Record<'_>) {
        if !record.to_line().is_ok_and(|line| self.queued(line)) {
            self.dropped.inc();
        }
    }

    fn queued(&self, line: Vec<u8>) -> bool {
        let length = line.len();
        let fits = self.waiting.fetch_add(length, Ordering::Relaxed) + length <= WAITING;
        let queued = fits && self.queue.try_send(Message::Line(line)).is_ok();
        if !queued {
            self.waiting.fetch_sub(length, Ordering::Relaxed);
        }
        queued
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

/// The reading end of the queue.
struct Lines {
    queue: Receiver<Message>,
    waiting: Arc<AtomicUsize>,
}

/// Writes until the log is closed or dropped; flushes whenever nothing waits.
fn write_all(sink: Box<dyn Write + Send>, lines: &Lines, lost: &IntCounter) {
    let mut sink = BufWriter::with_capacity(BUFFER, sink);
    // A reader that went away must not end the gateway, nor the log of a sink that recovers.
    let count = |written: io::Result<()>| {
        if written.is_err() {
            lost.inc();
        }
    };
    while let Ok(message) = lines.queue.recv() {
        let mut next = Some(message);
        while let Some(message) = next {
            let Message::Line(line) = message else {
                return count(sink.flush());
            };
            count(sink.write_all(&line));
            lines.waiting.fetch_sub(line.len(), Ordering::Relaxed);
            next = lines.queue.try_recv().ok();
        }
        count(sink.flush());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    /// Keeps what is written; waits at the barriers before its first write.
    #[derive(Clone, Default)]
    struct Sink {
        written: Arc<Mutex<Vec<u8>>>,
        gates: Option<Arc<[Barrier; 2]>>,
    }

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(gates) = self.gates.take() {
                for gate in gates.iter() {
                    gate.wait();
                }
            }
            self.written.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn counter() -> IntCounter {
        IntCounter::new("dropped", "dropped").unwrap()
    }

    fn paths(sink: &Sink) -> Vec<String> {
        let written = String::from_utf8(sink.written.lock().unwrap().clone()).unwrap();
        let value = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
        written.lines().map(|line| value(line)["path"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn everything_is_written_before_it_closes() {
        let (sink, dropped) = (Sink::default(), counter());
        let log = AccessLog::start(Box::new(sink.clone()), 1000, dropped.clone()).unwrap();
        let expected: Vec<_> = (0..1000).map(|number| format!("/{number}")).collect();
        expected.iter().for_each(|path| log.log(&Record::sample(path.as_bytes())));
        log.close();
        assert_eq!(paths(&sink), expected);
        assert_eq!(dropped.get(), 0);
        log.log(&Record::sample(b"/late"));
        log.close();
        assert_eq!((paths(&sink).len(), dropped.get()), (1000, 1));
    }

    #[test]
    fn what_does_not_fit_is_counted_and_nobody_waits() {
        let gates = Arc::new([Barrier::new(2), Barrier::new(2)]);
        let sink = Sink { gates: Some(Arc::clone(&gates)), ..Sink::default() };
        let dropped = counter();
        let log = AccessLog::start(Box::new(sink.clone()), 2, dropped.clone()).unwrap();
        log.log(&Record::sample(b"/in-hand"));
        // The writer is amid its first write now, and the queue is empty.
        gates[0].wait();
        for path in [b"/a", b"/b", b"/c", b"/d"] {
            log.log(&Record::sample(path));
        }
        assert_eq!(dropped.get(), 2);
        gates[1].wait();
        log.close();
        assert_eq!(paths(&sink), ["/in-hand", "/a", "/b"]);
    }

    #[test]
    fn long_lines_do_not_fill_the_memory() {
        let gates = Arc::new([Barrier::new(2), Barrier::new(2)]);
        let sink = Sink { gates: Some(Arc::clone(&gates)), ..Sink::default() };
        let dropped = counter();
        let log = AccessLog::start(Box::new(sink.clone()), 1_000_000, dropped.clone()).unwrap();
        log.log(&Record::sample(b"/in-hand"));
        gates[0].wait();
        let agent = [0xff; 2048];
        let long = Record { user_agent: Some(&agent), ..Record::sample(b"/") };
        let fit = WAITING / long.to_line().unwrap().len();
        (0..fit + 5).for_each(|_| log.log(&long));
        // The line that is being written counts as waiting.
        assert!((5..7).contains(&dropped.get()), "{}", dropped.get());
        gates[1].wait();
        log.close();
        assert_eq!(log.waiting.load(Ordering::Relaxed), 0);
        let written = sink.written.lock().unwrap().iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(written as u64 + dropped.get(), fit as u64 + 6);
    }

    #[test]
    fn a_sink_that_fails_is_counted_and_does_no_harm() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let dropped = counter();
        let log = AccessLog::start(Box::new(Broken), 10, dropped.clone()).unwrap();
        log.log(&Record::sample(b"/a"));
        log.close();
        assert!(dropped.get() > 0);
    }
}
