//! What a pool prints, line by line into our log.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};

use super::reporter::Reporter;
use crate::process::protocol::Level;

/// The rest of a longer line is dropped: a worker that prints a megabyte must not fill ours.
const LONGEST_LINE: usize = 8 * 1024;

/// So many lines tell why an app ended, as a rule.
const LAST_LINES: usize = 10;

/// The last lines of a process, whichever way they came out of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LAST_LINES {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }
}

/// Reads until the other end is closed by everyone who holds it.
pub(super) async fn forward(name: String, mut from: impl AsyncRead + Unpin, reporter: Reporter, tail: Tail) {
    let mut lines = Lines::default();
    let mut chunk = vec![0; 4096];
    let mut complete = Vec::new();
    while let Ok(count) = from.read(&mut chunk).await {
        let Some(read) = chunk.get(..count).filter(|read| !read.is_empty()) else { break };
        lines.feed(read, |line| complete.push(line.to_owned()));
        for line in complete.drain(..) {
            tail.push(&line);
            reporter.say(Level::Info, &name, line).await;
        }
    }
    lines.finish(|line| complete.push(line.to_owned()));
    for line in complete {
        tail.push(&line);
        reporter.say(Level::Info, &name, line).await;
    }
}

/// Cuts a stream of bytes into printable lines of bounded length.
#[derive(Debug, Default)]
struct Lines {
    partial: Vec<u8>,
    /// The line is longer than what is kept of it.
    cut: bool,
}

impl Lines {
    fn feed(&mut self, mut bytes: &[u8], mut emit: impl FnMut(&str)) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            self.keep(line);
            self.finish(&mut emit);
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.keep(bytes);
    }

    /// Emits what is there, unless that is nothing.
    fn finish(&mut self, mut emit: impl FnMut(&str)) {
        let mut line = printable(self.partial.trim_ascii_end());
        if self.cut {
            line.push('…');
        }
        if !line.is_empty() {
            emit(&line);
        }
        self.partial.clear();
        self.cut = false;
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LONGEST_LINE.saturating_sub(self.partial.len());
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.cut |= kept.len() < bytes.len();
        self.partial.extend_from_slice(kept);
    }
}

/// Control characters would let an app's output, and through it a client's input, rewrite the
/// operator's terminal.
fn printable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    if !text.contains(char::is_control) {
        return text.into_owned();
    }
    text.chars().fold(String::with_capacity(line.len() + 16), |mut out, c| {
        match c {
            '\t' => out.push(c),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut out = Vec::new();
        for chunk in chunks {
            lines.feed(chunk, |line| out.push(line.to_owned()));
        }
        lines.finish(|line| out.push(line.to_owned()));
        out
    }

    #[test]
    fn joins_pieces_and_skips_empty_lines() {
        assert_eq!(lines(&[b"boo", b"ting\r\n\n", b"ready"]), ["booting", "ready"]);
    }

    #[test]
    fn escapes_control_characters() {
        assert_eq!(lines(&[b"\x1b[31mred\tblue\x00\n"]), ["\\u{1b}[31mred\tblue\\u{0}"]);
    }

    #[test]
    fn cuts_long_lines_and_goes_on_after_them() {
        let long = vec![b'x'; 3 * LONGEST_LINE];
        let out = lines(&[&long, b"yy\nnext\n"]);
        assert_eq!(out.len(), 2);
        assert_eq!(out[0].chars().count(), LONGEST_LINE + 1);
        assert_eq!(out[1], "next");
    }

    proptest! {
        #[test]
        fn never_emits_a_control_character(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for line in lines(&[&bytes]) {
                prop_assert!(!line.contains(|c: char| c.is_control() && c != '\t'));
            }
        }
    }
}
