//! The access log: lines gathered by each event loop and handed over in larger pieces.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::log::{Destination, Log, Opened};

/// Gathered bytes that are handed over without waiting for the clock.
const FULL: usize = 32 * 1024;
/// The longest a line waits.
const FLUSH: Duration = Duration::from_millis(200);
/// Bytes on their way to the disk, all loops together; past it lines are dropped and counted.
const QUEUE: usize = 8 << 20;
/// How long the end waits for a disk or a reader that is slow.
const CLOSE: Duration = Duration::from_secs(3);

/// The log of the process. Dropping it writes what is left and ends its thread.
#[derive(Debug)]
pub struct AccessLog(Log);

impl AccessLog {
    /// Opens the destination, so that a path that cannot be written stops the start. Nothing is written before
    /// [`Self::start`].
    ///
    /// # Errors
    /// What opening the file for appending says.
    pub fn open(destination: &Destination) -> io::Result<Self> {
        Opened::open(destination).map(Self::new)
    }

    pub fn new(opened: Opened) -> Self {
        Self(Log::new("access log", opened, QUEUE))
    }

    /// Begins to write, on a thread of its own.
    ///
    /// # Errors
    /// When the kernel gives no thread.
    pub fn start(&self) -> io::Result<()> {
        self.0.start()
    }

    /// Lines that could not be written, since the start.
    pub fn dropped(&self) -> u64 {
        self.0.dropped()
    }

    /// One event loop's share.
    pub fn lines(&self) -> Lines {
        Lines(Rc::new(Gathered {
            log: self.0.clone(),
            bytes: RefCell::default(),
            flush_is_due: Cell::new(false),
        }))
    }

    /// Opens the file anew, for log rotation.
    pub fn reopen(&self) {
        self.0.reopen();
    }

    /// Lines go there from now on, in all event loops. What [`Opened::open`] has refused changes nothing.
    pub fn turn_to(&self, opened: Opened) {
        self.0.turn_to(opened);
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        let before = self.0.dropped();
        self.0.close(CLOSE);
        let lost = self.0.dropped().saturating_sub(before);
        if lost > 0 {
            tracing::warn!("{lost} lines of the access log could not be written before the end");
        }
    }
}

/// Where one event loop puts its lines.
#[derive(Clone, Debug)]
pub struct Lines(Rc<Gathered>);

#[derive(Debug)]
struct Gathered {
    log: Log,
    bytes: RefCell<Vec<u8>>,
    flush_is_due: Cell<bool>,
}

impl Lines {
    /// Whether anybody reads them.
    pub fn wanted(&self) -> bool {
        self.0.log.is_wanted()
    }

    /// Appends one line; `write` ends it with a newline. Called inside an event loop.
    pub fn push(&self, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.wanted() {
            return;
        }
        let mut bytes = self.0.bytes.borrow_mut();
        write(&mut bytes);
        if bytes.len() >= FULL {
            drop(bytes);
            self.0.hand_over();
        } else if !self.0.flush_is_due.replace(true) {
            let gathered = Rc::clone(&self.0);
            tokio::task::spawn_local(async move {
                tokio::time::sleep(FLUSH).await;
                gathered.flush_is_due.set(false);
                gathered.hand_over();
            });
        }
    }

    /// Hands over what is there.
    pub fn flush(&self) {
        self.0.hand_over();
    }

    /// Waits until everything handed over is written.
    #[cfg(test)]
    pub fn settle(&self) -> bool {
        self.0.log.flush(CLOSE)
    }
}

impl Gathered {
    fn hand_over(&self) {
        if self.bytes.borrow().is_empty() {
            return;
        }
        // With room from the start: growing by doubling would copy every line once more.
        self.log.push(self.bytes.replace(Vec::with_capacity(FULL + FULL / 8)));
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        self.hand_over();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn in_loop(work: impl Future<Output = ()>) {
        tokio::task::LocalSet::new().run_until(work).await;
    }

    #[tokio::test]
    async fn lines_are_written_at_the_latest_on_close() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        let log = AccessLog::open(&Destination::File(path.clone())).unwrap();
        log.start().unwrap();
        in_loop(async {
            let lines = log.lines();
            lines.push(|out| out.extend_from_slice(b"one\n"));
            lines.push(|out| out.extend_from_slice(b"two\n"));
        })
        .await;
        drop(log);
        assert_eq!(std::fs::read_to_string(path).unwrap(), "one\ntwo\n");
    }

    #[tokio::test]
    async fn event_loops_follow_where_it_is_turned_to() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        let log = AccessLog::open(&Destination::Off).unwrap();
        log.start().unwrap();
        in_loop(async {
            let lines = log.lines();
            assert!(!lines.wanted());
            lines.push(|_| panic!("nobody reads it"));
            log.turn_to(Opened::open(&Destination::File(path.clone())).unwrap());
            lines.push(|out| out.extend_from_slice(b"one\n"));
        })
        .await;
        drop(log);
        assert_eq!(std::fs::read_to_string(path).unwrap(), "one\n");
    }
}
