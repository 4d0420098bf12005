//! `[timeouts]` of the file, of a site and of a location, each over the one around it.

use std::time::Duration;

use super::scalar::{self, SHORTEST, YEAR};
use crate::config::model::Timeouts;
use crate::config::node::At;
use crate::config::raw;
use crate::config::report::{Problem, Report};

pub const DEFAULT: Timeouts = Timeouts {
    header: Duration::from_secs(15),
    body: Duration::from_mins(1),
    keep_alive: Duration::from_secs(75),
    send: Duration::from_mins(1),
    handshake: Duration::from_secs(10),
};

pub fn overlay(base: Timeouts, written: Option<&At<raw::Timeouts>>, report: &mut Report) -> Timeouts {
    let Some(At { value: raw, .. }) = written else { return base };
    let mut read =
        |key, at: &Option<_>, default| scalar::duration(key, at.as_ref(), SHORTEST..=YEAR, default, report);
    Timeouts {
        header: read("header", &raw.header, base.header),
        body: read("body", &raw.body, base.body),
        keep_alive: read("keep_alive", &raw.keep_alive, base.keep_alive),
        send: read("send", &raw.send, base.send),
        handshake: read("handshake", &raw.handshake, base.handshake),
    }
}

/// A location is known only when the head has arrived, which is then too late to wait less for it.
pub fn of_location(base: Timeouts, written: Option<&At<raw::Timeouts>>, report: &mut Report) -> Timeouts {
    let Some(At { value: raw, .. }) = written else { return base };
    for (name, written) in [("header", &raw.header), ("handshake", &raw.handshake)] {
        if let Some(at) = written {
            report.push(
                Problem::error(at.key, format!("a location cannot have its own `{name}` timeout"))
                    .help("which location it is shows only when the head has arrived; set it for the site"),
            );
        }
    }
    overlay(base, written, report)
}
