//! Waits for the files of a configuration to become others.
//!
//! Directories are watched, not files: all those on the way to each file, along every symbolic link. So it
//! is noticed when an editor renames, when `ln -sfn` or Kubernetes swap a link, and when a directory goes and
//! comes back. Events only say when to look; what counts is contents, so that `touch` is no change.
//!
//! The kernel is asked by its own interface. The same watcher was built on notify 8.2 and measured: that asks to
//! be told of every file that is opened, and cannot be asked not to. Ten thousand openings a second in a watched
//! directory, as where the pages for errors lie among the files that are served, took its thread a tenth of a
//! core (debug build); its order of answers and events had to be found out by a pipe that is watched as well.

mod events;
mod look;
mod path;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::config::Watched;
use events::{Events, Heard};
use look::{Interests, Look, Looked};

/// Whoever writes several files, or one in several pieces, pauses for less.
const QUIET: Duration = Duration::from_millis(200);
/// So long at most, when it never is quiet.
const RESTLESS: Duration = Duration::from_secs(2);
/// Between two looks at sizes and times: changes on network file systems raise no events.
const POLL: Duration = Duration::from_secs(5);
/// Between two readings of events that were nothing to us, as of a log in the same directory.
const INDIFFERENT: Duration = Duration::from_millis(50);

/// Watches the files of one configuration. Lives on the control thread, and waits for no disk there.
#[derive(Debug)]
pub struct Watcher {
    /// `None` where the kernel gives none; looking at times has to do then.
    events: Option<Events>,
    interests: Interests,
    watched: Watched,
    /// Which set of files that is: a look at a former one says nothing of it.
    generation: u64,
    /// What goes on on a thread that may wait for the disk.
    looking: Option<JoinHandle<Looked>>,
    /// Whether directories are still to be watched.
    is_new: bool,
    stirred: Option<Stirred>,
    stamp: u64,
    polled: Instant,
    /// Until when nobody listens.
    deaf: Option<Instant>,
    /// Errors of which the log has a line.
    told: BTreeSet<i32>,
}

/// Something has happened, and may go on.
#[derive(Clone, Copy, Debug)]
struct Stirred {
    first: Instant,
    last: Instant,
    /// Whether it was being looked at already when it went on.
    again: bool,
}

impl Stirred {
    fn settles(self) -> Instant {
        (self.last + QUIET).min(self.first + RESTLESS)
    }

    /// Whether nobody waits any longer for it to settle.
    fn is_over(self) -> bool {
        self.first.elapsed() >= RESTLESS
    }
}

impl Default for Watcher {
    fn default() -> Self {
        Self::new()
    }
}

impl Watcher {
    /// One that watches nothing yet. It has to be made within a runtime.
    pub fn new() -> Self {
        let mut watcher = Self {
            events: None,
            interests: Interests::default(),
            watched: Watched::default(),
            generation: 0,
            looking: None,
            is_new: false,
            stirred: None,
            stamp: 0,
            polled: Instant::now(),
            deaf: None,
            told: BTreeSet::new(),
        };
        match Events::new() {
            Ok(events) => watcher.events = Some(events),
            Err(error) => watcher.tell(&look::no_instance(&error), &error),
        }
        watcher
    }

    /// Watches all that a configuration was read from, and nothing else.
    pub fn watch(&mut self, watched: Watched) {
        self.watched = watched;
        self.begin();
    }

    /// Watches in addition what another one was read from, as one that could not be taken up.
    pub fn watch_too(&mut self, watched: Watched) {
        self.watched.extend(watched);
        self.begin();
    }

    /// What was heard so far was of another set; the first look tells whether this one is otherwise already.
    fn begin(&mut self) {
        self.generation += 1;
        self.is_new = true;
        self.stirred = None;
    }

    /// Returns when files are other ones than they were, and nothing has moved for a moment. May be dropped
    /// and called again; nothing is missed.
    pub async fn changed(&mut self) {
        while self.next().await != Some(true) {}
    }

    /// Whether the files are other ones, or `None` if they were not read.
    async fn next(&mut self) -> Option<bool> {
        if let Some(looking) = &mut self.looking {
            let looked = looking.await;
            self.looking = None;
            return self.take(looked);
        }
        let (look, due) = self.due();
        tokio::select! {
            () = sleep_until(due) => self.look(look),
            heard = listen(self.events.as_ref(), self.deaf) => self.hear(heard),
        }
        None
    }

    /// What is to be looked at next, and when.
    fn due(&self) -> (Look, Instant) {
        match self.stirred {
            _ if self.is_new => (Look::New, Instant::now()),
            Some(stirred) => (Look::Contents, stirred.settles()),
            None => (Look::Times { former: self.stamp }, self.polled + POLL),
        }
    }

    fn look(&mut self, look: Look) {
        self.is_new = false;
        if let Some(stirred) = &mut self.stirred {
            stirred.again = false;
        }
        let (generation, watched) = (self.generation, self.watched.clone());
        let inotify = self.events.as_ref().map(Events::inotify);
        self.looking = Some(tokio::task::spawn_blocking(move || look.now(generation, watched, inotify)));
    }

    fn take(&mut self, looked: Result<Looked, tokio::task::JoinError>) -> Option<bool> {
        let mut looked = match looked {
            Ok(looked) => looked,
            Err(error) => {
                tracing::error!("a bug: looking at the configuration's files failed: {error}");
                (self.polled, self.stirred) = (Instant::now(), None);
                return None;
            }
        };
        self.polled = Instant::now();
        if let Some(interests) = looked.interests.take() {
            let former = std::mem::replace(&mut self.interests, interests);
            let current = looked.generation == self.generation;
            self.events.iter().for_each(|events| events.forget(&former, &mut self.interests, current));
        }
        for (message, error) in std::mem::take(&mut looked.troubles) {
            self.tell(&message, &error);
        }
        if looked.generation != self.generation {
            return None;
        }
        self.stamp = looked.stamp;
        match looked.look {
            Look::Contents => return self.take_contents(looked),
            Look::New | Look::Times { .. } if looked.is_other => self.stir(),
            Look::New | Look::Times { .. } => {}
        }
        None
    }

    fn take_contents(&mut self, looked: Looked) -> Option<bool> {
        if let Some(heard) = self.events.as_ref().map(Events::now) {
            self.hear(heard);
        }
        let again = self.stirred.filter(|stirred| stirred.again);
        if looked.is_other && again.is_some_and(|stirred| !stirred.is_over()) {
            // Perhaps it was half of something. The next look finds it to be other as well.
            return None;
        }
        self.stirred = again.map(|stirred| Stirred { first: stirred.last, ..stirred });
        self.watched = looked.watched;
        Some(looked.is_other)
    }

    fn hear(&mut self, heard: io::Result<Vec<Heard>>) {
        let heard = match heard {
            Ok(heard) => heard,
            Err(error) => {
                self.tell("events of the configuration's files cannot be read", &error);
                self.events = None;
                return;
            }
        };
        let mut concerned = heard.iter().filter(|event| self.interests.concern(event)).peekable();
        self.deaf = concerned.peek().is_none().then(|| Instant::now() + INDIFFERENT);
        // Who writes has begun something only when the file is closed, but prolongs what has begun.
        if concerned.any(|event| !event.is_writing || self.stirred.is_some()) {
            self.stir();
        }
    }

    fn stir(&mut self) {
        let now = Instant::now();
        let first = self.stirred.map_or(now, |stirred| stirred.first);
        self.stirred = Some(Stirred { first, last: now, again: true });
    }

    /// Each kind of trouble once.
    fn tell(&mut self, message: &str, error: &io::Error) {
        if self.told.insert(error.raw_os_error().unwrap_or_default()) {
            tracing::warn!(
                "{message}: {error}. Changes of the configuration are noticed within {POLL:?} all the same, \
                 and SIGHUP reloads it at once"
            );
        }
    }
}

/// What happened, or never anything.
async fn listen(events: Option<&Events>, deaf: Option<Instant>) -> io::Result<Vec<Heard>> {
    if let Some(until) = deaf {
        sleep_until(until).await;
    }
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}
