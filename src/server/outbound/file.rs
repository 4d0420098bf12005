//! Parts of files, by `sendfile(2)`.

use std::os::fd::AsFd;

use super::attempt::Attempts;
use super::cursor::{Cursor, Ready};
use crate::http::{Cause, Fault, FileRange, Parts, Piece};
use crate::net::{SENDFILE_MAX, send_more, sendfile};
use crate::server::io::Io;

pub(super) async fn send(out: &mut Attempts<'_>, head: &[u8], range: &FileRange) -> Result<(), Fault> {
    if range.length == 0 {
        return out.write(&[head], None).await;
    }
    announce(out, head).await?;
    send_range(out, range).await
}

/// Pieces one behind the other; the kernel puts what is small into one packet with what follows.
pub(super) async fn send_parts(out: &mut Attempts<'_>, head: &[u8], parts: &Parts) -> Result<(), Fault> {
    let Some((last, before)) = parts.pieces().split_last() else { return out.write(&[head], None).await };
    announce(out, head).await?;
    for piece in before {
        match piece {
            Piece::Memory(bytes) => announce(out, bytes).await?,
            Piece::File(range) => send_range(out, range).await?,
        }
    }
    match last {
        Piece::Memory(bytes) => out.write(&[bytes], None).await,
        Piece::File(range) => send_range(out, range).await,
    }
}

/// Bytes behind which others come at once.
async fn announce(out: &mut Attempts<'_>, mut bytes: &[u8]) -> Result<(), Fault> {
    while !bytes.is_empty() {
        let send = |io: &Io, most: u64| {
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            send_more(&io.stream, bytes.get(..most).unwrap_or(bytes))
        };
        let written = out.attempt(bytes.len() as u64, send, None).await?;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

async fn send_range(out: &mut Attempts<'_>, range: &FileRange) -> Result<(), Fault> {
    let mut cursor = Cursor::new(range);
    let mut taken = 0;
    while cursor.left > 0 {
        let written = match cursor.next(out.io).await? {
            Ready::Cached(length) => {
                let send = |io: &Io, most| sendfile(&io.stream, range.file.as_fd(), cursor.offset, most);
                out.attempt(length, send, None).await? as u64
            }
            Ready::Read(bytes) => {
                out.write(&[&bytes], None).await?;
                bytes.len() as u64
            }
        };
        if written == 0 {
            let left = cursor.left;
            return Err(Fault::new(Cause::FileTruncated, format!("{left} bytes were still to be sent")));
        }
        cursor.advance(written);
        taken += written;
        if taken >= SENDFILE_MAX && cursor.left > 0 {
            // A client that reads as fast as we send must not hold the event loop. One that does not
            // is waited for anyway.
            tokio::task::yield_now().await;
            taken = 0;
        }
    }
    Ok(())
}
