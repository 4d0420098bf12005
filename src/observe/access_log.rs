//! The access log: lines gathered by each event loop, written by one thread of their own, so that a slow
//! or full disk never holds a request.

use std::cell::{Cell, RefCell};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Gathered bytes that are handed over without waiting for the clock.
const FULL: usize = 32 * 1024;
/// The longest a line waits.
const FLUSH: Duration = Duration::from_millis(200);
/// Buffers on their way to the disk, all loops together; past it lines are dropped and counted.
const QUEUE: usize = 256;

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Off,
    Stdout,
    File(PathBuf),
}

/// The log of the process. Dropping it writes what is left and ends the thread.
#[derive(Debug)]
pub struct AccessLog {
    sender: Option<SyncSender<Message>>,
    dropped: Arc<AtomicU64>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Message {
    Lines(Vec<u8>),
    Reopen,
    Close,
}

impl AccessLog {
    /// Opens the destination, so that a path that cannot be written stops the start.
    ///
    /// # Errors
    /// What opening the file for appending says.
    pub fn open(destination: Destination) -> io::Result<Self> {
        let dropped = Arc::default();
        let output = match &destination {
            Destination::Off => return Ok(Self { sender: None, dropped, writer: None }),
            Destination::Stdout => None,
            Destination::File(path) => Some(append(path)?),
        };
        let (sender, receiver) = sync_channel(QUEUE);
        let writer = Writer { destination, output, failing: false, told: 0 };
        let counted = Arc::clone(&dropped);
        let writer = std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || writer.run(&receiver, &counted))?;
        Ok(Self { sender: Some(sender), dropped, writer: Some(writer) })
    }

    /// Lines that could not be written, since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// One event loop's share.
    pub fn lines(&self) -> Lines {
        Lines(Rc::new(Gathered {
            sender: self.sender.clone(),
            dropped: Arc::clone(&self.dropped),
            bytes: RefCell::default(),
            flush_is_due: Cell::new(false),
        }))
    }

    /// Opens the file anew, for log rotation.
    pub fn reopen(&self) {
        if let Some(sender) = &self.sender {
            // A full queue means the disk is behind; the thread then reopens on its next failure.
            let _ = sender.try_send(Message::Reopen);
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            let _ = sender.send(Message::Close);
        }
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// Where one event loop puts its lines.
#[derive(Clone, Debug)]
pub struct Lines(Rc<Gathered>);

#[derive(Debug)]
struct Gathered {
    sender: Option<SyncSender<Message>>,
    dropped: Arc<AtomicU64>,
    bytes: RefCell<Vec<u8>>,
    flush_is_due: Cell<bool>,
}

impl Lines {
    /// Whether anybody reads them.
    pub fn wanted(&self) -> bool {
        self.0.sender.is_some()
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
}

impl Gathered {
    fn hand_over(&self) {
        let Some(sender) = &self.sender else { return };
        if self.bytes.borrow().is_empty() {
            return;
        }
        // With room from the start: growing by doubling would copy every line once more.
        let lines = self.bytes.replace(Vec::with_capacity(FULL + FULL / 8));
        if let Err(
            TrySendError::Full(Message::Lines(lines)) | TrySendError::Disconnected(Message::Lines(lines)),
        ) = sender.try_send(Message::Lines(lines))
        {
            self.dropped.fetch_add(count(&lines), Ordering::Relaxed);
        }
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        self.hand_over();
    }
}

/// The thread's side.
struct Writer {
    destination: Destination,
    output: Option<File>,
    /// A failing disk is reported once, until it works again.
    failing: bool,
    /// How many lost lines the error log knows of.
    told: u64,
}

impl Writer {
    fn run(mut self, receiver: &Receiver<Message>, dropped: &AtomicU64) {
        for message in receiver {
            match message {
                Message::Lines(lines) => self.write(&lines, dropped),
                Message::Reopen => self.reopen(),
                Message::Close => return,
            }
        }
    }

    fn write(&mut self, lines: &[u8], dropped: &AtomicU64) {
        let written = match &mut self.output {
            Some(file) => file.write_all(lines),
            None => write_stdout(lines),
        };
        match written {
            Ok(()) if self.failing => {
                self.failing = false;
                let all = dropped.load(Ordering::Relaxed);
                let lost = all.saturating_sub(std::mem::replace(&mut self.told, all));
                tracing::warn!("the access log can be written again; {lost} lines were lost");
            }
            Ok(()) => {}
            Err(error) => {
                dropped.fetch_add(count(lines), Ordering::Relaxed);
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!(
                        "the access log cannot be written: {error}; lines are dropped until it can"
                    );
                }
            }
        }
    }

    fn reopen(&mut self) {
        if let Destination::File(path) = &self.destination {
            match append(path) {
                Ok(file) => self.output = Some(file),
                Err(error) => tracing::error!(
                    "{} cannot be reopened: {error}; the old file stays in use",
                    path.display()
                ),
            }
        }
    }
}

fn append(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn write_stdout(lines: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(lines)?;
    stdout.flush()
}

fn count(lines: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', lines).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn in_loop(work: impl Future<Output = ()>) {
        tokio::task::LocalSet::new().run_until(work).await;
    }

    #[tokio::test]
    async fn lines_are_appended_and_written_at_the_latest_on_close() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        std::fs::write(&path, "before\n").unwrap();
        let log = AccessLog::open(Destination::File(path.clone())).unwrap();
        in_loop(async {
            let lines = log.lines();
            lines.push(|out| out.extend_from_slice(b"one\n"));
            lines.push(|out| out.extend_from_slice(b"two\n"));
            lines.flush();
        })
        .await;
        drop(log);
        assert_eq!(std::fs::read_to_string(path).unwrap(), "before\none\ntwo\n");
    }

    #[tokio::test]
    async fn a_rotated_file_is_left_for_a_new_one() {
        let directory = tempfile::tempdir().unwrap();
        let (path, rotated) = (directory.path().join("access.log"), directory.path().join("access.log.1"));
        let log = AccessLog::open(Destination::File(path.clone())).unwrap();
        in_loop(async {
            let lines = log.lines();
            lines.push(|out| out.extend_from_slice(b"one\n"));
            lines.flush();
            std::fs::rename(&path, &rotated).unwrap();
            log.reopen();
            lines.push(|out| out.extend_from_slice(b"two\n"));
            lines.flush();
        })
        .await;
        drop(log);
        assert_eq!(std::fs::read_to_string(rotated).unwrap(), "one\n");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "two\n");
    }

    #[tokio::test]
    async fn a_full_disk_loses_lines_but_nothing_else() {
        let log = AccessLog::open(Destination::File("/dev/full".into())).unwrap();
        let dropped = Arc::clone(&log.dropped);
        in_loop(async {
            let lines = log.lines();
            lines.push(|out| out.extend_from_slice(b"one\ntwo\n"));
            lines.flush();
        })
        .await;
        drop(log);
        assert_eq!(dropped.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_path_that_cannot_be_written_is_an_error_at_once() {
        assert!(AccessLog::open(Destination::File("/nonexistent/access.log".into())).is_err());
    }
}
