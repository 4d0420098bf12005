//! Panics: bugs of ours. They end the request they happen in, are told of once each, and counted.

use std::any::Any;
use std::panic::{PanicHookInfo, set_hook};
use std::sync::atomic::{AtomicU64, Ordering};

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
