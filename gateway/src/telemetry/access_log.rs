//! The access log: one JSON line per request, written by a thread of its own.
//!
//! A request never waits for the log: its line goes to the end of a page, and what does not fit there is counted and
//! dropped. The thread takes the whole page and writes it at once. It lets the page fill for a moment first, so that a
//! busy gateway wakes it a hundred times a second and not once for each request.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use prometheus::IntCounter;

use super::record::Record;

/// Lines that may wait, at most.
pub const QUEUE: usize = 8192;
/// Bytes that may wait, at most. Lines have 1 KiB, and thirty times that when a client wants them to.
const WAITING: usize = 16 * 1024 * 1024;
/// How long a page fills before it is written. Whoever follows the log does not notice.
const FILLING: Duration = Duration::from_millis(10);
/// A page that has grown larger is given back.
const KEPT_PAGE: usize = 256 * 1024;

thread_local! {
    /// The line that is being made; made outside of the lock, and the memory is used again.
    static LINE: RefCell<Vec<u8>> = RefCell::default();
}

/// The writing end.
#[derive(Debug)]
pub struct AccessLog {
    desk: Arc<Desk>,
    /// Lines that may wait.
    queue: usize,
    dropped: IntCounter,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// Where pages change hands.
#[derive(Debug, Default)]
struct Desk {
    page: Mutex<Page>,
    /// Told when a page has its first line, and when the log closes.
    news: Condvar,
}

/// Lines that wait.
#[derive(Debug, Default)]
struct Page {
    text: Vec<u8>,
    lines: usize,
    closed: bool,
}

impl AccessLog {
    /// Starts the thread that writes to `sink` (in production [`io::stdout`]). `queue` is how many lines may wait,
    /// such as [`QUEUE`]; lines that are lost are counted in `dropped` (`Metrics::access_log_dropped`).
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(sink: Box<dyn Write + Send>, queue: usize, dropped: IntCounter) -> io::Result<Self> {
        let desk = Arc::<Desk>::default();
        let (pages, lost) = (Arc::clone(&desk), dropped.clone());
        let writer = Builder::new().name("access-log".to_owned()).spawn(move || write_all(sink, &pages, &lost))?;
        Ok(Self { desk, queue, dropped, writer: Mutex::new(Some(writer)) })
    }

    /// Puts the line of a request on the page. Never waits for the sink.
    pub fn log(&self, record: &Record<'_>) {
        let taken = LINE.with_borrow_mut(|line| {
            line.clear();
            record.write_line(line);
            self.desk.put(line, self.queue)
        });
        if !taken {
            self.dropped.inc();
        }
    }

    /// Waits until every line logged so far is written; lines that come later are dropped. Blocks: in async code, on
    /// a blocking thread.
    pub fn close(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Without one, or when it is gone already, there is nothing to wait for.
        if let Some(writer) = writer {
            self.desk.page().closed = true;
            self.desk.news.notify_one();
            let _ = writer.join();
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.desk.page().closed = true;
        self.desk.news.notify_one();
    }
}

impl Desk {
    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the line has found room.
    fn put(&self, line: &[u8], most: usize) -> bool {
        let mut page = self.page();
        if page.closed || page.lines >= most || page.text.len() + line.len() > WAITING {
            return false;
        }
        page.text.extend_from_slice(line);
        page.lines += 1;
        let first = page.lines == 1;
        drop(page);
        if first {
            self.news.notify_one();
        }
        true
    }

    /// Waits for a page that has lines, and takes it in exchange for an empty one; `None` when there will be no more.
    fn next(&self, blank: Vec<u8>) -> Option<Vec<u8>> {
        let wait = self.news.wait_while(self.page(), |page| page.lines == 0 && !page.closed);
        let page = wait.unwrap_or_else(PoisonError::into_inner);
        let fill = self.news.wait_timeout_while(page, FILLING, |page| !page.closed);
        let mut page = fill.unwrap_or_else(PoisonError::into_inner).0;
        if page.lines == 0 {
            return None;
        }
        page.lines = 0;
        Some(std::mem::replace(&mut page.text, blank))
    }
}

/// Writes until the log is closed or dropped.
fn write_all(mut sink: Box<dyn Write + Send>, desk: &Desk, lost: &IntCounter) {
    let mut blank = Vec::new();
    while let Some(mut page) = desk.next(blank) {
        // A reader that went away must not end the gateway, nor the log of a sink that recovers.
        if sink.write_all(&page).and_then(|()| sink.flush()).is_err() {
            lost.inc();
        }
        page.clear();
        page.shrink_to(KEPT_PAGE);
        blank = page;
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
        let mut line = Vec::new();
        long.write_line(&mut line);
        let fit = WAITING / line.len();
        (0..fit + 5).for_each(|_| log.log(&long));
        assert_eq!(dropped.get(), 5);
        gates[1].wait();
        log.close();
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
