//! Whether a silent server still lives.

use std::task::{Context, Poll};
use std::time::Duration;

use h2::{Ping, PingPong};
use tokio::time::Instant;

use super::session::Session;
use crate::net::Deadline;

/// After so much silence a server is asked for a sign of life, while requests are with it.
const SILENCE: Duration = Duration::from_secs(30);
/// The next questions come ever later. gRPC's servers end a connection after more than two that come within
/// five minutes of each other, unless they have sent something of an answer meanwhile.
const MORE: u32 = 4;
const SILENCE_MAX: Duration = Duration::from_secs(480);
/// How long the sign may take.
const ANSWER: Duration = Duration::from_secs(15);

/// Sends PING (RFC 9113 6.7) when nothing has come for long.
#[derive(Debug)]
pub(super) struct Pulse {
    pings: Option<PingPong>,
    state: State,
    silence: Duration,
    /// Of the session, when last looked at.
    progress: u64,
    deadline: Deadline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Still,
    /// Something came then.
    Listening(Instant),
    Asked,
}

impl Pulse {
    pub(super) fn new(pings: Option<PingPong>) -> Self {
        Self { pings, state: State::Still, silence: SILENCE, progress: 0, deadline: Deadline::none() }
    }

    /// No request is with the server.
    pub(super) fn stop(&mut self) {
        if self.state != State::Asked {
            self.state = State::Still;
        }
    }

    /// Ready when the server gives no sign of life.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, session: &Session) -> Poll<String> {
        let Some(pings) = &mut self.pings else { return Poll::Pending };
        let progress = session.progress();
        if std::mem::replace(&mut self.progress, progress) != progress {
            self.silence = SILENCE;
        }
        if self.state == State::Asked && pings.poll_pong(cx).is_ready() {
            self.silence = (self.silence * MORE).min(SILENCE_MAX);
            self.state = State::Still;
        }
        loop {
            match self.state {
                State::Still => self.state = listen(&mut self.deadline, Instant::now(), self.silence),
                State::Listening(since) => {
                    let heard = session.wire.heard();
                    if heard > since {
                        self.state = listen(&mut self.deadline, heard, self.silence);
                    }
                    if self.deadline.poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    // Without one the connection has ended, and says so itself.
                    if pings.send_ping(Ping::opaque()).is_err() {
                        return Poll::Pending;
                    }
                    self.state = State::Asked;
                    self.deadline.set(ANSWER);
                    // Registers this task, and has the connection send it.
                    let _ = pings.poll_pong(cx);
                    cx.waker().wake_by_ref();
                }
                State::Asked => {
                    let limit = ANSWER.as_secs();
                    return self
                        .deadline
                        .poll(cx)
                        .map(|()| format!("it gave no sign of life within {limit} s"));
                }
            }
        }
    }
}

fn listen(deadline: &mut Deadline, since: Instant, silence: Duration) -> State {
    deadline.set((since + silence).saturating_duration_since(Instant::now()));
    State::Listening(since)
}
