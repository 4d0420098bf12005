//! The error log: tracing to stderr.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

/// Sends diagnostics of `level` and above to stderr for the rest of the process. The first call wins.
pub fn start(level: LevelFilter, format: Format) {
    let base = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // Another subscriber is in place only in tests, which keep theirs.
    let _ = match format {
        Format::Text => base.try_init(),
        Format::Json => base.json().flatten_event(true).try_init(),
    };
}
