//! Waiting for the next request on a connection: with as little held, and no longer, than need be.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;

use super::connection::Shared;
use super::head::Search;
use super::io::{HEAD_SIZE, Io};
use crate::http::{Cause, Fault};

/// What the wait brought.
pub(super) enum Arrival {
    Head(Bytes),
    /// What has come cannot become a head.
    Faulty(Fault),
    /// Nothing more comes, or nothing more is wanted.
    Closed,
}

/// Waits for the next head. If that came in pieces, the first of them was here at the time returned.
pub(super) async fn arrival<S>(io: &Io, shared: &Shared<S>, first: bool) -> (Arrival, Option<Instant>) {
    let settings = shared.settings.get();
    let mut search = Search::default();
    let mut begun = None;
    io.read_limit.borrow_mut().set(if first { settings.header } else { settings.keep_alive });
    io.begin_waiting();
    let arrival = poll_fn(|cx| {
        loop {
            let found = search.next(&mut io.input.borrow_mut());
            match found {
                Ok(Some(head)) => return Poll::Ready(Arrival::Head(head)),
                Ok(None) => {}
                Err(fault) => return Poll::Ready(Arrival::Faulty(fault)),
            }
            if begun.is_none() && !io.input.borrow().is_empty() {
                begun = Some(Instant::now());
                io.read_limit.borrow_mut().set(settings.header);
            }
            match io.poll_fill(cx, HEAD_SIZE) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Arrival::Closed),
                Poll::Pending => return poll_quiet(io, shared, cx, begun.is_some()),
            }
        }
    })
    .await;
    if io.leave_idle() {
        // It ends, or has a request after all.
        shared.connections.room().left();
    }
    (arrival, begun)
}

/// Nothing has come now: is there a reason not to wait on?
fn poll_quiet<S>(io: &Io, shared: &Shared<S>, cx: &mut Context<'_>, begun: bool) -> Poll<Arrival> {
    if !begun {
        if shared.connections.ends_idle() || io.is_unwanted() {
            return Poll::Ready(Arrival::Closed);
        }
        io.rest_idle(cx.waker().clone());
    }
    io.read_limit.borrow_mut().poll(cx).map(|()| {
        if begun {
            let limit = shared.settings.get().header;
            Arrival::Faulty(Fault::new(
                Cause::HeaderTimeout,
                format!("the head was not whole after {limit:?}"),
            ))
        } else {
            Arrival::Closed
        }
    })
}
