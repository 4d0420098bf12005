//! Waiting on an exchange, and what becomes of it when nobody waits any more.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::time::timeout;

use super::conversation::Conversation;
use crate::net::Stream;
use crate::upstream::Lease;

/// Polls a step of an exchange, and gives the exchange back with its result. Dropped before, it abandons it.
pub(super) fn attended<R, F>(conversation: Conversation, step: F) -> Attended<F>
where
    F: FnMut(&mut Conversation, &mut Context<'_>) -> Poll<R> + Unpin,
{
    Attended { conversation: Some(conversation), step }
}

pub(super) struct Attended<F> {
    /// Taken when the step is done.
    conversation: Option<Conversation>,
    step: F,
}

impl<R, F> Future for Attended<F>
where
    F: FnMut(&mut Conversation, &mut Context<'_>) -> Poll<R> + Unpin,
{
    type Output = (Conversation, R);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { conversation, step } = self.get_mut();
        let Some(attended) = conversation else { return Poll::Pending };
        let result = ready!(step(attended, cx));
        conversation.take().map_or(Poll::Pending, |conversation| Poll::Ready((conversation, result)))
    }
}

impl<F> Drop for Attended<F> {
    fn drop(&mut self) {
        if let Some(conversation) = self.conversation.take() {
            conversation.abandon();
        }
    }
}

/// Keeps a place until its server is done with a request that nobody waits for: a worker that has begun
/// goes on, and the next request would only wait in its backlog, from where it cannot be withdrawn.
///
/// The application can notice: its connection has ended in our direction.
pub(super) fn keep_until_done(stream: Stream, lease: Lease) {
    let limit = lease.settings().read;
    tokio::task::spawn_local(async move {
        if stream.shutdown_write().is_ok() {
            // Whether it ended or time ran out, the place is free then.
            let _ = timeout(limit, ended(&stream)).await;
        }
        drop(lease);
    });
}

/// Forgets what comes until the other side closes.
async fn ended(stream: &Stream) {
    const ROOM: usize = 16 * 1024;
    let mut forgotten = BytesMut::new();
    while let Ok(1..) = std::future::poll_fn(|cx| stream.poll_read(cx, &mut forgotten, ROOM)).await {
        forgotten.clear();
    }
}
