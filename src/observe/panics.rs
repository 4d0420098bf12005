//! Panics: bugs of ours. They end the request they happen in, are told of once each, and counted.

use std::any::Any;
use std::panic::{PanicHookInfo, set_hook};
use std::sync::atomic::{AtomicU64, Ordering};

use super::diagnostics;

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Has panics told of in the error log, in the place of the standard library's lines on stderr.
pub fn log_panics() {
    set_hook(Box::new(|panic| {
        COUNT.fetch_add(1, Ordering::Relaxed);
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed").to_owned();
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let remedy = "this is a bug of rproxy: please report this line";
        tracing::error!(thread, place, remedy, "a panic: {}", said(panic));
        // A second one while this one unwinds, or one of the control thread, ends the process.
        diagnostics::hurry();
    }));
}

/// How many there were since the start.
pub fn panics() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// What a panic says, as `catch_unwind` has it.
pub fn panic_message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a word")
}

fn said<'a>(panic: &'a PanicHookInfo<'_>) -> &'a str {
    panic.payload_as_str().unwrap_or("without a word")
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use tracing::level_filters::LevelFilter;

    use super::*;
    use crate::observe::{Destination, Format, Opened, detach, start};

    /// In the process that is to die, where its log is.
    const LOG: &str = "RPROXY_TEST_LAST_WORDS";

    #[test]
    fn the_last_words_of_a_process_that_dies_are_written() {
        if let Some(path) = std::env::var_os(LOG) {
            let at = Destination::File(path.into());
            start(LevelFilter::INFO, Format::Text);
            detach(Opened::open(&at).unwrap(), &at).unwrap();
            log_panics();
            let _ = std::thread::spawn(|| panic!("farewell")).join();
            std::process::abort();
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("error.log");
        let name = std::thread::current().name().unwrap().to_owned();
        let mut dying = Command::new(std::env::current_exe().unwrap());
        dying.args(["--exact", &name]).env(LOG, &path).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(!dying.status().unwrap().success());
        let said = std::fs::read_to_string(path).unwrap();
        assert!(said.contains("a panic: farewell") && said.ends_with('\n'), "{said}");
    }
}
