//! The lines a child prints, collected by a thread and awaited by tests.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use super::PATIENCE;

#[derive(Clone, Debug, Default)]
pub struct Lines {
    shared: Arc<(Mutex<Collected>, Condvar)>,
}

#[derive(Debug, Default)]
struct Collected {
    lines: Vec<String>,
    closed: bool,
    /// Nobody reads what the child prints.
    paused: bool,
}

impl Lines {
    /// Collects until the other end is closed.
    pub fn of(from: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let collector = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
                collector.change(|all| all.lines.push(String::from_utf8_lossy(&line).into_owned()));
                collector.rest_while_paused();
            }
            collector.change(|all| all.closed = true);
        });
        lines
    }

    /// Reads no more, but for what is already on its way.
    pub fn pause(&self) {
        self.change(|all| all.paused = true);
    }

    pub fn resume(&self) {
        self.change(|all| all.paused = false);
    }

    fn rest_while_paused(&self) {
        let (mutex, changed) = &*self.shared;
        drop(changed.wait_while(mutex.lock().unwrap(), |all| all.paused).unwrap());
    }

    pub fn all(&self) -> Vec<String> {
        self.shared.0.lock().unwrap().lines.clone()
    }

    /// The first line that contains `text`, now or soon.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_for_nth(text, 1)
    }

    /// The `count`th line that contains `text`.
    pub fn wait_for_nth(&self, text: &str, count: usize) -> String {
        let found =
            self.wait(|all| all.lines.iter().filter(|line| line.contains(text)).nth(count - 1).cloned());
        found.unwrap_or_else(|| panic!("no {count}. line with `{text}` in:\n{}", self.all().join("\n")))
    }

    /// The first line that `matches`; `None` when there is none in time.
    pub fn wait_for_line(&self, matches: impl Fn(&str) -> bool) -> Option<String> {
        self.wait(|all| all.lines.iter().find(|line| matches(line)).cloned())
    }

    /// Whether the child closed its end within `PATIENCE`, which it does at the latest when it ends.
    pub fn wait_until_closed(&self) -> bool {
        self.wait(|all| all.closed.then_some(())).is_some()
    }

    /// `None` when `wanted` did not come in time, or cannot come any more.
    fn wait<T>(&self, wanted: impl Fn(&Collected) -> Option<T>) -> Option<T> {
        let (mutex, changed) = &*self.shared;
        let deadline = Instant::now() + PATIENCE;
        let mut all = mutex.lock().unwrap();
        loop {
            if let Some(found) = wanted(&all) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if all.closed || left.is_zero() {
                return None;
            }
            all = changed.wait_timeout(all, left).unwrap().0;
        }
    }

    fn change(&self, how: impl FnOnce(&mut Collected)) {
        how(&mut self.shared.0.lock().unwrap());
        self.shared.1.notify_all();
    }
}
