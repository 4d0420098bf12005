//! What the operator wants while rproxy serves, by whatever way it comes.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use crate::config::Watched;
use crate::control::{self, Control, Outcome, Reply};
use crate::handover::{Parcel, Purpose, Successor, Upgrade};
use crate::observe::AccessLog;
use crate::reload::{self, Watcher};
use crate::runtime;
use crate::signals::{Signal, Signals};

/// One thing that is asked for.
#[derive(Debug)]
pub(super) enum Wish {
    /// Finish what is in flight, then end.
    Stop,
    ReopenLogs,
    /// Take up the configuration as it is now, and tell whoever waits for the outcome.
    Reload(Option<Reply>),
    /// The same, since a file of it has changed.
    Changed,
    /// Start the pool of workers of that upstream anew.
    Restart(String, Reply),
    /// Hand the listening sockets to a new binary.
    Upgrade,
    /// A new binary serves: leave it alone with that.
    Leave(Successor),
}

/// Everything that is asked for, in its order, from the moment this is made on.
#[derive(Debug)]
pub(super) struct Wishes {
    signals: Signals,
    control: Control,
    watcher: Watcher,
    upgrade: Upgrade,
    /// What was asked for while something else was being done.
    waiting: VecDeque<Wish>,
}

impl Wishes {
    /// # Errors
    /// When the kernel refuses a handler of signals.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            signals: Signals::new()?,
            control: Control::none(),
            watcher: Watcher::new(),
            upgrade: Upgrade::default(),
            waiting: VecDeque::new(),
        })
    }

    /// Asks for reloads when these files change. They are looked at by another thread, which there must not be
    /// while this one has root's rights to give up.
    pub fn follow(&mut self, files: Watched) {
        self.watcher.watch(files);
    }

    /// Takes orders of the command line too, over the sockets of a former process if there are any.
    pub fn take_orders(&mut self, file: &Path, inherited: Vec<OwnedFd>) {
        self.control = Control::open(file, inherited);
    }

    /// Starts a new process for the sockets of this one, as far as `listening` has them.
    pub fn hand_over(&mut self, listening: io::Result<Vec<Parcel>>) {
        let parcels = listening.and_then(|mut parcels| {
            parcels.push(Parcel { purpose: Purpose::Control, sockets: self.control.sockets()? });
            Ok(parcels)
        });
        self.upgrade.begin(parcels);
    }

    /// Whether a new process is on its way, which has read the configuration by itself or is about to.
    pub fn hands_over(&self) -> bool {
        self.upgrade.is_under_way()
    }

    /// Asks for a reload when one of these files changes. Those of a configuration that was refused are watched
    /// beside those of the one in force: it may be mended anywhere.
    pub fn watch(&mut self, watched: Watched, outcome: &reload::Outcome) {
        // What has changed since these were read is found to be different from them.
        self.waiting.retain(|wish| !matches!(wish, Wish::Changed));
        match outcome {
            reload::Outcome::Applied(_) | reload::Outcome::Unchanged => self.watcher.watch(watched),
            reload::Outcome::Rejected(_) => self.watcher.watch_too(watched),
        }
    }

    /// The next one. Can be dropped and called again.
    pub async fn next(&mut self) -> Wish {
        match self.waiting.pop_front() {
            Some(wish) => wish,
            None => self.arrival().await,
        }
    }

    /// Waits for a stop. Logs are opened anew meanwhile, and everything else has to wait.
    pub async fn until_stop(&mut self, log: &AccessLog) {
        loop {
            match self.arrival().await {
                Wish::Stop => return,
                Wish::ReopenLogs => runtime::reopen_logs(log),
                wish => self.waiting.push_back(wish),
            }
        }
    }

    /// Those who wait for the outcome of a reload that has not begun: it is theirs as well.
    pub fn take_reloads(&mut self) -> Vec<Reply> {
        let waiting = std::mem::take(&mut self.waiting);
        let (reloads, others) = waiting.into_iter().partition(|wish| matches!(wish, Wish::Reload(_)));
        self.waiting = others;
        let replies = VecDeque::into_iter(reloads).filter_map(|wish| match wish {
            Wish::Reload(reply) => reply,
            _ => None,
        });
        replies.collect()
    }

    /// Nothing more is done: whoever waits is told, and a new process that is not ready is ended.
    pub fn refuse_all(&mut self) {
        self.control = Control::none();
        self.upgrade = Upgrade::default();
        for wish in self.waiting.drain(..) {
            if let Wish::Reload(Some(reply)) | Wish::Restart(_, reply) = wish {
                reply.done(Outcome::Rejected("rproxy is stopping".into()));
            }
        }
    }

    async fn arrival(&mut self) -> Wish {
        tokio::select! {
            signal = self.signals.next() => match signal {
                Signal::Stop => Wish::Stop,
                Signal::ReopenLogs => Wish::ReopenLogs,
                Signal::Reload => Wish::Reload(None),
                Signal::Upgrade => Wish::Upgrade,
            },
            order = self.control.next() => match order.command {
                control::Command::Reload => Wish::Reload(Some(order.reply)),
                control::Command::Restart(name) => Wish::Restart(name, order.reply),
            },
            // A new process reads them by itself, and is not to meet this one at a new address.
            () = self.watcher.changed(), if !self.upgrade.is_under_way() => Wish::Changed,
            successor = self.upgrade.done() => Wish::Leave(successor),
        }
    }
}
