//! Bytes that are still arriving, as they come.

use std::future::poll_fn;
use std::task::Poll;

use bytes::BytesMut;

use super::attempt::Attempts;
use crate::http::wire::chunked;
use crate::http::{Cause, Fault, Stream};
use crate::server::encode::Framing;
use crate::server::frames::{Frames, Next, Parts};
use crate::server::io::Io;
use crate::server::leaving::Leaving;

pub(super) async fn send(
    out: &mut Attempts<'_>,
    mut head: BytesMut,
    stream: Stream,
    framing: Framing,
    trailers: bool,
) -> Result<(), Fault> {
    let mut frames = Frames::new(stream, framing);
    let mut left = if let Framing::Length(length) = framing { length } else { u64::MAX };
    loop {
        let next = next(out.io, &mut frames, !head.is_empty()).await;
        let head = std::mem::take(&mut head);
        if next.is_err() && !head.is_empty() {
            // A connection that closes without a word looks as if the request had not been read, and a
            // client may send it again.
            out.write(&[&head], None).await?;
        }
        match next? {
            Next::Nothing => out.write(&[&head], Some(&mut frames)).await?,
            Next::Data(data, last) => {
                left = left.checked_sub(data.len() as u64).ok_or_else(too_long)?;
                let parts = Parts::new(framing, &data, last);
                out.write(&[&head, parts.before(), &data, parts.behind], Some(&mut frames)).await?;
                if last {
                    return finished(left, framing);
                }
            }
            Next::End(fields) => {
                let mut tail = BytesMut::new();
                if framing == Framing::Chunked {
                    chunked::write_end(&mut tail, &fields.filter(|_| trailers).unwrap_or_default());
                }
                out.write(&[&head, &tail], None).await?;
                return finished(left, framing);
            }
        }
    }
}

/// What comes next of the body. With `unwritten` head it does not wait: an event stream's
/// head reaches the client before its first event.
async fn next(io: &Io, frames: &mut Frames, unwritten: bool) -> Result<Next, Fault> {
    let mut leaving = Leaving::new();
    poll_fn(|cx| match frames.poll(cx) {
        Poll::Ready(next) => Poll::Ready(next),
        Poll::Pending if unwritten => Poll::Ready(Ok(Next::Nothing)),
        Poll::Pending => {
            // Records of the piece before may wait for room, and nobody else has them sent.
            let _ = io.stream.poll_flushed(cx);
            leaving.poll(io, cx).map(|cause| Err(cause.into()))
        }
    })
    .await
}

pub(in crate::server) fn finished(left: u64, framing: Framing) -> Result<(), Fault> {
    if left > 0 && matches!(framing, Framing::Length(_)) {
        return Err(Fault::new(Cause::ResponseCutShort, format!("{left} bytes are missing")));
    }
    Ok(())
}

pub(in crate::server) fn too_long() -> Fault {
    Fault::new(Cause::MalformedResponse, "more content than announced")
}
