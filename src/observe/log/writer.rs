//! The thread of a log.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::output::{LogFile, Output, Place};
use super::queue::{Next, Order, Queue};

/// How often a file is looked after while nothing is written to it; else with each piece.
const LOOK: Duration = Duration::from_secs(1);
/// Between two attempts to open a file that could not be opened, and between two lines about lost ones.
const AGAIN: Duration = Duration::from_secs(1);
const TELL: Duration = Duration::from_secs(60);

pub(super) struct Writer {
    name: &'static str,
    queue: Arc<Queue>,
    output: Output,
    /// The last line has no end.
    torn: bool,
    /// A failing disk is reported once, until it works again.
    failing: bool,
    /// How many lost lines the error log knows of, and since when.
    told: u64,
    told_at: Option<Instant>,
    /// Nobody wants more lines than those on their way.
    ending: bool,
    /// When a file last could not be opened anew; told once, until it can.
    stuck: Option<Instant>,
}

impl Writer {
    pub fn new(name: &'static str, queue: Arc<Queue>) -> Self {
        Self {
            name,
            queue,
            output: Output::Off,
            torn: false,
            failing: false,
            told: 0,
            told_at: None,
            ending: false,
            stuck: None,
        }
    }

    pub fn run(mut self) {
        loop {
            match self.queue.next(LOOK) {
                Next::Lines(lines) => {
                    self.follow();
                    self.write(&lines);
                }
                Next::Order(order) => self.obey(order),
                Next::Idle if self.ending => self.output = Output::Off,
                Next::Idle => self.follow(),
                Next::End => return,
            }
        }
    }

    fn write(&mut self, lines: &[u8]) {
        if self.torn && !matches!(self.output.write(b"\n"), Ok(1..)) {
            return self.queue.lose(lines);
        }
        self.torn = false;
        let mut rest = lines;
        while !rest.is_empty() {
            match self.output.write(rest) {
                Ok(0) => match self.queue.urgent() {
                    Some(order) => {
                        rest = from_line(lines, rest.len());
                        self.obey(order);
                        if self.ending {
                            self.output = Output::Off;
                        }
                    }
                    None if self.queue.is_given_up() => return self.queue.lose(rest),
                    None => {}
                },
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) => {
                    self.torn = rest.len() != from_line(lines, rest.len()).len();
                    self.queue.lose(rest);
                    return self.failed(&error);
                }
            }
        }
        self.tell_lost();
        self.failing = false;
    }

    fn failed(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.failing, true) {
            let remedy = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some of its disk",
                io::ErrorKind::BrokenPipe => "start again what reads it, and then rproxy",
                _ => "see what it is written to",
            };
            let name = self.name;
            tracing::error!(remedy, "the {name} cannot be written: {error}; lines are dropped until it can");
        }
    }

    /// What was lost is told once there is room again.
    fn tell_lost(&mut self) {
        let all = self.queue.dropped();
        let lost = all.saturating_sub(self.told);
        let is_due = self.failing || self.told_at.is_none_or(|at| at.elapsed() >= TELL);
        if lost == 0 || !is_due {
            return;
        }
        (self.told, self.told_at) = (all, Some(Instant::now()));
        let name = self.name;
        if self.failing {
            tracing::warn!("the {name} can be written again; {lost} lines were lost");
        } else {
            let remedy = "give it a faster disk or reader, or log less";
            tracing::warn!(
                remedy,
                "the {name} could not be written as fast as it grew; {lost} lines were lost"
            );
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            // Event loops may have gathered lines that were wanted.
            Order::TurnTo(Output::Off) => self.ending = true,
            Order::TurnTo(output) => {
                (self.output, self.ending) = (output, false);
                (self.torn, self.failing, self.stuck) = (false, false, None);
            }
            Order::Reopen => self.reopen(),
        }
    }

    /// Rotated away, with or without a word to us: the name belongs to a new file.
    fn follow(&mut self) {
        let Output::File(file) = &mut self.output else { return };
        let now = Instant::now();
        let rests = self.stuck.is_some_and(|at| now.saturating_duration_since(at) < AGAIN);
        if !rests && file.place(now) == Place::Rotated {
            self.reopen();
        }
    }

    fn reopen(&mut self) {
        let Output::File(file) = &mut self.output else { return };
        match LogFile::open(file.path()) {
            Ok(anew) => {
                *file = anew;
                self.torn = false;
                self.stuck = None;
            }
            Err(error) => {
                if self.stuck.replace(Instant::now()).is_none() {
                    let (path, remedy) = (file.path().display(), remedy(&error));
                    tracing::error!(
                        remedy,
                        "{path} cannot be opened anew: {error}; the old file stays in use until it can"
                    );
                }
            }
        }
    }
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "create its directory",
        io::ErrorKind::PermissionDenied => {
            "give its directory to rproxy's user, or have logrotate create the file for that user (`create 0640 USER`)"
        }
        _ => "see to its directory",
    }
}

/// From the beginning of the line that the last `left` bytes begin in.
fn from_line(lines: &[u8], left: usize) -> &[u8] {
    let at = lines.len().saturating_sub(left);
    let begin = memchr::memrchr(b'\n', lines.get(..at).unwrap_or_default()).map_or(0, |end| end + 1);
    lines.get(begin..).unwrap_or_default()
}
