//! A log: lines go through a bounded queue to a thread of their own, so that neither a full disk nor a reader
//! that stands still holds up who has something to say.

mod output;
mod queue;
#[cfg(test)]
mod tests;
mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use output::Output;
use queue::{Order, Queue};
use writer::Writer;

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Off,
    Stdout,
    Stderr,
    File(PathBuf),
}

/// A destination that can be written to, and is not yet.
#[derive(Debug)]
pub struct Opened(Output);

impl Opened {
    /// # Errors
    /// What opening the file for appending says.
    pub fn open(destination: &Destination) -> io::Result<Self> {
        Output::open(destination).map(Self)
    }

    /// Opens it as root, for somebody who may be able to put links in the file's place.
    ///
    /// # Errors
    /// As of [`Self::open`], and `ELOOP` for a link or a file with another name, where that
    /// may be somebody else's doing.
    pub fn open_for_another(destination: &Destination) -> io::Result<Self> {
        Output::open_for_another(destination).map(Self)
    }

    /// Gives a file to this user and group, who will open it again when it was rotated. Others stay as they are.
    ///
    /// # Errors
    /// What `fchown(2)` says.
    pub fn give_to(&self, user: u32, group: u32) -> io::Result<()> {
        self.0.give_to(user, group)
    }
}

/// A log of the process. Its copies are the same log.
#[derive(Clone, Debug)]
pub struct Log {
    name: &'static str,
    queue: Arc<Queue>,
}

impl Log {
    /// Lines wait until [`Self::start`]; past `most` bytes of them they are dropped and counted.
    pub fn new(name: &'static str, opened: Opened, most: usize) -> Self {
        let log = Self { name, queue: Arc::new(Queue::new(most)) };
        log.turn_to(opened);
        log
    }

    /// Begins to write, on a thread of its own.
    ///
    /// # Errors
    /// When the kernel gives no thread.
    pub fn start(&self) -> io::Result<()> {
        let writer = Writer::new(self.name, Arc::clone(&self.queue));
        let thread =
            std::thread::Builder::new().name(self.name.replace(' ', "-")).spawn(move || writer.run())?;
        self.queue.set_started(thread.thread().id());
        Ok(())
    }

    /// Whether lines go anywhere.
    pub fn is_wanted(&self) -> bool {
        self.queue.is_wanted()
    }

    /// Hands whole lines over, without waiting: where there is no room for them they are dropped and counted.
    pub fn push(&self, lines: Vec<u8>) {
        self.queue.push(lines);
    }

    /// Lines that could not be written, since the start.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped()
    }

    /// Opens the file anew, for log rotation. Lines that wait go to the new one.
    pub fn reopen(&self) {
        self.queue.order(Order::Reopen);
    }

    /// Lines go there from now on, those that wait as well.
    pub fn turn_to(&self, opened: Opened) {
        self.queue.set_wanted(!matches!(opened.0, Output::Off));
        self.queue.order(Order::TurnTo(opened.0));
    }

    /// Waits until all is written. `false` if it takes longer than that.
    pub fn flush(&self, limit: Duration) -> bool {
        self.queue.flush(limit)
    }

    /// Ends the thread once all is written. What takes longer than that is dropped and counted.
    pub fn close(&self, limit: Duration) {
        self.queue.close(limit);
    }
}
