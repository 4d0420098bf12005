//! The task of a shared connection: reads and writes its frames, and ends it when nobody needs it or its
//! server is gone.

use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, Connection};

use super::pulse::Pulse;
use super::session::{STREAMS_MAX, Session};
use super::sessions::Sessions;
use super::wire::{Io, Wire};
use crate::http::wire::check_start;
use crate::http::{Cause, Fault};
use crate::net::{Deadline, Stream};
use crate::upstream::connect::distrust_cause;

/// How far an answer may be ahead of its client, in bytes: what the kernel's buffer is over HTTP/1.1.
const STREAM_WINDOW: u32 = 256 * 1024;
/// How much of a request is on its way through the connection's task, in bytes.
const SEND_BUFFER: usize = 64 * 1024;
/// The limit for heads is ours to say (RFC 9113 10.5.1); what is larger still is not even read.
const HEAD_MAX: u32 = 256 * 1024;
/// What a server may still send on so many streams that our clients have given up is passed over for free.
const ABANDONED_MAX: usize = 1024;
/// How long a server may take to let our last bytes go.
const GOODBYE: Duration = Duration::from_secs(1);

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(STREAM_WINDOW * STREAMS_MAX)
        .max_header_list_size(HEAD_MAX)
        .max_send_buffer_size(SEND_BUFFER)
        .initial_max_send_streams(STREAMS_MAX as usize)
        .max_concurrent_reset_streams(ABANDONED_MAX)
        // The server is ours, and clients that go away are no fault of its.
        .max_local_error_reset_streams(None);
    builder
}

/// Begins a connection, and waits for the server's settings: they say how many requests it takes at once,
/// and that it speaks HTTP/2 at all.
pub(super) async fn begin(
    stream: Stream,
    home: Weak<Sessions>,
    idle_timeout: Duration,
) -> Result<Rc<Session>, Fault> {
    let wire = Wire::new(stream);
    let (opener, mut connection) =
        builder().handshake(Io(Rc::clone(&wire))).await.map_err(|error| refused(&wire, Some(&error)))?;
    poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
        Poll::Ready(result) => Poll::Ready(Err(refused(&wire, result.err().as_ref()))),
        Poll::Pending if wire.is_greeted() => Poll::Ready(Ok(())),
        Poll::Pending => Poll::Pending,
    })
    .await?;
    let pulse = Pulse::new(connection.ping_pong());
    let session = Session::new(opener, wire, home);
    tokio::task::spawn_local(Driver {
        connection,
        session: Rc::clone(&session),
        pulse,
        idle_timeout,
        deadline: Deadline::none(),
        rests: Rests::Not,
    });
    Ok(session)
}

/// The server did not begin to speak.
pub(super) fn silent(limit: Duration) -> Fault {
    let what = format!("no HTTP/2 settings came within {:.1} s", limit.as_secs_f64());
    Fault::new(Cause::ConnectTimeout, what)
}

fn refused(wire: &Wire, error: Option<&h2::Error>) -> Fault {
    if let Some(start) = wire.foreign() {
        let what = if start.starts_with(b"HTTP/1.") {
            "it answers HTTP/2 by HTTP/1.1".to_owned()
        } else {
            let other = check_start(&start).err().map(|error| format!(": {error}")).unwrap_or_default();
            format!("it does not speak HTTP/2{other}; it begins with \"{}\"", start.escape_ascii())
        };
        return Fault::new(Cause::NoHttp2, what);
    }
    if let Some(distrust) = wire.distrust() {
        return Fault::new(distrust_cause(&distrust), format!("TLS: {distrust}"));
    }
    let how: &dyn Display = error.map_or(&"it closed the connection", |error| error);
    Fault::new(Cause::ConnectFailed, format!("HTTP/2 does not begin: {how}"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rests {
    /// Requests are on it, or may be any moment.
    Not,
    /// None is, and the deadline says until when that may be.
    Idle,
    /// The last words are being said.
    Leaving,
}

struct Driver {
    connection: Connection<Io, Bytes>,
    session: Rc<Session>,
    pulse: Pulse,
    idle_timeout: Duration,
    deadline: Deadline,
    rests: Rests,
}

impl Driver {
    /// Ready when the connection is to be given up.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        if !self.session.is_idle() {
            self.rests = Rests::Not;
            return self.pulse.poll(cx, &self.session);
        }
        if self.rests == Rests::Not {
            self.pulse.stop();
            self.rests = Rests::Idle;
            self.deadline.set(self.idle_timeout);
        }
        if self.rests == Rests::Idle {
            if !self.session.is_surplus() && self.deadline.poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.rests = Rests::Leaving;
            self.deadline.set(GOODBYE);
            // The connection says goodbye by itself when nobody can open streams.
            self.session.retire();
            cx.waker().wake_by_ref();
        }
        self.deadline.poll(cx).map(|()| "it was closed for being idle".into())
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let driver = self.get_mut();
        driver.session.attend(cx.waker());
        let end = match Pin::new(&mut driver.connection).poll(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(None),
            Poll::Ready(Err(error)) => Poll::Ready(Some(error.to_string())),
            Poll::Pending => driver.poll_rest(cx).map(Some),
        };
        end.map(|why| driver.session.ended(why))
    }
}
