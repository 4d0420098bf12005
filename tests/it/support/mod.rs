//! The harness: a real rproxy, a raw client, a scripted origin, real gunicorn. Blocking throughout, and
//! waiting for events rather than for time to pass.
#![allow(dead_code, unused_imports, reason = "a harness offers more than each day's tests use")]

pub mod chromium;
pub mod decode;
pub mod django;
pub mod frames;
pub mod gunicorn;
pub mod http2;
pub mod kernel;
pub mod lines;
pub mod nginx;
pub mod once;
pub mod origin;
pub mod package;
pub mod pebble;
pub mod proxy;
pub mod raw;
pub mod script;
pub mod slow_disk;
pub mod stream;
pub mod tls;
pub mod trace;
pub mod venv;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use chromium::Chromium;
pub use gunicorn::Gunicorn;
pub use nginx::Nginx;
pub use origin::Origin;
pub use pebble::Pebble;
pub use proxy::Proxy;
pub use raw::{Client, Request, Response};
pub use script::Script;
pub use slow_disk::SlowDisk;
pub use stream::Transport;
pub use tls::Tls;
pub use trace::Trace;

/// How long anything may take before its test fails: generous, since machines are busy, and never waited
/// for when all is well.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A path of the repository.
pub fn repository(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs each test with its upstream on TCP and on a Unix socket: what holds for one has to for the other.
macro_rules! over_tcp_and_unix {
    ($($test:ident),+ $(,)?) => {
        mod tcp {
            $(#[test] fn $test() { super::$test($crate::support::Transport::Tcp); })+
        }
        mod unix {
            $(#[test] fn $test() { super::$test($crate::support::Transport::Unix); })+
        }
    };
}
pub(crate) use over_tcp_and_unix;
