//! HTTP/2 for clients (RFC 9113): h2 keeps frames, header blocks, windows and the states of streams;
//! everything else is as for HTTP/1.1.
//!
//! One task does all of a connection's work. In a turn it reads what has come, has every request that is
//! whole answered at once if it can be, goes on with the others, and then writes what all of them have to
//! send by one system call: many small answers cost little more than one.

mod driver;
mod floods;
mod gate;
mod head;
mod inbound;
mod link;
mod opening;
mod outbound;
mod request;
mod rest;
mod stream;
mod websocket;

use std::time::Duration;

pub(super) use driver::serve;

/// What every client of HTTP/2 sends first (RFC 9113 3.4), as far as it reads like a head of HTTP/1.
pub(super) const PREFACE_HEAD: &[u8] = b"PRI * HTTP/2.0\r\n\r\n";

/// Requests at the same time, as in nginx.
const STREAMS: u32 = 128;
/// What a client may send of one body before it is taken, and of all of them.
const WINDOW: u32 = 256 * 1024;
const WINDOWS: u32 = 1024 * 1024;
/// Fields, each with an overhead of 32 bytes. Beyond it h2 answers 431 by itself; what is too large for us
/// is smaller, so that such an answer can be logged.
const FIELDS: u32 = 48 * 1024;
/// What h2 holds of a response. Whole frames: of those a client's windows have room for.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams that we have reset, for as long as frames may still come for them.
const RESET: usize = 32;
const RESET_FOR: Duration = Duration::from_secs(1);
/// Streams that were reset before anybody saw them, and streams that we have to reset since their frames are
/// faulty: more of either are no accident.
const RESET_UNSEEN: usize = 32;
const RESET_FAULTY: usize = 64;

fn settings() -> h2::server::Builder {
    let mut settings = h2::server::Builder::new();
    settings
        .max_concurrent_streams(STREAMS)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOWS)
        .max_header_list_size(FIELDS)
        .max_send_buffer_size(SEND_BUFFER)
        .max_concurrent_reset_streams(RESET)
        .reset_stream_duration(RESET_FOR)
        .max_pending_accept_reset_streams(RESET_UNSEEN)
        .max_local_error_reset_streams(Some(RESET_FAULTY))
        .enable_connect_protocol();
    settings
}
