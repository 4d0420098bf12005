//! The error log: tracing to stderr or a file.
//!
//! Until [`detach`] lines are written by who says them: what keeps the start from succeeding is told before the
//! process ends. From then on a thread writes them, since a terminal that is stopped, or a full pipe, would
//! hold up event loops.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{self, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

use super::log::{Destination, Log, Opened};

/// Bytes of lines that wait for their reader; past it they are dropped and counted.
const QUEUE: usize = 1 << 20;
/// How long the end waits for a reader that stands still.
const FLUSH: Duration = Duration::from_secs(2);

/// How long an event loop waits for its last words to be written.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

/// Set once; the log itself may be turned elsewhere.
static LOG: OnceLock<Log> = OnceLock::new();
static LEVEL: OnceLock<reload::Handle<Targets, Registry>> = OnceLock::new();
static JSON: AtomicBool = AtomicBool::new(false);
static COLOURS: AtomicBool = AtomicBool::new(false);
static ON_STDERR: AtomicBool = AtomicBool::new(true);

/// Sends diagnostics of `level` and above to stderr. The first call wins.
pub fn start(level: LevelFilter, format: Format) {
    let (filter, handle) = reload::Layer::new(said_by(level));
    let lines = tracing_subscriber::fmt::layer().event_format(Look).with_writer(Lines);
    // Another subscriber is in place only in tests, which keep theirs.
    if tracing_subscriber::registry().with(filter).with(lines).try_init().is_ok() {
        // Whoever comes second has been refused above.
        let _ = LEVEL.set(handle);
        COLOURS.store(io::stderr().is_terminal(), Ordering::Relaxed);
    }
    set(level, format);
}

/// Those that speak by the same means.
const LIBRARIES: [&str; 5] = ["h2", "hyper", "hyper_util", "instant_acme", "rustls"];

/// What libraries have to say of every frame would bury our own words; who wants all of it asks for `trace`.
fn said_by(level: LevelFilter) -> Targets {
    let others = if level == LevelFilter::TRACE { level } else { level.min(LevelFilter::WARN) };
    Targets::new().with_default(level).with_targets(LIBRARIES.map(|library| (library, others)))
}

/// Changes level and look of what is said from now on.
pub fn set(level: LevelFilter, format: Format) {
    JSON.store(format == Format::Json, Ordering::Relaxed);
    if let Some(handle) = LEVEL.get() {
        // Fails only when there is no subscriber any more, which stays for the rest of the process.
        let _ = handle.reload(said_by(level));
    }
}

/// Has a thread write what is said from now on, and to `opened`. The first call wins.
///
/// # Errors
/// When the kernel gives no thread.
pub fn detach(opened: Opened, destination: &Destination) -> io::Result<()> {
    let log = Log::new("error log", opened, QUEUE);
    log.start()?;
    if LOG.set(log).is_ok() {
        lead_to(destination);
    }
    Ok(())
}

/// Whether what is said now is seen on stderr.
pub fn is_on_stderr() -> bool {
    ON_STDERR.load(Ordering::Relaxed)
}

/// What is said from now on goes there. Nothing changes before [`detach`].
pub fn turn_to(opened: Opened, destination: &Destination) {
    if let Some(log) = LOG.get() {
        lead_to(destination);
        log.turn_to(opened);
    }
}

/// Opens the file anew, for log rotation.
pub fn reopen() {
    if let Some(log) = LOG.get() {
        log.reopen();
    }
}

/// Lines that could not be written, since the start.
pub fn lost() -> u64 {
    LOG.get().map_or(0, Log::dropped)
}

/// Waits until all that was said is written, but not for a reader that stands still.
pub fn finish() {
    if let Some(log) = LOG.get() {
        log.flush(FLUSH);
    }
}

/// As [`finish`], where something else may have to go on: it waits only a moment.
pub(super) fn hurry() {
    if let Some(log) = LOG.get() {
        log.flush(LAST_WORDS);
    }
}

fn lead_to(destination: &Destination) {
    let on_stderr = *destination == Destination::Stderr;
    ON_STDERR.store(on_stderr, Ordering::Relaxed);
    COLOURS.store(on_stderr && io::stderr().is_terminal(), Ordering::Relaxed);
}

/// Text or JSON, as of now.
struct Look;

impl<S, N> FormatEvent<S, N> for Look
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if JSON.load(Ordering::Relaxed) {
            let look = format::json().flatten_event(true).with_target(false);
            return look.format_event(context, writer, event);
        }
        let look = format::format().with_target(false);
        if COLOURS.load(Ordering::Relaxed) {
            look.format_event(context, writer, event)
        } else {
            look.format_event(context, Writer::new(&mut writer), event)
        }
    }
}

/// Takes each line as a whole.
struct Lines;

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match LOG.get() {
            Some(log) => log.push(line.to_vec()),
            None => io::stderr().write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
