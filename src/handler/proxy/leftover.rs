//! The body of an answer that is not sent.

use std::time::Duration;

use tokio::time::timeout;

use crate::http::{Body, Frame, Stream};

/// Up to this, a body is read to its end, so that its connection can be kept.
const SHORT: u64 = 16 * 1024;

/// Many application servers write head and body separately, but one right after the other. With `X-Sendfile`
/// the body announced may never come at all, and meanwhile the request counts as being with its server.
const SOON: Duration = Duration::from_millis(50);

/// Reads a short body to its end if that comes at once. Otherwise its connection ends.
pub(super) fn finish(body: Body) {
    let Body::Stream(mut stream) = body else { return };
    if stream.length.is_some_and(|length| length > SHORT) {
        return;
    }
    // The answer's time is over with its head: nobody waits for what is left of it.
    stream.unwatch();
    tokio::task::spawn_local(async move {
        let _ = timeout(SOON, forget(&mut stream)).await;
    });
}

async fn forget(stream: &mut Stream) {
    let mut left = SHORT;
    while let Some(Ok(Frame::Data(data))) = stream.frame().await {
        let Some(less) = left.checked_sub(data.len() as u64) else { return };
        left = less;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::upstream::testing::{channel, data};

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_short_body_is_read_to_its_end() {
        for length in [Some(5), None] {
            let (pieces, body) = channel(length);
            finish(body);
            tokio::task::yield_now().await;
            pieces.send(data("hello")).expect("somebody reads it");
            drop(pieces);
        }
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn one_that_does_not_come_is_given_up_soon() {
        let (pieces, body) = channel(Some(5));
        let start = Instant::now();
        finish(body);
        pieces.closed().await;
        assert_eq!(start.elapsed(), SOON);
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_long_one_is_given_up_at_once() {
        let (pieces, body) = channel(Some(SHORT + 1));
        finish(body);
        assert!(pieces.is_closed());
        let (pieces, body) = channel(None);
        let start = Instant::now();
        for _ in 0..=SHORT {
            pieces.send(data("x")).unwrap();
        }
        finish(body);
        pieces.closed().await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
